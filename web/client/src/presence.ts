import { Emitter } from './emitter.js'
import type { Hello, Presence as PresenceState, UserId } from './events.js'

interface Events {
  /** The list of who is online is another one. */
  online: [users: ReadonlySet<UserId>]
  /** One watched user came, went, or took another device. */
  update: [presence: PresenceState]
}

/** The server takes no more users in one presence:watch. */
const MAX_WATCH = 500

/**
 * Who is online. A small site tells everybody of everybody (getOnlineUsers); a
 * large one only of those who are watched.
 */
export class Presence extends Emitter<Events> {
  readonly #request: (event: string, payload: unknown) => Promise<unknown>
  readonly #watched = new Set<UserId>()
  readonly #known = new Map<UserId, PresenceState>()
  #online: ReadonlySet<UserId> = new Set()

  constructor(request: (event: string, payload: unknown) => Promise<unknown>) {
    super()
    this.#request = request
  }

  get online(): ReadonlySet<UserId> {
    return this.#online
  }

  isOnline(user: UserId): boolean {
    return this.#online.has(user) || this.#known.get(user)?.online === true
  }

  /** What is known of a watched user. */
  of(user: UserId): PresenceState | undefined {
    return this.#known.get(user)
  }

  watch(users: UserId[]): void {
    const added = [...new Set(users)].filter((u) => !this.#watched.has(u))
    for (const user of added) this.#watched.add(user)
    this.#ask(added)
  }

  unwatch(users: UserId[]): void {
    const gone = users.filter((u) => this.#watched.delete(u))
    for (const user of gone) this.#known.delete(user)
    if (gone.length > 0) this.#request('presence:unwatch', { users: gone }).catch(() => {})
  }

  onHello(hello: Pick<Hello, 'resumed'>): void {
    if (!hello.resumed) this.#ask([...this.#watched])
  }

  onEvent(event: string, args: unknown[]): boolean {
    if (event === 'getOnlineUsers') {
      const list = Array.isArray(args[0]) ? args[0].filter((u) => typeof u === 'string') : []
      this.#online = new Set(list)
      this.emit('online', this.#online)
      return true
    }
    if (event === 'presence:update') {
      this.#take(args[0])
      return true
    }
    return false
  }

  #ask(users: UserId[]): void {
    for (let i = 0; i < users.length; i += MAX_WATCH) {
      this.#request('presence:watch', { users: users.slice(i, i + MAX_WATCH) }).then(
        (reply) => {
          const list = Array.isArray(reply) ? reply : (reply as { users?: unknown } | undefined)?.users
          for (const state of Array.isArray(list) ? list : []) this.#take(state)
        },
        // The next hello asks again.
        () => {},
      )
    }
  }

  #take(raw: unknown): void {
    const state = raw as PresenceState | undefined
    if (typeof state?.user !== 'string') return
    this.#known.set(state.user, state)
    this.emit('update', state)
  }
}
