import { Emitter } from '../emitter.js'
import { StatsReader, type CallStats } from './stats.js'

interface Events {
  stats: [stats: CallStats]
  /** Media has been away for too long. */
  lost: []
}

/** Two clocks beside a call: how good its media is, and whether it still comes. */
export class MediaMonitor extends Emitter<Events> {
  readonly #timing: { mediaLost: number; statsEvery: number }
  readonly #connection: () => RTCPeerConnection | undefined
  #deadline: ReturnType<typeof setTimeout> | undefined
  #sampling: ReturnType<typeof setInterval> | undefined

  constructor(timing: { mediaLost: number; statsEvery: number }, connection: () => RTCPeerConnection | undefined) {
    super()
    this.#timing = timing
    this.#connection = connection
  }

  /** Media is away; `again` gives it the whole time once more. */
  away({ again }: { again: boolean }): void {
    if (this.#deadline !== undefined && !again) return
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => this.emit('lost'), this.#timing.mediaLost)
  }

  /** Media flows. */
  flows(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    if (this.#sampling !== undefined) return
    let reader = new StatsReader()
    let of = this.#connection()
    this.#sampling = setInterval(() => {
      const pc = this.#connection()
      if (!pc || pc.connectionState !== 'connected') return
      // Another connection counts from zero again.
      if (pc !== of) [reader, of] = [new StatsReader(), pc]
      pc.getStats().then(
        (report) => {
          if (pc === this.#connection() && this.#sampling !== undefined) {
            this.emit('stats', reader.read(report, performance.now()))
          }
        },
        () => {},
      )
    }, this.#timing.statsEvery)
  }

  stop(): void {
    clearTimeout(this.#deadline)
    clearInterval(this.#sampling)
    this.#deadline = this.#sampling = undefined
  }
}
