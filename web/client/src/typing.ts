import { Emitter } from './emitter.js'
import type { UserId } from './events.js'

interface Events {
  /** The user began or stopped typing to this one. */
  typing: [user: UserId, on: boolean]
}

/** Say it again after so long, while keys go on: the server forgets after 6 s. */
const AGAIN_MS = 3000
/** No key for so long means that typing has stopped. */
const IDLE_MS = 3500
/** Forget the other's typing by ourselves, should its stop be lost. */
const EXPIRE_MS = 7000

/** "… is typing", both ways, with no more events than it takes. */
export class Typing extends Emitter<Events> {
  readonly #send: (event: 'typing' | 'stopTyping', receiverId: UserId) => void
  readonly #sentAt = new Map<UserId, number>()
  readonly #idle = new Map<UserId, ReturnType<typeof setTimeout>>()
  readonly #others = new Map<UserId, ReturnType<typeof setTimeout>>()

  constructor(send: (event: 'typing' | 'stopTyping', receiverId: UserId) => void) {
    super()
    this.#send = send
  }

  /** Call it at every key. */
  key(to: UserId): void {
    const now = Date.now()
    if (now - (this.#sentAt.get(to) ?? -Infinity) >= AGAIN_MS) {
      this.#sentAt.set(to, now)
      this.#send('typing', to)
    }
    clearTimeout(this.#idle.get(to))
    this.#idle.set(to, setTimeout(() => this.stop(to), IDLE_MS))
  }

  /** The field was emptied, left, or sent. */
  stop(to: UserId): void {
    clearTimeout(this.#idle.get(to))
    this.#idle.delete(to)
    if (this.#sentAt.delete(to)) this.#send('stopTyping', to)
  }

  isTyping(user: UserId): boolean {
    return this.#others.has(user)
  }

  onEvent(event: string, args: unknown[]): boolean {
    if (event !== 'userTyping' && event !== 'userStopTyping') return false
    const user = args[0]
    if (typeof user !== 'string') return true
    const had = this.#others.has(user)
    clearTimeout(this.#others.get(user))
    this.#others.delete(user)
    const on = event === 'userTyping'
    if (on) this.#others.set(user, setTimeout(() => this.onEvent('userStopTyping', [user]), EXPIRE_MS))
    if (on !== had) this.emit('typing', user, on)
    return true
  }

  clear(): void {
    for (const timer of [...this.#idle.values(), ...this.#others.values()]) clearTimeout(timer)
    this.#idle.clear()
    this.#others.clear()
    this.#sentAt.clear()
  }
}
