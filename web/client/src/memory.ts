import { safely } from './device.js'
import type { CallId, UserId } from './events.js'

/** What a reloaded page has to know of the call that it was in. */
export interface LiveCall {
  callId: CallId
  to: UserId
  audio: boolean
  video: boolean
}

type TabStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const KEY = 'tandem.call'

/** Keeps the live call in sessionStorage, which a reload of the tab survives. */
export class LiveCallMemory {
  readonly #storage: TabStorage | undefined

  constructor(storage: TabStorage | undefined = safely(() => globalThis.sessionStorage)) {
    this.#storage = storage
  }

  remember(call: LiveCall): void {
    safely(() => this.#storage?.setItem(KEY, JSON.stringify(call)))
  }

  recall(): LiveCall | undefined {
    return safely(() => {
      const raw: unknown = JSON.parse(this.#storage?.getItem(KEY) ?? 'null')
      if (typeof raw !== 'object' || raw === null) return undefined
      const { callId, to, audio, video } = raw as Record<string, unknown>
      if (typeof callId !== 'string' || typeof to !== 'string') return undefined
      return { callId, to, audio: audio !== false, video: video === true }
    })
  }

  forget(): void {
    safely(() => this.#storage?.removeItem(KEY))
  }
}
