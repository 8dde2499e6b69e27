import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Connection, type ConnectionOptions } from '../src/connection.js'
import { FakeNetwork, settle } from './fakes.js'

let net: FakeNetwork

beforeEach(() => {
  vi.useFakeTimers()
  net = new FakeNetwork()
})
afterEach(() => vi.useRealTimers())

async function open(opts: Partial<ConnectionOptions> = {}, hello?: object) {
  const c = new Connection({
    url: 'http://calls.test/app/',
    userId: 'alice',
    deviceId: 'd1',
    createSocket: net.create,
    random: () => 0,
    backoff: { random: () => 0 },
    ...opts,
  })
  const events: unknown[][] = []
  c.on('event', (name, args) => events.push([name, ...args]))
  c.open()
  await settle()
  const auth = net.now.greet(hello)
  return { c, events, auth }
}

test('opens /ws below the base with the subprotocol, and authenticates in the first frame', async () => {
  const { c, auth } = await open()
  expect(net.now.url).toBe('ws://calls.test/app/ws?auth=frame')
  expect(net.now.protocols).toEqual(['tandem.v1'])
  expect(auth).toEqual({ deviceId: 'd1', userId: 'alice' })
  expect(c.state).toBe('open')
})

test('I1: a token goes alone, without a claim of who it is', async () => {
  const { auth } = await open({ token: async () => 'jwt' })
  expect(auth).toEqual({ deviceId: 'd1', token: 'jwt' })
})

test('C9: resumes with the last sequence number, and hears each event once', async () => {
  const { events } = await open()
  net.now.event('a', [], 1)
  net.now.event('b', [], 2)
  net.now.event('typing', [])
  net.now.drop()
  await vi.advanceTimersByTimeAsync(100)
  const auth = net.now.greet({ resumed: true, resumeToken: 'r2' })
  expect(auth.resume).toEqual({ token: 'r1', lastSeq: 2 })
  net.now.event('b', [], 2)
  net.now.event('c', [], 3)
  expect(events.map((e) => e[0])).toEqual(['a', 'b', 'typing', 'c'])
})

test('a session that is not resumed counts from the beginning', async () => {
  const { events } = await open()
  net.now.event('a', [], 9)
  net.now.drop()
  await vi.advanceTimersByTimeAsync(100)
  net.now.greet({ resumed: false })
  net.now.event('b', [], 1)
  expect(events.map((e) => e[0])).toEqual(['a', 'b'])
})

test('tells the server what has arrived after 32 events or five seconds', async () => {
  await open()
  for (let i = 1; i <= 31; i++) net.now.event('x', [], i)
  expect(net.now.all('seq')).toHaveLength(0)
  net.now.event('x', [], 32)
  expect(net.now.last('seq')!.args).toEqual([32])
  net.now.event('x', [], 33)
  await vi.advanceTimersByTimeAsync(5000)
  expect(net.now.last('seq')!.args).toEqual([33])
  await vi.advanceTimersByTimeAsync(5000)
  expect(net.now.all('seq')).toHaveLength(2)
})

test('requests get their ack, their error, or a timeout', async () => {
  const { c } = await open()
  const good = c.request('call:user', {})
  net.now.ack('call:user', { callId: 'c1' })
  await expect(good).resolves.toEqual({ callId: 'c1' })
  const bad = c.request('call:user', {})
  net.now.fail('call:user', 'busy')
  await expect(bad).rejects.toMatchObject({ code: 'busy', event: 'call:user' })
  const lost = expect(c.request('call:user', {}, 50)).rejects.toMatchObject({ code: 'timeout' })
  await vi.advanceTimersByTimeAsync(50)
  await lost
})

test('C12: requests that had no ack are sent again in order, with their ids', async () => {
  const { c } = await open()
  const first = c.request('call:signal', { n: 1 })
  net.now.drop()
  const second = c.request('call:signal', { n: 2 })
  await vi.advanceTimersByTimeAsync(100)
  const old = net.sockets[0]!.last('call:signal')!
  net.now.greet({ resumed: true })
  expect(net.now.all('call:signal').map((f) => f.args[0].n)).toEqual([1, 2])
  expect(net.now.all('call:signal')[0]!.id).toBe(old.id)
  net.now.receive({ ack: old.id, args: [{}] })
  net.now.ack('call:signal')
  await Promise.all([first, second])
})

