import { TandemError, type Message, type MessageId, type Messages, type Profile, type Reaction, type UserId } from '@tandem-rtc/client'
import type { Cache } from './cache'
import { gist, peerOf, type Waiting } from './entry'
import { Keeper } from './keeper'
import { media } from './links'
import { Opened } from './opened'
import { Outbox } from './outbox'
import { Siblings } from './siblings'
import { Talks } from './talks'
import { PAGE, type Thread } from './thread'

/** What this needs of the page around it. */
export interface ChatHost {
  me: UserId
  messages: Messages
  cache: Cache
  online(): boolean
  /** The page is looked at. */
  visible(): boolean
  changed(): void
  announce(text: string): void
  nameOf(id: UserId): string
  complain(text: string): void
}

const TALKS_PAGE = 50
/** Of so many unread conversations the newest messages are fetched ahead: they count as delivered then, and can be read offline. */
const AHEAD = 8
const RELOAD_MS = 250
/** After so many events the cursor is moved on. */
const SYNC_EVERY = 300

/** The messages of one user on this page: what is shown of them, and what can be done. */
export class Chat {
  readonly talks: Talks
  readonly outbox: Outbox
  readonly opened: Opened
  readonly #host: ChatHost
  readonly #keeper: Keeper
  readonly #siblings: Siblings
  readonly #off: (() => void)[] = []
  /** Conversations that were read and whose authors are not told yet. */
  readonly #owed = new Set<UserId>()
  #reading = false
  #live = false
  #events = 0
  #talksTimer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ChatHost) {
    this.#host = host
    this.talks = new Talks(host.me)
    this.outbox = new Outbox({
      send: (to, m) => host.messages.send(to, m),
      online: () => host.online(),
      cache: host.cache,
      stored: (m) => this.#onMessage(m),
      changed: () => host.changed(),
    })
    this.opened = new Opened({
      history: (peer, page) => host.messages.history(peer, page),
      kept: (peer) => host.cache.thread(peer),
      online: () => host.online(),
      fetched: () => this.#read(),
      changed: () => {
        this.#keeper.save()
        host.changed()
      },
    })
    this.#keeper = new Keeper(host.cache, {
      talks: () => this.talks.list,
      cursor: () => host.messages.cursor,
      thread: () => this.thread,
    })
    this.#siblings = new Siblings(host.me, (peer) => this.talks.read(peer) && host.changed())
    this.#listen(host.messages)
  }

  get names(): Record<UserId, string> {
    return this.#keeper.names
  }

  get thread(): Thread | undefined {
    return this.opened.thread
  }

  get me(): UserId {
    return this.#host.me
  }

  /** Whether the page speaks of messages at all. Before the server has said so, what is kept here tells. */
  get on(): boolean {
    return this.#host.messages.available ?? this.#keeper.known
  }

  /** Reads what this browser has kept; to be called before the client connects. */
  async restore(): Promise<void> {
    const kept = await this.#keeper.restore()
    if (kept) this.talks.restore(kept.talks)
    if (kept?.cursor !== undefined) this.#host.messages.cursor = kept.cursor
    await this.outbox.restore()
    this.#host.changed()
  }

  /** The connection is there, or the page is looked at again. */
  wake(): void {
    if (!this.#host.online() || this.#host.messages.available !== true) return
    this.#live = true
    void this.outbox.run()
    if (this.thread && !this.thread.loaded) void this.opened.newest()
    this.#read()
    this.#reloadTalks()
  }

  /** The connection was lost: what comes next may be told late. */
  away(): void {
    this.#live = false
  }

  open(peer: UserId): void {
    if (this.thread?.peer === peer) return
    this.close(this.thread?.peer)
    this.opened.open(peer, this.talks.of(peer)?.unread ?? 0)
  }

  /** The next one may be open by the time that the last one closes. */
  close(peer: UserId | undefined): void {
    if (!this.thread || this.thread.peer !== peer) return
    this.#keeper.keepThread()
    this.opened.close()
    this.#reading = false
  }

  /** The end of the open conversation is before the user's eyes, or not any more. */
  reading(on: boolean): void {
    this.#reading = on
    this.#read()
  }

  /** Writes a message: it is shown at once and sent when that is possible. False: too many wait. */
  send(to: UserId, text: string, answered?: Message, mediaUrl?: string): boolean {
    const w: Waiting = { clientId: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`, to, text, at: Date.now() }
    if (answered) w.replyTo = { messageId: answered._id, text: gist(answered) }
    if (mediaUrl) w.media = mediaUrl
    if (!this.outbox.add(w)) {
      this.#host.complain('Too many messages wait to be sent. They go out when the connection is back.')
      return false
    }
    if (this.thread?.peer === to && !this.thread.attached) void this.opened.latest()
    return true
  }

  edit(m: Message, text: string): Promise<boolean> {
    return this.#try(async () => this.#onMessage(await this.#host.messages.edit(m._id, text)))
  }

  /** Shown at once; taken back if the server says no. */
  react(m: Message, emoji: string): Promise<boolean> {
    const mine = m.reactions.find((r) => r.userId === this.me)
    const on = mine?.emoji !== emoji
    const others: Reaction[] = m.reactions.filter((r) => r.userId !== this.me)
    this.thread?.reactions(m._id, on ? [...others, { userId: this.me, emoji }] : others)
    this.#host.changed()
    return this.#try(
      async () => this.#onMessage(await this.#host.messages.react(m._id, emoji, on)),
      () => this.thread?.reactions(m._id, m.reactions),
    )
  }

  delete(m: Message, forMe: boolean): Promise<boolean> {
    return this.#try(async () => {
      await this.#host.messages.delete(m._id, { forMe })
      this.#onDeleted(m._id)
    })
  }

  async moreTalks(): Promise<void> {
    const { next } = this.talks
    if (!next) return
    this.talks.next = ''
    await this.#try(async () => {
      const page = await this.#host.messages.conversations({ cursor: next, limit: TALKS_PAGE })
      this.talks.more(page.conversations, page.next)
      this.#host.changed()
    })
  }

  /** Pictures of other sites tell those sites that one looks: they are asked for once per person. */
  showsPictures(m: Pick<Message, 'senderId'> & { media: string | null }): boolean {
    return m.senderId === this.me || media(m.media)?.own === true || this.#keeper.pictures.has(m.senderId)
  }

  showPictures(of: UserId): void {
    this.#keeper.pictures.add(of)
    this.#keeper.save()
    this.#host.changed()
  }

  /** The user leaves: nothing of theirs stays but what waits to be sent. */
  async forget(): Promise<void> {
    this.stop()
    await this.#host.cache.clear()
  }

  stop(): void {
    for (const off of this.#off) off()
    clearTimeout(this.#talksTimer)
    this.#keeper.stop()
    this.outbox.close()
    this.#siblings.close()
  }

  /** Writes down what has not been written down yet. */
  flush(): void {
    this.#keeper.flush()
  }

  #listen(messages: Messages): void {
    this.#off.push(
      messages.on('message', (m, author) => this.#onMessage(m, author)),
      messages.on('status', (id, status) => {
        this.thread?.status(id, status)
        this.talks.last(undefined, (m) => (m._id === id ? { ...m, status } : undefined))
        this.#changed()
      }),
      messages.on('seen', (author, reader, until) => this.#onSeen(author, reader, until)),
      messages.on('reactions', (id, reactions) => {
        this.thread?.reactions(id, reactions)
        this.#changed()
      }),
      messages.on('deleted', (id) => this.#onDeleted(id)),
      messages.on('caughtUp', () => this.#onCaughtUp()),
    )
  }

  #onMessage(m: Message, author?: Profile): void {
    const { me } = this.#host
    const peer = peerOf(m, me)
    if (author?._id === peer) this.#keeper.learn(author)
    if (m.clientId && m.senderId === me) this.outbox.drop(m.clientId)
    const open = this.thread?.peer === peer ? this.thread : undefined
    if (open) {
      open.put(m)
      if (this.#reading) open.settle()
      else open.hold()
    } else this.#keeper.came(peer, m)
    const read = open !== undefined && this.#reading && this.#host.visible()
    if (this.#live && this.talks.late(m)) this.#reloadTalks()
    const fresh = this.talks.put(m, !read)
    if (fresh && read) void this.#tellSeen(peer)
    if (fresh && this.#live) this.#host.announce(`${this.#host.nameOf(peer)}: ${gist(m)}`)
    this.#changed()
  }

  #onSeen(author: UserId, reader: UserId, until: string | undefined): void {
    if (author === this.me && this.thread?.peer === reader) this.thread.seen(author, until)
    if (author === this.me) {
      this.talks.last(reader, (m) => (m.senderId === author && (until === undefined || m.createdAt <= until) ? { ...m, status: 'seen' } : undefined))
    } else if (reader === this.me && (until === undefined || (this.talks.of(author)?.last.createdAt ?? '') <= until)) this.talks.read(author)
    this.#changed()
  }

  #onDeleted(id: MessageId): void {
    this.thread?.remove(id)
    this.#keeper.removed(id)
    // It may have been the last one, or counted as unread.
    this.#reloadTalks()
    this.#changed()
  }

  #onCaughtUp(): void {
    this.#live = true
    this.#events = 0
    void this.opened.newest()
    void this.#loadTalks()
    void this.outbox.run()
    this.#keeper.save()
  }

  /** After each event: draws, and keeps. */
  #changed(): void {
    if (++this.#events >= SYNC_EVERY && this.#live) {
      this.#events = 0
      this.#host.messages.sync().catch(() => {})
    }
    this.#keeper.save()
    this.#host.changed()
  }

  /** What is before the user's eyes is seen; its author is told. */
  #read(): void {
    const { thread } = this
    if (!thread || !this.#reading || !this.#host.visible() || !thread.attached) return
    if (this.talks.of(thread.peer)?.unread || this.#owed.has(thread.peer)) void this.#tellSeen(thread.peer)
  }

  async #tellSeen(peer: UserId): Promise<void> {
    if (this.talks.read(peer)) this.#host.changed()
    this.#owed.add(peer)
    try {
      await this.#host.messages.allSeen(peer)
      this.#owed.delete(peer)
      this.#siblings.read(peer)
    } catch {
      // Told when the connection is back.
    }
  }

  #reloadTalks(): void {
    clearTimeout(this.#talksTimer)
    this.#talksTimer = setTimeout(() => void this.#loadTalks(), RELOAD_MS)
  }

  async #loadTalks(): Promise<void> {
    if (!this.#host.online()) return
    for (const peer of [...this.#owed]) await this.#tellSeen(peer)
    try {
      const page = await this.#host.messages.conversations({ limit: TALKS_PAGE })
      this.talks.first(page.conversations, page.next)
    } catch {
      return
    }
    this.#read()
    this.#keeper.save()
    this.#host.changed()
    await this.#fetchAhead()
  }

  async #fetchAhead(): Promise<void> {
    const unread = this.talks.list.filter((t) => t.unread > 0 && t.last.status === 'sent' && t.peer !== this.thread?.peer)
    for (const { peer } of unread.slice(0, AHEAD)) {
      try {
        await this.#host.cache.keep(peer, await this.#host.messages.history(peer, { limit: PAGE }))
      } catch {
        return
      }
    }
  }

  async #try(step: () => Promise<void>, undo?: () => void): Promise<boolean> {
    try {
      await step()
      return true
    } catch (err) {
      undo?.()
      const { code, message } = TandemError.from(err)
      this.#host.complain(code === 'timeout' || code === 'closed' ? 'There is no connection right now. Try again in a moment.' : message)
      this.#host.changed()
      return false
    }
  }
}
