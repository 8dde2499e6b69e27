import type { Conversation, Message, Messages, MessageStatus } from '@tandem-rtc/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Cache, Kept } from '../src/chat/cache'
import { Chat } from '../src/chat/chat'
import { history, message } from './messages'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The messages of a client, without one: what is asked for is answered from `store`. */
class Server {
  available: boolean | undefined = true
  cursor: string | undefined
  store: Message[] = []
  seenOf: string[] = []
  down = false
  readonly #listeners = new Map<string, ((...args: never[]) => void)[]>()

  on(name: string, f: (...args: never[]) => void): () => void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), f])
    return () => this.#listeners.set(name, (this.#listeners.get(name) ?? []).filter((k) => k !== f))
  }

  tell(name: string, ...args: unknown[]): void {
    for (const f of this.#listeners.get(name) ?? []) (f as (...args: unknown[]) => void)(...args)
  }

  async history(peer: string, { before, limit = 60 }: { before?: string; limit?: number }): Promise<Message[]> {
    if (this.down) throw Object.assign(new Error('down'), { code: 'timeout' })
    const all = this.store.filter((m) => m.senderId === peer || m.receiverId === peer)
    const end = before === undefined ? all.length : all.findIndex((m) => m._id === before)
    return all.slice(Math.max(0, end - limit), end)
  }

  async conversations(): Promise<{ conversations: Conversation[]; next: string }> {
    const last = this.store.at(-1)
    const unread = this.seenOf.includes('bob') ? 0 : this.store.filter((m) => m.senderId === 'bob').length
    return { conversations: last ? [{ peer: 'bob', lastMessage: last, unread }] : [], next: '' }
  }

  async send(to: string, m: { text?: string; clientId?: string }): Promise<Message> {
    const stored = message(this.store.length, { senderId: 'alice', receiverId: to, message: m.text ?? '', clientId: m.clientId! })
    this.store.push(stored)
    return stored
  }

  async react(): Promise<Message> {
    throw Object.assign(new Error('No.'), { code: 'forbidden' })
  }

  async allSeen(author: string): Promise<void> {
    if (this.down) throw new Error('down')
    this.seenOf.push(author)
  }

  async sync(): Promise<void> {}
}

function setup(kept?: Kept, threads: Record<string, Message[]> = {}) {
  const server = new Server()
  const h = { online: true, visible: true, said: [] as string[], complaints: [] as string[], kept: threads, state: kept }
  const cache: Cache = {
    load: async () => h.state,
    save: async (k) => void (h.state = k),
    thread: async (peer) => h.kept[peer] ?? [],
    keep: async (peer, list) => void (h.kept[peer] = list),
    add: async () => {},
    remove: async () => {},
    waiting: async () => [],
    queue: async () => {},
    unqueue: async () => {},
    clear: async () => void ((h.kept = {}), (h.state = undefined)),
  }
  const chat = new Chat({
    me: 'alice',
    messages: server as unknown as Messages,
    cache,
    online: () => h.online,
    visible: () => h.visible,
    changed: () => {},
    announce: (text) => void h.said.push(text),
    nameOf: (id) => id,
    complain: (text) => void h.complaints.push(text),
  })
  return { server, chat, h }
}

const settle = () => vi.advanceTimersByTimeAsync(1000)
const shown = (chat: Chat): string[] => chat.thread!.list.map((m) => m.message)

test('M3: what was kept is read without a connection; with one the server is right', async () => {
  const { server, chat, h } = setup({ talks: [], names: {}, pictures: [], cursor: 'c7' }, { bob: history(3) })
  server.available = undefined
  h.online = false
  await chat.restore()
  expect(chat.on).toBe(true)
  expect(server.cursor).toBe('c7')
  chat.open('bob')
  await settle()
  expect(shown(chat)).toHaveLength(3)
  server.store = history(5).filter((_, i) => i !== 1)
  server.available = true
  h.online = true
  server.tell('caughtUp', 'c9')
  await settle()
  expect(shown(chat)).toEqual(['message 0', 'message 2', 'message 3', 'message 4'])
  expect(h.kept['bob']).toHaveLength(4)
})

test('a message that comes behind a newer one counts too', async () => {
  const { server, chat } = setup()
  server.tell('caughtUp', 'c')
  await settle()
  server.store.push(message(1), message(3), message(5))
  for (const n of [1, 5, 3]) server.tell('message', message(n), undefined)
  await settle()
  expect(chat.talks.unread).toBe(3)
  expect(chat.talks.of('bob')?.last.message).toBe('message 5')
})

