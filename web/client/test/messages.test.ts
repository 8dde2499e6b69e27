import { expect, test, vi } from 'vitest'
import { TandemError } from '../src/errors.js'
import type { Message, Requests } from '../src/events.js'
import { Messages } from '../src/messages.js'
import { settle } from './fakes.js'

type Sync = Requests['message:sync']['reply']

const page = (more: Partial<Sync> = {}): Sync => ({ messages: [], receipts: [], deleted: [], cursor: 'c', more: false, ...more })

const message = (id: string, more: Partial<Message> = {}): Message => ({
  _id: id,
  senderId: 'bob',
  receiverId: 'alice',
  message: id,
  media: null,
  status: 'sent',
  replyTo: null,
  reactions: [],
  createdAt: '2026-01-02T03:04:05.000Z',
  updatedAt: '2026-01-02T03:04:05.000Z',
  ...more,
})

/** Messages whose server answers with what is next in line, and what they told. */
function setup(...answers: (object | Error)[]) {
  const request = vi.fn(async (_event: string, _payload: unknown) => {
    const next = answers.shift() ?? {}
    if (next instanceof Error) throw next
    return next
  })
  const m = new Messages(request)
  const told: unknown[][] = []
  for (const name of ['message', 'status', 'seen', 'reactions', 'deleted', 'caughtUp'] as const)
    m.on(name, (...args: unknown[]) => told.push([name, ...args]))
  return { m, request, told }
}

test('M1: a message that is sent has an id of its own, for it may be sent again', async () => {
  const { m, request } = setup({ message: message('1') }, { message: message('2') })
  expect((await m.send('bob', { text: 'hi' }))._id).toBe('1')
  await m.send('bob', { text: 'hi', clientId: 'mine', replyTo: '1' })
  const [first, second] = request.mock.calls.map((c) => c[1] as Record<string, unknown>)
  expect(first).toEqual({ to: 'bob', text: 'hi', clientId: expect.stringMatching(/.{16,}/) })
  expect(second).toEqual({ to: 'bob', text: 'hi', clientId: 'mine', replyTo: '1' })
})

test('M3: a new device begins with what comes', async () => {
  const { m, request, told } = setup(page({ cursor: 'now' }))
  m.onHello({ resumed: false })
  await settle()
  expect(request.mock.calls).toEqual([['message:sync', { limit: 0 }]])
  expect(told).toEqual([['caughtUp', 'now']])
  expect([m.cursor, m.available]).toEqual(['now', true])
})

test('M3: a new session catches up page by page, a resumed one need not', async () => {
  const a = message('a'), b = message('b')
  const { m, request, told } = setup(
    page({ messages: [a], receipts: [{ messageId: 'x', status: 'seen' }], cursor: '2', more: true }),
    page({ messages: [b], receipts: [{ senderId: 'alice', receiverId: 'bob', until: 1795659065123, status: 'seen' }], deleted: ['y'], cursor: '3' }),
  )
  m.cursor = '1'
  m.onHello({ resumed: true })
  await settle()
  expect(request).not.toHaveBeenCalled()
  m.onHello({ resumed: false })
  await settle()
  expect(request.mock.calls.map((c) => c[1])).toEqual([{ since: '1' }, { since: '2' }])
  expect(told).toEqual([
    ['message', a, undefined],
    ['status', 'x', 'seen'],
    ['message', b, undefined],
    ['seen', 'alice', 'bob', new Date(1795659065123).toISOString()],
    ['deleted', 'y'],
    ['caughtUp', '3'],
  ])
})

test('M3: asked while it catches up, it asks once more', async () => {
  const { m, request } = setup(page({ cursor: '1' }), page({ cursor: '2' }))
  m.cursor = '0'
  await Promise.all([m.sync(), m.sync(), m.sync()])
  expect(request.mock.calls.map((c) => c[1])).toEqual([{ since: '0' }, { since: '1' }])
})

test('M5: a server that keeps no messages, and a cursor of another one', async () => {
  const off = setup(new TandemError('not_configured'))
  await off.m.sync()
  expect(off.m.available).toBe(false)
  const other = setup(new TandemError('bad_payload'), page({ cursor: 'new' }))
  other.m.cursor = 'old'
  await other.m.sync()
  expect(other.request.mock.calls.map((c) => c[1])).toEqual([{ since: 'old' }, { limit: 0 }])
  expect(other.m.cursor).toBe('new')
  const away = setup(new TandemError('unavailable'))
  await expect(away.m.sync()).rejects.toThrow('unavailable')
  expect(away.m.available).toBeUndefined()
})

test('C12: what is asked again after a loss is not taken back', async () => {
  const { m, request } = setup({ message: message('1') }, { message: message('1') }, new TandemError('not_found'), new TandemError('forbidden'))
  await m.react('1', '👍')
  await m.react('1', '👍', false)
  expect(request.mock.calls.map((c) => c[1])).toEqual([
    { messageId: '1', emoji: '👍', on: true },
    { messageId: '1', emoji: '👍', on: false },
  ])
  await m.delete('1')
  await expect(m.delete('1', { forMe: true })).rejects.toThrow('forbidden')
})

test('live events', () => {
  const { m, told } = setup()
  const a = message('a')
  const edited = message('a', { message: 'better', editedAt: 't' })
  for (const [event, ...args] of [
    ['newMessage', a, { _id: 'bob', fullName: 'Bob' }],
    ['message:edited', { message: edited }],
    ['messageStatusUpdated', { messageId: 'a', status: 'delivered' }],
    ['allmessageStatusUpdated', { senderId: 'alice', receiverId: 'bob', status: 'seen' }],
    ['reactionUpdated', { messageId: 'a', reactions: [{ userId: 'bob', emoji: '👍' }] }],
    ['messageDeleted', { messageId: 'a' }],
  ] as [string, ...unknown[]][]) expect(m.onEvent(event, args)).toBe(true)
  expect(told).toEqual([
    ['message', a, { _id: 'bob', fullName: 'Bob' }],
    ['message', edited, undefined],
    ['status', 'a', 'delivered'],
    ['seen', 'alice', 'bob', undefined],
    ['reactions', 'a', [{ userId: 'bob', emoji: '👍' }]],
    ['deleted', 'a'],
  ])
  for (const args of [[], [null], ['x'], [{}], [7]])
    for (const event of ['newMessage', 'message:edited', 'messageStatusUpdated', 'reactionUpdated', 'messageDeleted']) m.onEvent(event, args)
  expect(told).toHaveLength(6)
  expect(m.onEvent('call:end', [{}])).toBe(false)
})

test('pages and receipts', async () => {
  const { m, request } = setup({ messages: [] }, { conversations: [], next: '' }, {}, {}, { message: message('1') })
  await m.history('bob', { before: '5', limit: 20 })
  expect(await m.conversations()).toEqual({ conversations: [], next: '' })
  await m.seen(message('1'))
  await m.allSeen('bob')
  await m.edit('1', 'better')
  expect(request.mock.calls).toEqual([
    ['message:history', { peer: 'bob', before: '5', limit: 20 }],
    ['message:conversations', {}],
    ['messageSeen', { messageId: '1', senderId: 'bob' }],
    ['allmessageSeen', { senderId: 'bob' }],
    ['message:edit', { messageId: '1', text: 'better' }],
  ])
})
