import { Connection, TandemError } from '@tandem-rtc/client'
import type { Client, Clients } from './run.js'
import type { Actor, Values } from './spec.js'

export interface Told {
  to: Actor
  event: string
  args: unknown[]
}

/** Who the reader is to this server, and the two connections that examples run on. */
export class Session {
  token = ''
  peerToken = ''
  key = ''
  /** The server believes names: no token is needed. */
  open = false
  #values: Values
  #connections: Partial<Record<Actor, Connection>> = {}
  readonly #listeners = new Set<(told: Told) => void>()

  constructor(values: Values) {
    this.#values = values
    for (const field of ['token', 'peerToken', 'key'] as const) this[field] = sessionStorage.getItem(`docs.${field}`) ?? ''
  }

  /** Finds out whether tokens are needed. */
  async begin(): Promise<void> {
    const mark = Math.random().toString(36).slice(2, 6)
    const named = { me: `docs-alice-${mark}`, peer: `docs-bob-${mark}`, third: `docs-carol-${mark}` }
    const r = await fetch(`/api/users/online?limit=1&userId=${named.me}`).catch(() => undefined)
    this.open = r?.ok === true && !this.token
    if (this.open) this.#values = { ...this.#values, ...named }
    this.#learn()
  }

  /** Takes other credentials; connections of the former ones end. */
  use(given: { token: string; peerToken: string; key: string }): void {
    for (const field of ['token', 'peerToken', 'key'] as const) {
      this[field] = given[field].trim()
      sessionStorage.setItem(`docs.${field}`, this[field])
    }
    this.close()
    this.#learn()
  }

  get values(): Values {
    return this.#values
  }

  get named(): boolean {
    return this.open || this.token !== ''
  }

  on(listener: (told: Told) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Connects both; without a token for the second, what needs it says so. */
  async clients(): Promise<Clients> {
    const me = await this.#connect('me')
    if (this.open || this.peerToken) return { me, peer: await this.#connect('peer') }
    const missing: Client = {
      request: () => Promise.reject(new TandemError('unauthorized', 'This example needs a second person: give a second token above.')),
      volatile: () => {},
    }
    return { me, peer: missing }
  }

  close(): void {
    for (const c of Object.values(this.#connections)) c.close()
    this.#connections = {}
  }

  async #connect(actor: Actor): Promise<Connection> {
    const there = this.#connections[actor]
    if (there?.state === 'open') return there
    there?.close()
    const token = actor === 'me' ? this.token : this.peerToken
    const user = this.#values[actor]
    const c = new Connection({
      url: location.origin,
      deviceId: `docs-${actor}-${Math.random().toString(36).slice(2)}`,
      ...(token ? { token } : this.open && user ? { userId: user } : {}),
    })
    this.#connections[actor] = c
    c.on('event', (event, args) => this.#tell({ to: actor, event, args }))
    const hello = new Promise<void>((resolve, reject) => {
      c.on('hello', (hello) => {
        this.#values = { ...this.#values, [actor]: hello.user }
        this.#tell({ to: actor, event: 'hello', args: [hello] })
        resolve()
      })
      c.on('refused', (err) => reject(err))
    })
    c.open()
    await hello
    return c
  }

  #tell(told: Told): void {
    for (const l of [...this.#listeners]) l(told)
  }

  /** The names in the tokens, for examples that are only read. */
  #learn(): void {
    for (const [actor, token] of [['me', this.token], ['peer', this.peerToken]] as const) {
      const user = userOf(token)
      if (user) this.#values = { ...this.#values, [actor]: user }
    }
    this.#values = {
      ...this.#values,
      server: location.origin,
      ...(this.token ? { token: this.token } : {}),
      ...(this.key ? { key: this.key } : {}),
    }
  }
}

/** The user that a token names; '' if it can not be read. */
function userOf(token: string): string {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as Record<string, unknown>
    return [claims['userId'], claims['sub']].find((v) => typeof v === 'string') ?? ''
  } catch {
    return ''
  }
}
