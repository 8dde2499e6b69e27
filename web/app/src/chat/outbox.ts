import { TandemError, type Message, type Outgoing, type UserId } from '@tandem-rtc/client'
import type { Cache } from './cache'
import type { Waiting } from './entry'

/** What may wait at once; a page that is offline for weeks is no mail server. */
export const MOST_WAITING = 200

const AGAIN_MS = [500, 1000, 2000, 5000, 10_000]

/** Codes after which the same message may be taken. Any other one is the message's own fault. */
const passing = new Set(['timeout', 'closed', 'unavailable', 'rate_limited', 'backend_unreachable', 'internal'])

interface Host {
  send(to: UserId, message: Outgoing): Promise<Message>
  online(): boolean
  cache: Pick<Cache, 'waiting' | 'queue' | 'unqueue'>
  /** A message is on the server. */
  stored(m: Message): void
  changed(): void
}

/**
 * What was written and is not on the server yet: kept in the browser, sent one
 * after another when there is a connection. Each has an id of its own, so that
 * one which is sent twice (after a loss, or by two tabs) is there once.
 */
export class Outbox {
  list: Waiting[] = []
  readonly #host: Host
  #running = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(host: Host) {
    this.#host = host
  }

  async restore(): Promise<void> {
    const kept = await this.#host.cache.waiting()
    const known = new Set(this.list.map((w) => w.clientId))
    this.list = [...kept.filter((w) => !known.has(w.clientId)), ...this.list]
    void this.run()
  }

  to(peer: UserId): Waiting[] {
    return this.list.filter((w) => w.to === peer)
  }

  /** False: too much waits already. */
  add(w: Waiting): boolean {
    if (this.list.length >= MOST_WAITING) return false
    this.list = [...this.list, w]
    void this.#host.cache.queue(w)
    this.#host.changed()
    void this.run()
    return true
  }

  retry(clientId: string): void {
    this.#set(clientId, undefined)
    void this.run()
  }

  /** It is stored, or not wanted any more. */
  drop(clientId: string): boolean {
    const before = this.list.length
    this.list = this.list.filter((w) => w.clientId !== clientId)
    if (this.list.length === before) return false
    void this.#host.cache.unqueue(clientId)
    this.#host.changed()
    return true
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Sends what waits, if there is a connection. */
  async run(): Promise<void> {
    if (this.#running || this.#closed) return
    clearTimeout(this.#timer)
    this.#running = true
    try {
      for (let w = this.#next(); w && this.#host.online() && !this.#closed; w = this.#next()) {
        if (!(await this.#one(w))) return
      }
    } finally {
      this.#running = false
    }
  }

  #next(): Waiting | undefined {
    return this.list.find((w) => w.failed === undefined)
  }

  /** False: not now, and not the next one either, or their order would change. */
  async #one(w: Waiting): Promise<boolean> {
    const message: Outgoing = { text: w.text, clientId: w.clientId }
    if (w.media) message.media = w.media
    if (w.replyTo) message.replyTo = w.replyTo.messageId
    try {
      const stored = await this.#host.send(w.to, message)
      this.#tries = 0
      if (this.#closed) return false
      this.#host.stored(stored)
      this.drop(w.clientId)
      return true
    } catch (err) {
      const { code, message: why } = TandemError.from(err)
      if (passing.has(code)) {
        if (!this.#closed) this.#timer = setTimeout(() => void this.run(), AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)])
        return false
      }
      this.#set(w.clientId, words(code, why))
      return true
    }
  }

  #set(clientId: string, failed: string | undefined): void {
    this.list = this.list.map((w) => {
      if (w.clientId !== clientId) return w
      const { failed: _, ...rest } = w
      const now = failed === undefined ? rest : { ...rest, failed }
      void this.#host.cache.queue(now)
      return now
    })
    this.#host.changed()
  }
}

function words(code: string, message: string): string {
  switch (code) {
    case 'forbidden':
      return 'You can’t write to this person'
    case 'payload_too_large':
      return 'This message is too long'
    case 'not_configured':
      return 'This server keeps no messages'
    default:
      return message && message !== code ? message : 'The server did not take this message'
  }
}
