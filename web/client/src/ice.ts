import type { IceServersReply } from './events.js'

/** A call does not wait longer for STUN and TURN than this, in milliseconds. */
const WAIT_MS = 2000

/** Fetched again when less than this is left of their life, in milliseconds. */
const SLACK_MS = 60_000

/** The STUN and TURN servers, fetched once and renewed before they expire. */
export class IceServers {
  readonly #request: (event: string, payload: unknown, timeoutMs: number) => Promise<unknown>
  #servers: RTCIceServer[] = []
  #freshUntil = 0

  constructor(request: (event: string, payload: unknown, timeoutMs: number) => Promise<unknown>) {
    this.#request = request
  }

  async get(): Promise<RTCIceServer[]> {
    if (Date.now() < this.#freshUntil) return this.#servers
    try {
      this.take(await this.#request('ice:servers', {}, WAIT_MS))
    } catch {
      // Host candidates still connect two people in one network.
    }
    return this.#servers
  }

  /** Takes a reply, or what the server pushes before the credentials expire. */
  take(raw: unknown): RTCIceServer[] {
    const { iceServers, ttl } = (raw ?? {}) as Partial<IceServersReply>
    if (Array.isArray(iceServers)) {
      this.#servers = iceServers
      this.#freshUntil = Date.now() + (typeof ttl === 'number' ? Math.max(0, ttl * 1000 - SLACK_MS) : 600_000)
    }
    return this.#servers
  }
}
