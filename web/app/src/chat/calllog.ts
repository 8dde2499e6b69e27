import type { UserId } from '@tandem-rtc/client'

/** An ended call, as GET /api/calls has it. */
export interface LoggedCall {
  callId: string
  caller: UserId
  callee: UserId
  reason: string
  isVideoCall: boolean
  startedAt: string
  answeredAt?: string
  endedAt: string
  durationMs: number
  missed: boolean
  new: boolean
}

interface Answer {
  calls: LoggedCall[]
  next?: string
  missed: number
}

const LIMIT = 50
const MOST = 500
/** A record is written a moment after its call has ended. */
const AGAIN_MS = [300, 1000, 3000]

/** The calls of a user on all devices, the latest first, and how many were missed. */
export class CallLog {
  /** False where the server keeps no log, or does not believe who asks. */
  available = false
  list: LoggedCall[] = []
  missed = 0
  next = ''
  loading = false
  readonly #fetch: (path: string, body?: unknown) => Promise<unknown>
  readonly #changed: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(fetch: (path: string, body?: unknown) => Promise<unknown>, changed: () => void) {
    this.#fetch = fetch
    this.#changed = changed
  }

  /** Asks for the latest calls. What cannot be had now is left as it was. */
  async load(): Promise<void> {
    const answer = await this.#get(`api/calls?limit=${LIMIT}`)
    if (!answer) return
    this.available = true
    this.missed = answer.missed
    const oldest = answer.calls.at(-1)
    const given = new Set(answer.calls.map((c) => c.callId))
    const rest = answer.next && oldest ? this.list.filter((c) => !given.has(c.callId) && c.endedAt <= oldest.endedAt) : []
    if (rest.length === 0) this.next = answer.next ?? ''
    this.list = [...answer.calls, ...rest]
    this.#changed()
  }

  async more(): Promise<void> {
    if (!this.next || this.loading) return
    this.loading = true
    const answer = await this.#get(`api/calls?limit=${LIMIT}&cursor=${encodeURIComponent(this.next)}`)
    this.loading = false
    if (!answer) return
    const known = new Set(this.list.map((c) => c.callId))
    this.list = [...this.list, ...answer.calls.filter((c) => !known.has(c.callId))].slice(0, MOST)
    this.next = this.list.length < MOST ? (answer.next ?? '') : ''
    this.#changed()
  }

  /** A call has ended: its record will be there soon. */
  ended(callId: string | undefined): void {
    clearTimeout(this.#timer)
    const look = (n: number): void => {
      this.#timer = setTimeout(async () => {
        await this.load()
        const there = callId === undefined || this.list.some((c) => c.callId === callId)
        if (!there && n + 1 < AGAIN_MS.length) look(n + 1)
      }, AGAIN_MS[n])
    }
    look(0)
  }

  /** The user has looked at the missed ones that are in the list. */
  async look(): Promise<boolean> {
    const until = this.list[0]?.endedAt
    if (this.missed === 0 || !until) return false
    this.missed = 0
    this.#changed()
    try {
      await this.#fetch('api/calls/seen', { until })
      return true
    } catch {
      // They are counted again at the next load.
      return false
    }
  }

  /** The list has been left: what was new is not any more. */
  settle(): void {
    this.list = this.list.map((c) => (c.new ? { ...c, new: false } : c))
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  async #get(path: string): Promise<Answer | undefined> {
    try {
      const raw = (await this.#fetch(path)) as Partial<Answer> | undefined
      return Array.isArray(raw?.calls) ? { calls: raw.calls, missed: raw.missed ?? 0, ...(raw.next ? { next: raw.next } : {}) } : undefined
    } catch {
      return undefined
    }
  }
}

/** Asks REST routes as this user: with the token, or by the user id where that is believed. */
export function restOf(base: string, user: UserId, token: string | undefined): (path: string, body?: unknown) => Promise<unknown> {
  return async (path, body) => {
    const url = new URL(path, base)
    if (!token) url.searchParams.set('userId', user)
    const headers: Record<string, string> = {}
    if (token) headers['Authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    const init: RequestInit = { headers, method: body === undefined ? 'GET' : 'POST', signal: AbortSignal.timeout(10_000) }
    if (body !== undefined) init.body = JSON.stringify(body)
    const answer = await fetch(url, init)
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer.json()
  }
}
