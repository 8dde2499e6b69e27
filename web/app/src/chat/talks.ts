import type { Conversation, Message, UserId } from '@tandem-rtc/client'
import { order, peerOf, renewed } from './entry'

/** How one stands with somebody. */
export interface Talk {
  peer: UserId
  last: Message
  unread: number
}

/** So many are held; further ones are asked for when the list is scrolled. */
const MOST = 500

/** The conversations of a user, the one with the newest message first. */
export class Talks {
  list: Talk[] = []
  /** Where the next page begins; '' after the last. */
  next = ''
  readonly #me: UserId

  constructor(me: UserId) {
    this.#me = me
  }

  get unread(): number {
    return this.list.reduce((sum, t) => sum + t.unread, 0)
  }

  of(peer: UserId): Talk | undefined {
    return this.list.find((t) => t.peer === peer)
  }

  restore(kept: Talk[]): void {
    if (this.list.length === 0) this.list = kept
  }

  /** The first page, as the server has it: it is right about all that it spans. */
  first(page: Conversation[], next: string): void {
    const oldest = page.at(-1)
    const given = new Set(page.map((c) => c.peer))
    const rest = next && oldest ? this.list.filter((t) => !given.has(t.peer) && order(t.last, oldest.lastMessage) < 0) : []
    this.list = [...page.map(talkOf), ...rest]
    // With older ones in hand the next page still goes on from the first.
    this.next = next
    this.#sort()
  }

  more(page: Conversation[], next: string): void {
    const known = new Set(this.list.map((t) => t.peer))
    this.list = [...this.list, ...page.filter((c) => !known.has(c.peer)).map(talkOf)].slice(0, MOST)
    this.next = this.list.length < MOST ? next : ''
    this.#sort()
  }

  /** A message that is new or has changed. Says whether it is a new one from the other. */
  put(m: Message, unseen: boolean): boolean {
    const peer = peerOf(m, this.#me)
    const talk = this.of(peer)
    if (talk && order(m, talk.last) <= 0) {
      if (talk.last._id === m._id) this.#replace(peer, { ...talk, last: renewed(talk.last, m) })
      return false
    }
    const theirs = m.senderId === peer && peer !== this.#me
    const unread = (talk?.unread ?? 0) + (theirs && unseen && m.status !== 'seen' ? 1 : 0)
    this.list = [{ peer, last: m, unread }, ...this.list.filter((t) => t.peer !== peer)].slice(0, MOST)
    this.#sort()
    return theirs
  }

  /** Whether a message of the other came behind a newer one: it may be unread, and only the server knows. */
  late(m: Message): boolean {
    const talk = this.of(m.senderId)
    return talk !== undefined && m.senderId !== this.#me && !m.editedAt && m.status !== 'seen' && order(m, talk.last) < 0
  }

  /** The user has read it, here or elsewhere. */
  read(peer: UserId): boolean {
    const talk = this.of(peer)
    if (!talk?.unread) return false
    this.#replace(peer, { ...talk, unread: 0 })
    return true
  }

  /** The status of a last message. */
  last(peer: UserId | undefined, change: (m: Message) => Message | undefined): void {
    for (const t of this.list) {
      if (peer !== undefined && t.peer !== peer) continue
      const last = change(t.last)
      if (last) this.#replace(t.peer, { ...t, last })
    }
  }

  drop(peer: UserId): void {
    this.list = this.list.filter((t) => t.peer !== peer)
  }

  #replace(peer: UserId, talk: Talk): void {
    this.list = this.list.map((t) => (t.peer === peer ? talk : t))
  }

  #sort(): void {
    this.list.sort((a, b) => order(b.last, a.last))
  }
}

const talkOf = (c: Conversation): Talk => ({ peer: c.peer, last: c.lastMessage, unread: c.unread })
