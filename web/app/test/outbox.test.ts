import { TandemError, type Message, type Outgoing } from '@tandem-rtc/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Waiting } from '../src/chat/entry'
import { MOST_WAITING, Outbox } from '../src/chat/outbox'
import { message } from './messages'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const written = (n: number): Waiting => ({ clientId: `c${n}`, to: 'bob', text: `text ${n}`, at: n })

function setup(kept: Waiting[] = []) {
  const h = {
    online: true,
    sent: [] as string[],
    stored: [] as Message[],
    kept: new Map(kept.map((w) => [w.clientId, w])),
    /** What happens to the next messages; none: they are stored. */
    problems: [] as (TandemError | undefined)[],
  }
  const box = new Outbox({
    async send(_to: string, m: Outgoing) {
      h.sent.push(m.clientId!)
      const problem = h.problems.shift()
      if (problem) throw problem
      return message(h.sent.length, { senderId: 'alice', clientId: m.clientId!, message: m.text! })
    },
    online: () => h.online,
    cache: {
      waiting: async () => [...h.kept.values()],
      queue: async (w) => void h.kept.set(w.clientId, w),
      unqueue: async (id) => void h.kept.delete(id),
    },
    stored: (m) => void h.stored.push(m),
    changed: () => {},
  })
  return { h, box }
}

test('M1: what is written offline waits, and goes out once and in order when the connection is back', async () => {
  const { h, box } = setup()
  h.online = false
  for (let i = 0; i < 5; i++) box.add(written(i))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(h.sent).toEqual([])
  expect(box.list).toHaveLength(5)
  expect(h.kept.size).toBe(5)
  h.online = true
  await Promise.all([box.run(), box.run()])
  await vi.advanceTimersByTimeAsync(0)
  expect(h.sent).toEqual(['c0', 'c1', 'c2', 'c3', 'c4'])
  expect(box.list).toEqual([])
  expect(h.kept.size).toBe(0)
})

test('M1: an answer that is lost is asked for again under the same id, before what comes after it', async () => {
  const { h, box } = setup()
  h.problems = [new TandemError('timeout'), new TandemError('unavailable'), undefined]
  box.add(written(1))
  box.add(written(2))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(h.sent).toEqual(['c1', 'c1', 'c1', 'c2'])
  expect(box.list).toEqual([])
})

test('a message that the server does not take says so, and holds up no other', async () => {
  const { h, box } = setup()
  h.problems = [new TandemError('forbidden')]
  box.add(written(1))
  box.add(written(2))
  await vi.advanceTimersByTimeAsync(100)
  expect(box.list.map((w) => [w.clientId, w.failed])).toEqual([['c1', 'You can’t write to this person']])
  expect(h.kept.get('c1')?.failed).toBeDefined()
  box.retry('c1')
  await vi.advanceTimersByTimeAsync(100)
  expect(box.list).toEqual([])
  expect(h.sent).toEqual(['c1', 'c2', 'c1'])
})

test('what waited when the page was closed is sent by the next one', async () => {
  const { h, box } = setup([written(1), written(2)])
  await box.restore()
  await vi.advanceTimersByTimeAsync(100)
  expect(h.sent).toEqual(['c1', 'c2'])
  expect(h.kept.size).toBe(0)
})

test('only so many may wait; one that is dropped is not sent', async () => {
  const { h, box } = setup()
  h.online = false
  for (let i = 0; i < MOST_WAITING; i++) expect(box.add(written(i))).toBe(true)
  expect(box.add(written(MOST_WAITING))).toBe(false)
  box.drop('c0')
  h.online = true
  await box.run()
  expect(h.sent).not.toContain('c0')
  expect(h.sent).toHaveLength(MOST_WAITING - 1)
})

test('closed, it sends nothing more', async () => {
  const { h, box } = setup()
  h.problems = [new TandemError('unavailable')]
  box.add(written(1))
  await vi.advanceTimersByTimeAsync(0)
  box.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(h.sent).toEqual(['c1'])
})
