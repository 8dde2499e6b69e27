import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { claimDevice } from '../src/device.js'
import { Presence } from '../src/presence.js'
import { Typing } from '../src/typing.js'
import { FakeStorage, settle } from './fakes.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('P4: the online list is what the server said last', () => {
  const p = new Presence(async () => [])
  const seen = vi.fn()
  p.on('online', seen)
  p.onEvent('getOnlineUsers', [['a', 'b', 7]])
  expect([...p.online]).toEqual(['a', 'b'])
  p.onEvent('getOnlineUsers', [['b']])
  expect(p.isOnline('a')).toBe(false)
  expect(seen).toHaveBeenCalledTimes(2)
})

test('P5: watches again in a new session, not in a resumed one', async () => {
  const request = vi.fn(async () => [{ user: 'bob', online: true }])
  const p = new Presence(request)
  p.watch(['bob', 'bob', 'cid'])
  p.watch(['bob'])
  await settle()
  expect(p.isOnline('bob')).toBe(true)
  p.onHello({ resumed: true })
  p.onHello({ resumed: false })
  expect(request.mock.calls.map((c: unknown[]) => c[1])).toEqual([
    { users: ['bob', 'cid'] },
    { users: ['bob', 'cid'] },
  ])
  p.onEvent('presence:update', [{ user: 'bob', online: false, lastSeen: 5 }])
  expect(p.isOnline('bob')).toBe(false)
})

test('M4: typing is said every three seconds while keys go on, and stops by itself', async () => {
  const sent: string[] = []
  const t = new Typing((event, to) => sent.push(`${event} ${to}`))
  for (let i = 0; i < 35; i++) {
    t.key('bob')
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(sent).toEqual(['typing bob', 'typing bob'])
  await vi.advanceTimersByTimeAsync(3500)
  expect(sent.at(-1)).toBe('stopTyping bob')
  t.stop('bob')
  expect(sent).toHaveLength(3)
})

test('M4: nobody stays typing for ever', async () => {
  const t = new Typing(() => {})
  const seen: unknown[] = []
  t.on('typing', (...a) => seen.push(a))
  t.onEvent('userTyping', ['bob'])
  t.onEvent('userTyping', ['bob'])
  await vi.advanceTimersByTimeAsync(7000)
  expect(seen).toEqual([['bob', true], ['bob', false]])
})

/** Tabs of one browser, with the locks that they share. */
function browser() {
  const held = new Set<string>()
  return (storage: FakeStorage) => ({
    storage,
    channel: undefined,
    locks: {
      request: (name: string, options: { signal: AbortSignal }, hold: () => Promise<never>) => {
        if (!held.has(name)) {
          held.add(name)
          return hold()
        }
        return new Promise((_, reject) => options.signal.addEventListener('abort', () => reject(options.signal.reason)))
      },
    } as unknown as Pick<LockManager, 'request'>,
  })
}

test('a duplicated tab is another device', async () => {
  vi.useRealTimers()
  const tab = browser()
  const first = new FakeStorage()
  const original = await claimDevice(tab(first))
  const copy = new FakeStorage()
  copy.items.set('tandem.device', original.id)
  const other = await claimDevice(tab(copy))
  expect(original.copied).toBe(false)
  expect(other.copied).toBe(true)
  expect(other.id).not.toBe(original.id)
  expect(copy.items.get('tandem.device')).toBe(other.id)
})

test('a reloaded tab is the same device', async () => {
  const storage = new FakeStorage()
  const before = await claimDevice(browser()(storage))
  const after = await claimDevice(browser()(storage))
  expect(after).toEqual({ id: before.id, copied: false })
})
