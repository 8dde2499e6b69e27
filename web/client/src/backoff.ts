export interface BackoffOptions {
  /** First delay, in milliseconds. */
  min?: number
  /** No delay is longer, in milliseconds. */
  max?: number
  factor?: number
  /** In [0, 1); injected by tests. */
  random?: () => number
}

/**
 * Delays between attempts to reconnect: exponential, and spread over the upper
 * half of each step, so that clients that lost the same node do not come back
 * in one wave.
 */
export class Backoff {
  readonly #min: number
  readonly #max: number
  readonly #factor: number
  readonly #random: () => number
  #attempt = 0

  constructor({ min = 200, max = 5000, factor = 2, random = Math.random }: BackoffOptions = {}) {
    this.#min = min
    this.#max = max
    this.#factor = factor
    this.#random = random
  }

  get attempt(): number {
    return this.#attempt
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const step = Math.min(this.#max, this.#min * this.#factor ** this.#attempt)
    this.#attempt++
    return Math.round(step / 2 + (this.#random() * step) / 2)
  }

  reset(): void {
    this.#attempt = 0
  }
}
