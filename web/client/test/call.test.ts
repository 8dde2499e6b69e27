import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Call } from '../src/call.js'
import { LiveCallMemory } from '../src/memory.js'
import { Tandem, type TandemOptions } from '../src/tandem.js'
import { FakeNetwork, FakeStorage, settle } from './fakes.js'
import { FakePC, createConnection, fakeMedia } from './fakertc.js'

let net: FakeNetwork
let storage: FakeStorage

beforeEach(() => {
  vi.useFakeTimers()
  net = new FakeNetwork()
  storage = new FakeStorage()
  FakePC.all = []
})
afterEach(() => vi.useRealTimers())

const remote = (tag?: string) => ({
  type: 'offer',
  sdp: 'm=audio 9\r\na=ice-ufrag:r\r\na=fingerprint:sha-256 AA\r\na=candidate:1\r\n',
  ...(tag ? { tag } : {}),
})
const incoming = (more: object = {}) => ({
  callId: 'w1',
  from: { _id: 'bob' },
  fromId: 'bob',
  callerName: 'Bob',
  isVideoCall: false,
  signal: remote('t1'),
  ...more,
})

async function client(opts: Partial<TandemOptions> = {}, hello: object = {}) {
  const tandem = new Tandem({
    url: 'http://calls.test',
    userId: 'alice',
    name: 'Alice',
    device: { id: 'd1', copied: false },
    createSocket: net.create,
    createConnection,
    media: fakeMedia,
    memory: new LiveCallMemory(storage),
    backoff: { random: () => 0 },
    ...opts,
  })
  const ready = tandem.connect()
  await settle()
  net.now.greet(hello)
  await ready
  net.now.ack('ice:servers', { iceServers: [], ttl: 600 })
  await settle()
  return tandem
}

async function dial(tandem: Tandem, video = false): Promise<Call> {
  const call = tandem.calls.dial({ id: 'bob', name: 'Bob' }, { video })
  await settle()
  return call
}

async function answered(tandem: Tandem): Promise<Call> {
  const call = await dial(tandem)
  net.now.ack('call:user', { callId: 'c1', state: 'ringing' })
  await settle()
  const re = net.now.last('call:user')!.args[0].signal.tag
  const signal = { type: 'answer', sdp: remote().sdp, re }
  net.now.event('call:accepted', [signal, { callId: 'c1', extended: true }], 1)
  await settle()
  FakePC.last.become('connected')
  return call
}

test('a call goes from starting to connected, by the server’s id', async () => {
  const tandem = await client()
  const call = tandem.calls.dial({ id: 'bob' }, { video: true })
  const states: string[] = [call.state]
  call.on('state', (s) => states.push(s))
  await settle()
  const ask = net.now.last('call:user')!.args[0]
  expect(ask).toMatchObject({ to: 'bob', fromId: 'alice', callerName: 'Alice', isVideoCall: true })
  expect(ask.callId).not.toBe('c1')
  net.now.ack('call:user', { callId: 'c1', state: 'ringing' })
  await settle()
  net.now.event('call:ringing', [{ callId: 'c1', devices: 1 }], 1)
  net.now.event('call:accepted', [{ type: 'answer', sdp: remote().sdp }, { callId: 'c1', extended: true }], 2)
  await settle()
  FakePC.last.become('connected')
  expect(states).toEqual(['starting', 'calling', 'ringing', 'connecting', 'connected'])
  expect(call.id).toBe('c1')
  expect(net.now.last('call:signal')!.args[0].signal.type).toBe('media')
})

test('events that are faster than the ack of their call are kept for it', async () => {
  const tandem = await client()
  const call = await dial(tandem)
  net.now.event('call:ringing', [{ callId: 'c1', devices: 1 }], 1)
  net.now.ack('call:user', { callId: 'c1', state: 'ringing' })
  await settle()
  expect(call.state).toBe('ringing')
})

test('C4: busy ends the call with its reason, told by ack or by event', async () => {
  const tandem = await client()
  const first = await dial(tandem)
  net.now.event('call:unavailable', [{ callId: 'x', code: 'busy', reason: 'User is currently on another call' }], 1)
  expect(first.endReason).toBe('busy')
  net.now.fail('call:user', 'busy')
  const second = await dial(tandem)
  net.now.fail('call:user', 'busy')
  await settle()
  expect(second.endReason).toBe('busy')
  expect(tandem.calls.live).toEqual([])
})

