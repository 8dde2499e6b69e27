import type { Message } from '@tandem-rtc/client'
import { expect, test } from 'vitest'
import { PAGE, Thread, WINDOW } from '../src/chat/thread'
import { history, message } from './messages'

const ids = (t: Thread): string[] => t.list.map((m) => m._id)
const server = (n: number) => {
  const all = history(n)
  return {
    all,
    page: ({ before, limit }: { before?: string; limit: number }): Message[] => {
      const end = before === undefined ? all.length : all.findIndex((m) => m._id === before)
      return all.slice(Math.max(0, end - limit), end)
    },
  }
}

const opened = (s: ReturnType<typeof server>): Thread => {
  const t = new Thread('bob')
  t.asking()
  t.newest(s.page({ limit: PAGE }), PAGE)
  return t
}

const goUp = (t: Thread, s: ReturnType<typeof server>): boolean => {
  const before = t.olderThan()
  if (before === undefined) return false
  t.addOlder(s.page({ before, limit: PAGE }), before, PAGE)
  return true
}

const goDown = (t: Thread, s: ReturnType<typeof server>): boolean => {
  const ask = t.newerPage()
  if (!ask) return false
  t.addNewer(s.page(ask))
  return true
}

test('10,000 messages: all the way up and down again, each in its place, with a bounded window', () => {
  const s = server(10_000)
  const t = opened(s)
  const all = s.all.map((m) => m._id)
  const inPlace = (): void => {
    const at = all.indexOf(ids(t)[0]!)
    expect(ids(t)).toEqual(all.slice(at, at + t.list.length))
    expect(t.list.length).toBeLessThanOrEqual(WINDOW)
  }
  while (goUp(t, s)) inPlace()
  expect(ids(t)[0]).toBe(all[0])
  expect(t.attached).toBe(false)
  while (goDown(t, s)) inPlace()
  expect(ids(t).at(-1)).toBe(all.at(-1))
  expect(t.attached).toBe(true)
})

test('what keeps coming while one reads a bit above does not grow without end, and is all there below', () => {
  const s = server(100)
  const t = opened(s)
  for (let i = 100; i < 3000; i++) {
    s.all.push(message(i))
    t.put(message(i))
    t.hold()
    expect(t.list.length).toBeLessThanOrEqual(2 * WINDOW)
  }
  expect(t.attached).toBe(false)
  while (goDown(t, s));
  expect(ids(t).at(-1)).toBe(message(2999)._id)
  const at = s.all.findIndex((m) => m._id === ids(t)[0])
  expect(ids(t)).toEqual(s.all.slice(at).map((m) => m._id))
})

test('a conversation shorter than a page has no older messages', () => {
  const t = opened(server(5))
  expect(t.older).toBe(false)
  expect(t.olderThan()).toBeUndefined()
})

test('what comes while one reads far above is not put in a wrong place, and is there on the way back', () => {
  const s = server(1000)
  const t = opened(s)
  for (let i = 0; i < 10; i++) goUp(t, s)
  const held = ids(t)
  for (let i = 0; i < 7; i++) {
    const m = message(1000 + i)
    s.all.push(m)
    expect(t.put(m)).toBe(false)
  }
  expect(ids(t)).toEqual(held)
  expect(t.fresh).toBe(7)
  while (goDown(t, s));
  expect(ids(t).at(-1)).toBe(s.all.at(-1)!._id)
  expect(new Set(ids(t)).size).toBe(t.list.length)
})

test('more came than one page can bring: it goes on at the newest', () => {
  const s = server(1000)
  const t = opened(s)
  for (let i = 0; i < 10; i++) goUp(t, s)
  for (let i = 0; i < 2000; i++) s.all.push(message(1000 + i))
  t.fresh = 2000
  while (goDown(t, s));
  expect(t.attached).toBe(true)
  expect(ids(t).at(-1)).toBe(s.all.at(-1)!._id)
  expect(t.older).toBe(true)
})

test('M3: what was kept is replaced by what the server has; a message told meanwhile stays', () => {
  const s = server(100)
  const t = new Thread('bob')
  t.restore([message(20), message(98), message(500)]) // 500: deleted since
  t.asking()
  const page = s.page({ limit: PAGE })
  const late = message(100)
  t.put(late) // stored after the page was read, told before it came
  t.newest(page, PAGE)
  expect(ids(t).at(-1)).toBe(late._id)
  expect(ids(t)).not.toContain(message(500)._id)
  expect(t.list.filter((m) => m._id === message(98)._id)).toHaveLength(1)
})

test('M2: a status only rises, however it is told', () => {
  const t = opened(server(3))
  const id = ids(t)[1]!
  t.status(id, 'seen')
  t.status(id, 'delivered')
  t.put({ ...message(1), status: 'sent' })
  expect(t.find(id)?.status).toBe('seen')
  t.seen('alice', message(2).createdAt)
  expect(t.list.filter((m) => m.senderId === 'alice').every((m) => m.status === 'seen')).toBe(true)
})

test('C12: told twice is there once; deleted is gone; changed is changed', () => {
  const t = opened(server(10))
  const m = message(10)
  t.put(m)
  t.put(m)
  t.put({ ...m, message: 'other', editedAt: m.createdAt })
  expect(t.list.filter((k) => k._id === m._id).map((k) => k.message)).toEqual(['other'])
  t.reactions(m._id, [{ userId: 'bob', emoji: '👍' }])
  expect(t.find(m._id)?.reactions).toHaveLength(1)
  t.remove(m._id)
  expect(t.find(m._id)).toBeUndefined()
})

test('messages that come out of order are put in order', () => {
  const t = opened(server(10))
  t.put(message(12))
  t.put(message(11))
  expect(ids(t).slice(-2)).toEqual([message(11)._id, message(12)._id])
})
