import { Emitter } from './emitter.js'
import type { Requests, UserId } from './events.js'

interface Events {
  /** Whom this user has blocked is another set, here or on another device. */
  change: [users: ReadonlySet<UserId>]
}

type Event = 'user:block' | 'user:unblock' | 'user:blocks'
type Ask = <E extends Event>(event: E, payload: Requests[E]['payload']) => Promise<Requests[E]['reply']>

/**
 * Whom this user does not want to hear of. Their calls ring nowhere, their
 * messages do not arrive, and they see this user as offline; they are not told.
 */
export class Blocklist extends Emitter<Events> {
  readonly #ask: Ask
  #users: ReadonlySet<UserId> = new Set()

  constructor(request: (event: string, payload: unknown) => Promise<unknown>) {
    super()
    this.#ask = request as Ask
  }

  /** As far as it is known here: `list` has asked. */
  get users(): ReadonlySet<UserId> {
    return this.#users
  }

  /** Asks the server whom this user has blocked; `not_configured` where messages are not kept. */
  async list(): Promise<UserId[]> {
    const { users } = await this.#ask('user:blocks', {})
    this.#set(new Set(users))
    return users
  }

  async block(userId: UserId): Promise<void> {
    await this.#ask('user:block', { userId })
    this.#note(userId, true)
  }

  async unblock(userId: UserId): Promise<void> {
    await this.#ask('user:unblock', { userId })
    this.#note(userId, false)
  }

  onEvent(event: string, args: unknown[]): boolean {
    if (event !== 'user:blocked') return false
    const { userId, blocked } = (args[0] ?? {}) as { userId?: unknown; blocked?: unknown }
    if (typeof userId === 'string') this.#note(userId, blocked === true)
    return true
  }

  #note(userId: UserId, blocked: boolean): void {
    if (this.#users.has(userId) === blocked) return
    const users = new Set(this.#users)
    if (blocked) users.add(userId)
    else users.delete(userId)
    this.#set(users)
  }

  #set(users: ReadonlySet<UserId>): void {
    this.#users = users
    this.emit('change', users)
  }
}