test('a call cancelled before its ack is cancelled on the server after it', async () => {
  const tandem = await client()
  const call = await dial(tandem)
  call.hangup()
  expect(call.endReason).toBe('cancelled')
  expect(net.now.last('call:end')).toBeUndefined()
  net.now.ack('call:user', { callId: 'c1', state: 'ringing' })
  await settle()
  expect(net.now.last('call:end')!.args[0]).toEqual({ to: 'bob', callId: 'c1' })
})

test('a callee answers with one complete answer to a base device', async () => {
  const tandem = await client()
  const rung = vi.fn()
  tandem.calls.on('incoming', rung)
  net.now.event('call:incoming', [incoming({ peerExtended: false })], 1)
  net.now.event('call:incoming', [incoming({ signal: { candidate: { candidate: 'candidate:7', sdpMLineIndex: 0 } } })], 2)
  expect(rung).toHaveBeenCalledOnce()
  const call: Call = rung.mock.calls[0]![0]
  void call.answer({ video: false })
  await settle()
  const answer = net.now.last('call:answer')!.args[0]
  expect(answer).toMatchObject({ to: 'bob', callId: 'w1', signal: { type: 'answer', re: 't1' } })
  expect(FakePC.last.candidates).toHaveLength(0) // C3: another device may have been faster
  net.now.ack('call:answer')
  await settle()
  expect(FakePC.last.candidates.map((c) => c.candidate)).toContain('candidate:7')
  FakePC.last.found('candidate:never')
  expect(call.state).toBe('connecting')
  expect(net.now.last('call:signal')).toBeUndefined()
})

test('C3: answered elsewhere, told by event or by the refused answer', async () => {
  const tandem = await client()
  net.now.event('call:incoming', [incoming()], 1)
  const call = tandem.calls.live[0]!
  void call.answer()
  await settle()
  net.now.fail('call:answer', 'already_answered')
  await settle()
  expect(call.endReason).toBe('answered_elsewhere')
  net.now.event('call:incoming', [incoming({ callId: 'w2' })], 2)
  const other = tandem.calls.live[0]!
  net.now.event('call:end', [{ callId: 'w2', reason: 'answered_elsewhere' }], 3)
  expect(other.endReason).toBe('answered_elsewhere')
})

test('a call whose microphone is refused rings on', async () => {
  const denied = { ...fakeMedia, microphone: async () => Promise.reject(new Error('denied')) }
  const tandem = await client({ media: denied })
  net.now.event('call:incoming', [incoming()], 1)
  const call = tandem.calls.live[0]!
  await expect(call.answer()).rejects.toThrow('denied')
  expect(call.state).toBe('incoming')
  call.decline()
  expect(net.now.last('call:rejected')!.args[0]).toEqual({ to: 'bob', callId: 'w1' })
})

test('C8: glare told by call:incoming: the winner is answered without asking', async () => {
  const tandem = await client()
  const rung = vi.fn()
  tandem.calls.on('incoming', rung)
  const call = await dial(tandem)
  net.now.event('call:incoming', [incoming({ glare: true })], 1)
  await settle()
  expect(net.now.last('call:answer')!.args[0].callId).toBe('w1')
  net.now.ack('call:answer')
  net.now.ack('call:user', { callId: 'w1', state: 'glare' })
  await settle()
  expect(call.id).toBe('w1')
  expect(call.state).toBe('connecting')
  expect(rung).not.toHaveBeenCalled()
  expect(net.now.all('call:answer')).toHaveLength(1)
})

test('C8: glare told by the ack first, or after the winner began to ring', async () => {
  const tandem = await client()
  const early = await dial(tandem)
  net.now.ack('call:user', { callId: 'w1', state: 'glare' })
  await settle()
  net.now.event('call:incoming', [incoming({ glare: true })], 1)
  await settle()
  expect(early.id).toBe('w1')
  expect(net.now.last('call:answer')!.args[0].callId).toBe('w1')
  net.now.event('call:end', [{ callId: 'w1', reason: 'hangup' }], 2)

  const late = await dial(tandem)
  net.now.event('call:incoming', [incoming({ callId: 'w2' })], 3)
  const ringing = tandem.calls.live.find((c) => c.id === 'w2')!
  net.now.ack('call:user', { callId: 'w2', state: 'glare' })
  await settle()
  expect(ringing.endReason).toBe('glare')
  expect(late.id).toBe('w2')
  expect(net.now.last('call:answer')!.args[0].callId).toBe('w2')
})

