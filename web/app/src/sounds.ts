/**
 * The ring, the ring-back and two small signs, made with Web Audio: no files.
 * Browsers play nothing before the first gesture on the page; joining is one.
 */
type Pattern = { every: number; play: (at: number) => void }

export class Sounds {
  #context: AudioContext | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #bus: GainNode | undefined

  /** Call it from a gesture. */
  unlock(): void {
    try {
      this.#context ??= new AudioContext()
      void this.#context.resume()
    } catch {
      // No audio output: a call still shows itself.
    }
  }

  /** Somebody calls: a bright phrase of bells, again and again. */
  ring(): void {
    const phrase: [number, number][] = [[0, 659.3], [0.16, 830.6], [0.32, 987.8], [0.64, 830.6], [0.8, 987.8], [0.96, 1318.5]]
    this.#loop({ every: 2.8, play: (at) => phrase.forEach(([t, f]) => this.#bell(at + t, f, 0.16)) })
    // Before the first gesture, as after a reload, browsers refuse and complain.
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([350, 150, 350])
  }

  /** The other one's phone rings: two soft tones. */
  ringback(): void {
    this.#loop({
      every: 3.2,
      play: (at) => {
        this.#bell(at, 440, 0.07, 1.1)
        this.#bell(at + 0.28, 554.4, 0.06, 1.1)
      },
    })
  }

  connected(): void {
    this.stop()
    this.#once((at) => {
      this.#bell(at, 587.3, 0.08)
      this.#bell(at + 0.1, 880, 0.08)
    })
  }

  ended(): void {
    this.stop()
    this.#once((at) => {
      this.#bell(at, 523.3, 0.08)
      this.#bell(at + 0.14, 392, 0.08)
    })
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    // Cut what has been scheduled: an answered phone is silent at once.
    this.#bus?.disconnect()
    this.#bus = undefined
  }

  #loop({ every, play }: Pattern): void {
    this.stop()
    const context = this.#context
    if (!context) return
    const round = () => context.state === 'running' && play(context.currentTime + 0.03)
    round()
    this.#timer = setInterval(round, every * 1000)
  }

  #once(play: (at: number) => void): void {
    if (this.#context?.state === 'running') play(this.#context.currentTime + 0.02)
  }

  #bell(at: number, frequency: number, volume: number, decay = 0.7): void {
    const context = this.#context!
    if (!this.#bus) {
      this.#bus = context.createGain()
      this.#bus.connect(context.destination)
    }
    for (const [ratio, share] of [[1, 1], [2.76, 0.22]] as const) {
      const tone = context.createOscillator()
      const gain = context.createGain()
      tone.frequency.value = frequency * ratio
      gain.gain.setValueAtTime(0, at)
      gain.gain.linearRampToValueAtTime(volume * share, at + 0.012)
      gain.gain.exponentialRampToValueAtTime(0.0001, at + decay / ratio)
      tone.connect(gain).connect(this.#bus)
      tone.start(at)
      tone.stop(at + decay)
    }
  }
}
