/** The server takes no more candidates than this in one event. */
const MAX_BATCH = 64

/**
 * Gathers ICE candidates for a moment, so that the dozen that a browser finds
 * at once goes out as one event. Held back until `release`, because they mean
 * nothing before the description they belong to has been sent.
 */
export class CandidateBatch {
  readonly #send: (candidates: RTCIceCandidateInit[]) => void
  readonly #waitMs: number
  #queue: RTCIceCandidateInit[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #held = true

  constructor(send: (candidates: RTCIceCandidateInit[]) => void, waitMs = 50) {
    this.#send = send
    this.#waitMs = waitMs
  }

  add(candidate: RTCIceCandidateInit): void {
    this.#queue.push(candidate)
    if (this.#queue.length >= MAX_BATCH) this.flush()
    else this.#arm()
  }

  release(): void {
    this.#held = false
    if (this.#queue.length > 0) this.#arm()
  }

  hold(): void {
    this.#held = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Drops what is queued: a complete description said it already. */
  clear(): void {
    this.#queue = []
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#held) return
    while (this.#queue.length > 0) this.#send(this.#queue.splice(0, MAX_BATCH))
  }

  #arm(): void {
    if (this.#held) return
    this.#timer ??= setTimeout(() => this.flush(), this.#waitMs)
  }
}