test('M2: what is before the user’s eyes is seen, and nothing else', async () => {
  const { server, chat, h } = setup()
  server.tell('caughtUp', 'c')
  await settle()
  chat.open('bob')
  chat.reading(true)
  await settle()
  h.visible = false
  server.store.push(message(1))
  server.tell('message', message(1), undefined)
  await settle()
  expect(chat.talks.unread).toBe(1)
  expect(server.seenOf).toEqual([])
  h.visible = true
  chat.wake()
  await settle()
  expect(server.seenOf).toEqual(['bob'])
  expect(chat.talks.unread).toBe(0)
  chat.reading(false) // scrolled up
  server.tell('message', message(3), undefined)
  await settle()
  expect(server.seenOf).toEqual(['bob'])
})

test('M2: an author is told as soon as the connection is back', async () => {
  const { server, chat } = setup()
  server.store = [message(1)]
  server.tell('caughtUp', 'c')
  await settle()
  chat.open('bob')
  await settle()
  server.down = true
  chat.reading(true)
  await settle()
  expect(server.seenOf).toEqual([])
  expect(chat.talks.unread).toBe(0)
  server.down = false
  server.tell('caughtUp', 'c')
  await settle()
  expect(new Set(server.seenOf)).toEqual(new Set(['bob']))
})

test('receipts reach the open conversation and the list', async () => {
  const { server, chat } = setup()
  server.store = history(3)
  server.tell('caughtUp', 'c')
  chat.open('bob')
  await settle()
  const last = server.store[2]!
  server.tell('status', last._id, 'delivered' satisfies MessageStatus)
  expect(chat.talks.of('bob')?.last.status).toBe('delivered')
  server.tell('seen', 'alice', 'bob', undefined)
  expect(chat.thread!.list.filter((m) => m.senderId === 'alice').every((m) => m.status === 'seen')).toBe(true)
  expect(chat.talks.of('bob')?.last.status).toBe('seen')
})

test('only what comes live is read aloud', async () => {
  const { server, chat, h } = setup()
  chat.away()
  server.tell('message', message(1), undefined)
  expect(h.said).toEqual([])
  server.tell('caughtUp', 'c')
  server.tell('message', message(3), undefined)
  server.tell('message', message(3), undefined)
  server.tell('message', message(4), undefined) // one's own, from another tab
  expect(h.said).toEqual(['bob: message 3'])
})

test('a reaction that the server refuses is taken back', async () => {
  const { server, chat, h } = setup()
  server.store = history(2)
  chat.open('bob')
  await settle()
  const doing = chat.react(chat.thread!.list[1]!, '👍')
  expect(chat.thread!.list[1]!.reactions).toEqual([{ userId: 'alice', emoji: '👍' }])
  await doing
  expect(chat.thread!.list[1]!.reactions).toEqual([])
  expect(h.complaints).toEqual(['No.'])
})

test('who leaves leaves nothing to read behind', async () => {
  const { server, chat, h } = setup()
  server.store = history(3)
  server.tell('caughtUp', 'c')
  chat.open('bob')
  await settle()
  expect(h.kept['bob']).toHaveLength(3)
  await chat.forget()
  chat.close('bob')
  await settle()
  expect(h.kept).toEqual({})
  expect(h.state).toBeUndefined()
})

test('pictures of other sites wait until their sender is trusted', () => {
  vi.stubGlobal('location', new URL('https://calls.test/'))
  const { chat } = setup()
  const m = { senderId: 'bob', media: 'https://other.test/a.png' }
  expect(chat.showsPictures(m)).toBe(false)
  expect(chat.showsPictures({ ...m, media: 'https://calls.test/a.png' })).toBe(true)
  expect(chat.showsPictures({ ...m, senderId: 'alice' })).toBe(true)
  chat.showPictures('bob')
  expect(chat.showsPictures(m)).toBe(true)
  vi.unstubAllGlobals()
})

test('the next conversation may be opened before the last one is closed', async () => {
  const { server, chat } = setup()
  server.store = history(3)
  chat.open('cora')
  chat.open('bob')
  chat.close('cora')
  await settle()
  expect(shown(chat)).toHaveLength(3)
})
