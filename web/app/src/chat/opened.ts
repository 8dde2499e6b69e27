import { TandemError, type Message, type MessageId, type UserId } from '@tandem-rtc/client'
import { PAGE, Thread } from './thread'

interface Host {
  history(peer: UserId, page: { before?: MessageId; limit: number }): Promise<Message[]>
  /** What this browser kept of it. */
  kept(peer: UserId): Promise<Message[]>
  online(): boolean
  /** The newest messages are there. */
  fetched(): void
  changed(): void
}

/** After a failure it is asked again so much later. */
const PAUSE_MS = 2000
/** An answered message is looked for so many pages back. */
const SEEK_PAGES = 20

/** The conversation that is open, and the pages of it that come as it is scrolled. */
export class Opened {
  thread: Thread | undefined
  /** The first message that was unread when it was opened. */
  firstNew: MessageId | undefined
  /** What is on its way. */
  busy: 'newest' | 'older' | 'newer' | undefined
  readonly #host: Host
  #unread = 0
  #paused = false

  constructor(host: Host) {
    this.#host = host
  }

  open(peer: UserId, unread: number): void {
    const thread = new Thread(peer)
    this.thread = thread
    this.#unread = unread
    void this.#host.kept(peer).then((list) => {
      if (this.thread !== thread) return
      thread.restore(list)
      this.#host.changed()
    })
    if (this.#host.online()) void this.newest()
    this.#host.changed()
  }

  close(): void {
    this.thread = this.busy = this.firstNew = undefined
  }

  /** What the server has, in place of what was kept or may have been missed. */
  async newest(): Promise<void> {
    const { thread } = this
    if (!thread) return
    thread.asking()
    await this.#page('newest', thread, { limit: PAGE }, (page) => {
      thread.newest(page, PAGE)
      if (this.#unread > 0) this.firstNew = page.filter((m) => m.senderId === thread.peer).at(-this.#unread)?._id
      this.#unread = 0
      this.#host.fetched()
    })
  }

  async older(): Promise<void> {
    const { thread } = this
    const before = thread?.olderThan()
    if (!thread?.loaded || before === undefined) return
    await this.#page('older', thread, { before, limit: PAGE }, (page) => thread.addOlder(page, before, PAGE))
  }

  async newer(): Promise<void> {
    const { thread } = this
    const page = thread?.newerPage()
    if (!thread || !page) return
    await this.#page('newer', thread, page, (list) => thread.addNewer(list))
  }

  /** Goes back until a message is held, if it is not further away than that. */
  async seek(id: MessageId): Promise<boolean> {
    for (let i = 0; i < SEEK_PAGES && this.thread && !this.thread.find(id); i++) {
      if (this.thread.olderThan() === undefined) break
      await this.older()
    }
    return this.thread?.find(id) !== undefined
  }

  /** Back to the newest message, from wherever the window is. */
  async latest(): Promise<void> {
    const { thread } = this
    if (!thread || thread.attached) return
    await this.#page('newest', thread, { limit: PAGE }, (list) => thread.jump(list, PAGE))
  }

  async #page(what: NonNullable<Opened['busy']>, thread: Thread, ask: { before?: MessageId; limit: number }, take: (page: Message[]) => void): Promise<void> {
    if (what !== 'newest' && (this.#paused || (this.busy && this.busy !== 'newest'))) return
    this.busy = what
    try {
      const page = await this.#host.history(thread.peer, ask)
      if (this.thread === thread) take(page)
    } catch (err) {
      // The message that was to begin at is gone: what is newest is always there.
      if (TandemError.from(err).code === 'bad_payload' && ask.before !== undefined && this.thread === thread) {
        thread.jump(await this.#host.history(thread.peer, { limit: PAGE }).catch(() => []), PAGE)
      } else this.#pause()
    } finally {
      if (this.busy === what) this.busy = undefined
      this.#host.changed()
    }
  }

  /** A list that is drawn near its end asks at once for more: after a failure it waits. */
  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    setTimeout(() => {
      this.#paused = false
      if (this.thread && !this.thread.loaded && this.#host.online()) void this.newest()
      this.#host.changed()
    }, PAUSE_MS)
  }
}