test('C9: the other party’s coming and going is shown, and media that stays away ends the call', async () => {
  const tandem = await client()
  const call = await answered(tandem)
  net.now.event('call:peer', [{ callId: 'c1', state: 'reconnecting' }], 2)
  expect(call.peerAway).toBe(true)
  net.now.event('call:peer', [{ callId: 'c1', state: 'back' }], 3)
  expect(call.peerAway).toBe(false)
  FakePC.last.become('disconnected')
  expect(call.state).toBe('reconnecting')
  for (let i = 0; i < 6; i++) {
    await vi.advanceTimersByTimeAsync(5000)
    if (net.now.last('ping')) net.now.ack('ping')
  }
  expect(call.endReason).toBe('lost')
  expect(net.now.last('call:end')!.args[0].callId).toBe('c1')
})

test('C13: a new session asks what became of its call', async () => {
  const tandem = await client()
  const call = await answered(tandem)
  net.now.drop()
  await vi.advanceTimersByTimeAsync(100)
  net.now.greet({ resumed: false })
  expect(net.now.last('call:resume')!.args[0]).toEqual({ callId: 'c1' })
  net.now.fail('call:resume', 'call_ended')
  await settle()
  expect(call.endReason).toBe('lost')
})

test('C9: a resumed session goes on without a word about its call', async () => {
  const tandem = await client()
  const call = await answered(tandem)
  net.now.drop()
  await vi.advanceTimersByTimeAsync(100)
  net.now.greet({ resumed: true })
  expect(net.now.last('call:resume')).toBeUndefined()
  expect(call.state).toBe('connected')
})

test('a reloaded page takes its call again with an offer of its own', async () => {
  const before = await client()
  await answered(before)
  expect(new LiveCallMemory(storage).recall()).toMatchObject({ callId: 'c1', to: 'bob', audio: true })

  const restored = vi.fn()
  net = new FakeNetwork()
  const after = new Tandem({
    url: 'http://calls.test',
    userId: 'alice',
    device: { id: 'd1', copied: false },
    createSocket: net.create,
    createConnection,
    media: fakeMedia,
    memory: new LiveCallMemory(storage),
  })
  after.calls.on('restored', restored)
  void after.connect()
  await settle()
  net.now.greet()
  await settle()
  net.now.ack('ice:servers', { iceServers: [] })
  net.now.ack('call:resume', {
    call: { callId: 'c1', state: 'answered', role: 'caller', isVideoCall: false, peer: { id: 'bob', name: 'Bob' }, peerExtended: true },
    pending: [{ event: 'call:signal', args: [{ callId: 'c1', signal: { type: 'answer', sdp: 'stale', re: 'old' } }] }],
  })
  await settle()
  expect(restored).toHaveBeenCalledOnce()
  const offer = net.now.all('call:signal')[0]!.args[0]
  expect(offer).toMatchObject({ callId: 'c1', signal: { type: 'offer' } })
  expect(FakePC.last.signalingState).toBe('have-local-offer')
})

test('a call that ended while the page was reloaded is not shown', async () => {
  storage.setItem('tandem.call', JSON.stringify({ callId: 'c9', to: 'bob', audio: true, video: false }))
  const tandem = await client()
  net.now.fail('call:resume', 'not_found')
  await settle()
  expect(tandem.calls.live).toEqual([])
  expect(storage.getItem('tandem.call')).toBeNull()
})

test('a copied tab does not take the original’s call', async () => {
  storage.setItem('tandem.call', JSON.stringify({ callId: 'c9', to: 'bob', audio: true, video: false }))
  await client({ device: { id: 'd2', copied: true } })
  expect(net.now.last('call:resume')).toBeUndefined()
})

test('the camera goes off for good, but to a base device it sends black', async () => {
  const tandem = await client()
  const call = await answered(tandem)
  await call.local.setVideo(true)
  const camera = call.localStream.getVideoTracks()[0]!
  await call.local.setVideo(false)
  expect(camera.readyState).toBe('ended')
  call.local.keepCamera = true
  await call.local.setVideo(true)
  const second = call.localStream.getVideoTracks()[0]!
  await call.local.setVideo(false)
  expect(second.readyState).toBe('live')
  expect(second.enabled).toBe(false)
})

test('a shared screen takes the camera’s place and gives it back', async () => {
  const tandem = await client()
  const call = await answered(tandem)
  await call.local.setVideo(true)
  const sender = () => FakePC.last.getTransceivers().find((t) => t.receiver.track.kind === 'video')!.sender.track
  const camera = sender()
  await call.shareScreen()
  expect(sender()).not.toBe(camera)
  await call.local.stopScreen()
  expect(sender()).toBe(camera)
})
