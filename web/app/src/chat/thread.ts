import type { Message, MessageId, MessageStatus, Reaction, UserId } from '@tandem-rtc/client'
import { higher, order, renewed } from './entry'

/** So many messages are asked for at a time. */
export const PAGE = 60
/** So many are held: further ones are let go at the end that is not looked at. */
export const WINDOW = 240
/** The server gives no more at once. */
const MOST = 500

/** Newer messages that were let go: how to ask for them again. */
interface Cut {
  /** The oldest of them. */
  first: MessageId
  /** What follows them; undefined if they were the newest. */
  before: MessageId | undefined
  count: number
}

/**
 * The part of one conversation that is held, oldest first: a window that moves
 * over a history of any length. It knows no server; it says what to ask for and
 * takes what comes.
 */
export class Thread {
  readonly peer: UserId
  list: Message[] = []
  /** There may be older ones on the server. */
  older = true
  /** The server has answered; until then it is what this browser kept. */
  loaded = false
  /** New messages that came below the window. */
  fresh = 0
  #cuts: Cut[] = []
  /** Told since the newest page was last asked for; that page may lack them. */
  readonly #told = new Set<MessageId>()

  constructor(peer: UserId) {
    this.peer = peer
  }

  /** The newest message is in the window. */
  get attached(): boolean {
    return this.#cuts.length === 0
  }

  find(id: MessageId): Message | undefined {
    return this.list.find((m) => m._id === id)
  }

  /** What this browser kept, until the server answers. */
  restore(kept: Message[]): void {
    if (this.loaded || this.list.length > 0) return
    this.list = kept
  }

  /** To be called when the newest page is asked for. */
  asking(): void {
    this.#told.clear()
  }

  /** The newest messages, as the server has them: `asked` was the limit. */
  newest(page: Message[], asked: number): void {
    const first = page[0]
    const whole = page.length < asked
    if (!this.attached && this.loaded) return
    const known = new Map(this.list.map((m) => [m._id, m]))
    const meets = page.some((m) => known.has(m._id))
    const before = meets && !whole && first ? this.list.filter((m) => order(m, first) < 0) : []
    const now = new Set(page.map((m) => m._id))
    const after = this.list.filter((m) => this.#told.has(m._id) && !now.has(m._id) && (!first || order(m, first) > 0))
    this.older = whole ? false : meets ? this.older : true
    const middle = page.map((m) => (known.has(m._id) ? renewed(known.get(m._id)!, m) : m))
    this.list = [...before, ...middle, ...after].sort(order)
    this.loaded = true
    this.#dropOldest()
  }

  /** Begins again at the newest: what was held before does not meet it. */
  jump(page: Message[], asked: number): void {
    this.#cuts = []
    this.fresh = 0
    this.list = []
    this.newest(page, asked)
  }

  /** What stands before the window: ask for those before it. */
  olderThan(): MessageId | undefined {
    return this.older ? this.list[0]?._id : undefined
  }

  addOlder(page: Message[], before: MessageId, asked: number): void {
    if (this.list[0]?._id !== before) return
    this.older = page.length >= asked
    this.list = [...page, ...this.list]
    if (this.list.length > WINDOW) this.#dropNewest()
  }

  /** What to ask for to go on towards the newest; undefined if that is held. */
  newerPage(): { before?: MessageId; limit: number } | undefined {
    const cut = this.#cuts.at(-1)
    if (!cut) return undefined
    const { before, count } = cut
    return before === undefined ? { limit: Math.min(count + this.fresh, MOST) } : { before, limit: Math.min(count, MOST) }
  }

  addNewer(page: Message[]): void {
    const cut = this.#cuts.pop()
    if (!cut) return
    const last = this.list.at(-1)
    const first = page[0]
    const meets = page.some((m) => m._id === cut.first) || !last || !first || order(first, last) <= 0
    if (this.attached) this.fresh = 0
    if (!meets) {
      // More has come than was asked for, or the place is gone: go on from here.
      this.list = page
      this.older = true
      return
    }
    const known = new Set(this.list.map((m) => m._id))
    this.list = [...this.list, ...page.filter((m) => !known.has(m._id))]
    this.#dropOldest()
  }

  /** A message that is new or has changed. Says whether it is in the window now. */
  put(m: Message): boolean {
    const at = this.list.findIndex((k) => k._id === m._id)
    if (at >= 0) {
      this.list = this.list.with(at, renewed(this.list[at]!, m))
      return true
    }
    const last = this.list.at(-1)
    if (!this.attached && last && order(m, last) > 0) {
      this.fresh++
      return false
    }
    // Older than the window: it comes with its page.
    if (this.older && this.list[0] && order(m, this.list[0]) < 0) return false
    this.#told.add(m._id)
    const after = this.list.findLastIndex((k) => order(k, m) < 0)
    this.list = this.list.toSpliced(after + 1, 0, m)
    return true
  }

  /** Lets go of the oldest beyond the window, while the newest are looked at. */
  settle(): void {
    this.#dropOldest()
  }

  /** While older ones are looked at, what keeps coming may not grow without end. */
  hold(): void {
    if (this.list.length > 2 * WINDOW) this.#dropNewest()
  }

  status(id: MessageId, status: MessageStatus): boolean {
    return this.#change(id, (m) => ({ ...m, status: higher(m.status, status) }))
  }

  /** All that the author wrote until then is seen. */
  seen(author: UserId, until: string | undefined): void {
    this.list = this.list.map((m) =>
      m.senderId === author && m.status !== 'seen' && (until === undefined || m.createdAt <= until) ? { ...m, status: 'seen' } : m,
    )
  }

  reactions(id: MessageId, reactions: Reaction[]): boolean {
    return this.#change(id, (m) => ({ ...m, reactions }))
  }

  remove(id: MessageId): boolean {
    const before = this.list.length
    this.list = this.list.filter((m) => m._id !== id)
    return this.list.length < before
  }

  #change(id: MessageId, change: (m: Message) => Message): boolean {
    const at = this.list.findIndex((m) => m._id === id)
    if (at >= 0) this.list = this.list.with(at, change(this.list[at]!))
    return at >= 0
  }

  #dropNewest(): void {
    const kept = this.list.slice(0, WINDOW)
    const gone = this.list.slice(WINDOW)
    this.list = kept
    this.#cuts.push({ first: gone[0]!._id, before: this.#cuts.at(-1)?.first, count: gone.length })
  }

  #dropOldest(): void {
    const extra = this.list.length - WINDOW
    if (extra <= 0) return
    this.list = this.list.slice(extra)
    this.older = true
  }
}
