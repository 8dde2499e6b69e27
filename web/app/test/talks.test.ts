import type { Conversation } from '@tandem-rtc/client'
import { expect, test } from 'vitest'
import { dayWords, rowsOf } from '../src/chat/rows'
import { Talks } from '../src/chat/talks'
import { history, message } from './messages'

/** A conversation with somebody whose last message is the n-th. */
const with_ = (peer: string, n: number, unread = 0): Conversation => ({
  peer,
  unread,
  lastMessage: message(n, { senderId: peer, receiverId: 'alice' }),
})
const from = (peer: string, n: number) => message(n, { senderId: peer, receiverId: 'alice' })
const peers = (t: Talks): string[] => t.list.map((k) => k.peer)

test('what comes moves its conversation up and counts once, however often it is told', () => {
  const t = new Talks('alice')
  t.first([with_('cora', 9), with_('bob', 5)], '')
  const m = from('bob', 10)
  expect(t.put(m, true)).toBe(true)
  expect(t.put(m, true)).toBe(false)
  expect(t.put({ ...m, message: 'edited', editedAt: m.createdAt }, true)).toBe(false)
  expect(peers(t)).toEqual(['bob', 'cora'])
  expect(t.unread).toBe(1)
  expect(t.of('bob')?.last.message).toBe('edited')
})

test('one’s own messages and seen ones count for nothing; what is read is', () => {
  const t = new Talks('alice')
  t.put(message(1, { senderId: 'alice', receiverId: 'bob' }), true)
  t.put(from('cora', 2), false)
  expect(t.unread).toBe(0)
  t.put(from('cora', 3), true)
  t.put(from('cora', 4), true)
  expect(t.of('cora')?.unread).toBe(2)
  expect(t.read('cora')).toBe(true)
  expect(t.read('cora')).toBe(false)
  expect(t.unread).toBe(0)
})

test('the first page is right about what it spans, and leaves what is older', () => {
  const t = new Talks('alice')
  t.first([with_('a', 9), with_('gone', 8), with_('b', 7)], 'next')
  t.more([with_('c', 3), with_('a', 2)], '')
  expect(peers(t)).toEqual(['a', 'gone', 'b', 'c'])
  t.first([with_('d', 10, 2), with_('a', 9), with_('b', 7)], 'next')
  expect(peers(t)).toEqual(['d', 'a', 'b', 'c'])
  expect(t.unread).toBe(2)
  t.first([with_('d', 10)], '')
  expect(peers(t)).toEqual(['d'])
})

test('rows: days, who goes on writing, what is new, and what waits at the end', () => {
  const now = Date.UTC(2030, 0, 1, 12)
  const list = [message(0), message(2), message(1)].sort((a, b) => (a._id < b._id ? -1 : 1))
  const rows = rowsOf(list, [{ clientId: 'w', to: 'bob', text: 'hi', at: now }], 'alice', message(2)._id, now)
  expect(rows.map((r) => r.kind)).toEqual(['day', 'message', 'message', 'new', 'message', 'waiting'])
  expect(rows.map((r) => ('joins' in r ? r.joins : undefined))).toEqual([undefined, false, false, undefined, false, false])
})

test('a message that waits is shown once when it is stored', () => {
  const stored = message(2, { clientId: 'w' })
  const rows = rowsOf([stored], [{ clientId: 'w', to: 'bob', text: 'x', at: 1 }], 'alice')
  expect(rows.filter((r) => r.kind !== 'day').map((r) => r.key)).toEqual(['w'])
})

test('every row has a key of its own, over days too', () => {
  const list = history(50).map((m, i) => ({ ...m, createdAt: new Date(Date.UTC(2030, 0, 1 + i)).toISOString() }))
  const keys = rowsOf(list, [], 'alice', undefined, Date.UTC(2031, 0, 1)).map((r) => r.key)
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys).toHaveLength(100)
})

test('days as people say them', () => {
  const now = new Date(2030, 4, 15, 9).getTime()
  expect(dayWords(new Date(2030, 4, 15, 0, 1).getTime(), now)).toBe('Today')
  expect(dayWords(new Date(2030, 4, 14, 23, 59).getTime(), now)).toBe('Yesterday')
  expect(dayWords(new Date(2030, 4, 12).getTime(), now)).toBe(new Date(2030, 4, 12).toLocaleDateString([], { weekday: 'long' }))
  expect(dayWords(new Date(2028, 4, 12).getTime(), now)).toContain('2028')
})