test('volatile events are dropped while away', async () => {
  const { c } = await open()
  net.now.drop()
  c.volatile('typing', {})
  await vi.advanceTimersByTimeAsync(100)
  net.now.greet({ resumed: true })
  expect(net.now.all('typing')).toHaveLength(0)
})

test('an unanswered ping replaces the socket at once', async () => {
  const { c } = await open()
  c.busy = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(net.now.last('ping')).toBeDefined()
  await vi.advanceTimersByTimeAsync(5000)
  expect(net.sockets).toHaveLength(2)
  expect(net.sockets[0]!.closedWith).toBe(4000)
  expect(c.state).toBe('reconnecting')
  net.now.greet({ resumed: true })
  expect(c.state).toBe('open')
})

test('a socket that never greets is given up, with growing delays', async () => {
  const c = new Connection({ url: 'http://x', deviceId: 'd', createSocket: net.create, backoff: { random: () => 0 } })
  c.open()
  await settle()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(c.state).toBe('reconnecting')
  await vi.advanceTimersByTimeAsync(100)
  expect(net.sockets).toHaveLength(2)
  net.now.drop()
  await vi.advanceTimersByTimeAsync(199)
  expect(net.sockets).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)
  expect(net.sockets).toHaveLength(3)
})

test.each([
  [4401, 'unauthorized', 'unauthorized'],
  [4403, 'identity_mismatch', 'identity_mismatch'],
  [4409, 'replaced', 'replaced'],
])('close code %i is final', async (code, reason, expected) => {
  const { c } = await open()
  const refused = vi.fn()
  c.on('refused', refused)
  const waiting = expect(c.request('x', {})).rejects.toMatchObject({ code: expected })
  net.now.drop(code, reason)
  await waiting
  await vi.advanceTimersByTimeAsync(60_000)
  expect(refused).toHaveBeenCalledOnce()
  expect(c.state).toBe('closed')
  expect(net.sockets).toHaveLength(1)
})

test('I3: an expired token is fetched once more, and refused if that one fails too', async () => {
  const token = vi.fn(async () => 'jwt')
  const { c } = await open({ token })
  net.now.drop(4402, 'token_expired')
  await vi.advanceTimersByTimeAsync(100)
  expect(token).toHaveBeenCalledTimes(2)
  net.now.open()
  net.now.drop(4401, 'unauthorized')
  expect(c.state).toBe('closed')
})

test('I3: auth:expiring is answered with a fresh token', async () => {
  await open({ token: async () => 'fresh' })
  net.now.event('auth:expiring', [{}], 1)
  await settle()
  expect(net.now.last('auth:refresh')!.args).toEqual([{ token: 'fresh' }])
})

test('O2: a draining server is left within its time, and the session resumed', async () => {
  const { c } = await open({ random: () => 0.5 })
  net.now.event('server:drain', [{ reconnectWithinMs: 1000 }], 1)
  await vi.advanceTimersByTimeAsync(400)
  expect(net.sockets).toHaveLength(2)
  expect(net.now.greet({ resumed: true }).resume).toEqual({ token: 'r1', lastSeq: 1 })
  expect(c.state).toBe('open')
})

test('too many devices is told, and tried again', async () => {
  const c = new Connection({ url: 'http://x', deviceId: 'd', createSocket: net.create })
  c.open()
  await settle()
  net.now.open()
  net.now.event('error', [{ code: 'too_many_sessions', message: 'Too many.', event: 'auth' }])
  net.now.drop(4429, 'too_many_sessions')
  expect(c.problem).toMatchObject({ code: 'too_many_sessions' })
  expect(c.state).toBe('reconnecting')
})

test('C9: close says goodbye', async () => {
  const { c } = await open()
  c.close()
  expect(net.now.last('disconnect')).toBeDefined()
  expect(net.now.closedWith).toBe(1000)
})

test('frames that are none of this protocol do no harm', async () => {
  const { c } = await open()
  for (const data of ['', '{', '7', 'null', '[]', '{"event":7}', '{"ack":"x"}', new ArrayBuffer(3)]) {
    net.now.onmessage?.({ data })
  }
  expect(c.state).toBe('open')
})
