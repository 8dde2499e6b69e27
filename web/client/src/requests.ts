import { TandemError } from './errors.js'

interface Waiting {
  readonly id: number
  readonly event: string
  readonly payload: unknown
  readonly resolve: (reply: unknown) => void
  readonly reject: (err: TandemError) => void
  readonly timer: ReturnType<typeof setTimeout>
  /** Which connection it was last sent on; 0 if on none yet. */
  sentOn: number
}

/**
 * Requests that wait for their ack. One whose connection is lost is sent again
 * on the next, in the order in which they were made: every request of the
 * protocol may come twice (C12), and its id stays the same.
 */
export class Requests {
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  nextId(): number {
    return ++this.#lastId
  }

  /** Adds a request; it is up to the caller to send it, or let `unsent` do so. */
  add(event: string, payload: unknown, timeoutMs: number): { id: number; reply: Promise<unknown> } {
    const id = this.nextId()
    const reply = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new TandemError('timeout', `No answer to ${event} within ${timeoutMs} ms.`, event))
      }, timeoutMs)
      this.#waiting.set(id, { id, event, payload, resolve, reject, timer, sentOn: 0 })
    })
    return { id, reply }
  }

  /** What has not been sent on this connection yet; marks it as sent. */
  *unsent(connection: number): Iterable<{ id: number; event: string; payload: unknown }> {
    for (const w of [...this.#waiting.values()]) {
      if (w.sentOn === connection) continue
      w.sentOn = connection
      yield w
    }
  }

  settle(id: number, args: unknown[] | undefined, error: unknown): void {
    const w = this.#waiting.get(id)
    if (!w) return
    this.#forget(w)
    if (error === undefined) w.resolve(args?.[0])
    else w.reject(TandemError.from(error, w.event))
  }

  failAll(error: TandemError): void {
    for (const w of [...this.#waiting.values()]) {
      this.#forget(w)
      w.reject(new TandemError(error.code, error.message, w.event))
    }
  }

  #forget(w: Waiting): void {
    clearTimeout(w.timer)
    this.#waiting.delete(w.id)
  }
}
