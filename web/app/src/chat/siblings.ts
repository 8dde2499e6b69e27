import type { UserId } from '@tandem-rtc/client'

/**
 * The other tabs of this user in this browser: what was read in one is read in
 * all. The server tells authors of that, and nobody else.
 */
export class Siblings {
  readonly #channel: BroadcastChannel | undefined

  constructor(me: UserId, onRead: (peer: UserId) => void) {
    if (typeof BroadcastChannel === 'undefined') return
    this.#channel = new BroadcastChannel(`tandem-chat-${me}`)
    this.#channel.onmessage = (e: MessageEvent<{ read?: unknown }>) => {
      if (typeof e.data?.read === 'string') onRead(e.data.read)
    }
  }

  read(peer: UserId): void {
    this.#channel?.postMessage({ read: peer })
  }

  close(): void {
    this.#channel?.close()
  }
}
