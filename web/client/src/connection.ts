import { Backoff, type BackoffOptions } from './backoff.js'
import { Emitter } from './emitter.js'
import { TandemError, endings, finalCloseCodes, refusals } from './errors.js'
import type { Hello } from './events.js'
import { parseFrame, socketUrl, type EventFrame } from './frames.js'
import { Requests } from './requests.js'

/** The part of WebSocket that is used here; tests give their own. */
export interface SocketLike {
  onopen: ((e: never) => void) | null
  onmessage: ((e: { data: unknown }) => void) | null
  onclose: ((e: { code: number; reason: string }) => void) | null
  readonly readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
}

export interface ConnectionOptions {
  /** Base URL of the server; the page's own by default. */
  url?: string | URL
  /** Names the user where the server has no secret (development). */
  userId?: string
  /** A token, or what fetches a fresh one: asked again for each connection. */
  token?: string | (() => string | Promise<string>)
  deviceId: string
  backoff?: BackoffOptions
  /** Milliseconds for opening, authenticating and hello together. */
  handshakeTimeoutMs?: number
  requestTimeoutMs?: number
  /** Milliseconds between pings, idle and while `busy`. */
  pingMs?: { idle: number; busy: number }
  pingTimeoutMs?: number
  createSocket?: (url: string, protocols: string[]) => SocketLike
  random?: () => number
}

export type ConnectionState =
  | 'idle'
  /** First attempt. */
  | 'connecting'
  | 'open'
  /** Was open, or failed to open; attempts go on. */
  | 'reconnecting'
  /** Closed by the page or refused by the server; no more attempts. */
  | 'closed'

interface Events {
  state: [state: ConnectionState]
  hello: [hello: Hello]
  event: [name: string, args: unknown[]]
  /** The server refused for good. */
  refused: [err: TandemError]
}

export const SUBPROTOCOL = 'tandem.v1'

/** Tell the server what has arrived after so many events, or so long. */
const SEQ_EVERY = 32
const SEQ_AFTER_MS = 5000

/** Private close code for a socket that this client gives up to open another. */
const RECYCLE = 4000

/**
 * One session with the server over any number of WebSockets: authenticates,
 * keeps the last sequence number, resumes after a loss, notices dead links, and
 * matches replies to requests.
 */
export class Connection extends Emitter<Events> {
  readonly #opts: ConnectionOptions
  readonly #backoff: Backoff
  readonly #requests = new Requests()
  readonly #random: () => number
  #socket: SocketLike | undefined
  /** Counts sockets; late callbacks of an earlier one compare and return. */
  #generation = 0
  #state: ConnectionState = 'idle'
  #hello: Hello | undefined
  #resumeToken: string | undefined
  #lastSeq = 0
  #toldSeq = 0
  #busy = false
  #refusedOnce = false
  #problem: TandemError | undefined
  #seqTimer: ReturnType<typeof setTimeout> | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined
  #pingTimer: ReturnType<typeof setTimeout> | undefined
  #drainTimer: ReturnType<typeof setTimeout> | undefined
  #unlisten: (() => void) | undefined

  constructor(opts: ConnectionOptions) {
    super()
    this.#opts = opts
    this.#backoff = new Backoff(opts.backoff)
    this.#random = opts.random ?? Math.random
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** The last hello; undefined before the first. */
  get hello(): Hello | undefined {
    return this.#hello
  }

  /** Why the server turned the last attempt away, if it said so. */
  get problem(): TandemError | undefined {
    return this.#problem
  }

  open(): void {
    if (this.#state !== 'idle' && this.#state !== 'closed') return
    this.#refusedOnce = false
    this.#listen()
    this.#setState('connecting')
    void this.#connect()
  }

  /** Says goodbye: the session ends at once, and so do its calls. */
  close(): void {
    if (this.#state === 'closed' || this.#state === 'idle') return
    if (this.#state === 'open') this.#sendFrame({ event: 'disconnect', args: [] })
    this.#shut(new TandemError('closed', 'The connection was closed.'), 1000)
  }

  /** Sends an event and waits for its ack, over reconnections if need be. */
  request(event: string, payload: unknown, timeoutMs = this.#opts.requestTimeoutMs ?? 10_000): Promise<unknown> {
    if (this.#state === 'closed' || this.#state === 'idle') {
      return Promise.reject(new TandemError('closed', 'There is no connection.', event))
    }
    const { reply } = this.#requests.add(event, payload, timeoutMs)
    this.#flush()
    return reply
  }

  /** Sends an event that is worth nothing once late: dropped while away. */
  volatile(event: string, payload: unknown): void {
    if (this.#state === 'open') this.#sendFrame({ event, args: [payload] })
  }

  /** In a call the link is checked more often. */
  set busy(busy: boolean) {
    if (this.#busy === busy) return
    this.#busy = busy
    if (this.#state === 'open') this.#schedulePing()
  }

  /** Finds out now whether the link is alive, and replaces it if it is not. */
  verify(timeoutMs = 3000): void {
    if (this.#state === 'open') this.#ping(timeoutMs)
    else if (this.#state === 'reconnecting' && this.#retryTimer !== undefined) this.#reconnectNow()
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#handshakeTimer = setTimeout(() => this.#lost(generation), this.#opts.handshakeTimeoutMs ?? 10_000)
    let token: string | undefined
    try {
      token = typeof this.#opts.token === 'function' ? await this.#opts.token() : this.#opts.token
    } catch {
      this.#lost(generation)
      return
    }
    if (generation !== this.#generation) return
    const url = socketUrl(this.#opts.url ?? globalThis.document?.baseURI)
    const create = this.#opts.createSocket ?? ((u, p) => new WebSocket(u, p) as unknown as SocketLike)
    const socket = create(url, [SUBPROTOCOL])
    this.#socket = socket
    let authId = 0
    socket.onopen = () => {
      if (generation !== this.#generation) return
      authId = this.#requests.nextId()
      const auth: Record<string, unknown> = { deviceId: this.#opts.deviceId }
      if (token) auth['token'] = token
      else if (this.#opts.userId) auth['userId'] = this.#opts.userId
      if (this.#resumeToken) auth['resume'] = { token: this.#resumeToken, lastSeq: this.#lastSeq }
      socket.send(JSON.stringify({ event: 'auth', args: [auth], id: authId }))
    }
    socket.onmessage = (e) => {
      if (generation !== this.#generation) return
      const frame = parseFrame(e.data)
      if (!frame) return
      if ('event' in frame) this.#onEvent(frame)
      else if (frame.ack !== authId) this.#requests.settle(frame.ack, frame.args, frame.error)
      else if (frame.error !== undefined) this.#onRefusal(TandemError.from(frame.error, 'auth'))
    }
    socket.onclose = (e) => {
      if (generation !== this.#generation) return
      const code = finalCloseCodes.get(e.code)
      if (!code) return this.#lost(generation)
      // The reason is the code that led to the close, where there is one.
      const exact = refusals.has(e.reason) ? e.reason : code
      const told = this.#problem?.code === exact ? this.#problem : undefined
      this.#onRefusal(told ?? new TandemError(exact))
    }
  }

  #onEvent(frame: EventFrame): void {
    if (frame.event === 'hello') {
      this.#onHello((frame.args[0] ?? {}) as Hello)
      return
    }
    if (this.#state !== 'open') {
      // Before hello there is only the reason for being turned away.
      if (frame.event === 'error') this.#problem = TandemError.from(frame.args[0], 'auth')
      return
    }
    if (frame.seq !== undefined) {
      if (frame.seq <= this.#lastSeq) return
      this.#lastSeq = frame.seq
      this.#scheduleSeq()
    }
    if (frame.event === 'server:drain') this.#onDrain(frame.args[0])
    if (frame.event === 'auth:expiring') void this.#refresh()
    this.emit('event', frame.event, frame.args)
  }

  #onHello(hello: Hello): void {
    clearTimeout(this.#handshakeTimer)
    this.#backoff.reset()
    this.#refusedOnce = false
    this.#problem = undefined
    if (!hello.resumed) this.#lastSeq = this.#toldSeq = 0
    this.#resumeToken = hello.resumeToken
    this.#hello = hello
    this.#setState('open')
    this.#schedulePing()
    this.#flush()
    this.emit('hello', hello)
  }

  /** A fresh token may help if they are fetched; the same one never does. */
  #onRefusal(err: TandemError): void {
    const fetched = typeof this.#opts.token === 'function'
    const stale = err.code === 'unauthorized' || err.code === 'token_expired'
    if (fetched && stale && !this.#refusedOnce) {
      this.#refusedOnce = true
      this.#lost(this.#generation)
      return
    }
    if (!refusals.has(err.code) && !endings.has(err.code)) return
    this.#shut(err, 1000)
    this.emit('refused', err)
  }

  async #refresh(): Promise<void> {
    if (typeof this.#opts.token !== 'function') return
    try {
      const token = await this.#opts.token()
      await this.request('auth:refresh', { token })
    } catch {
      // The server closes the session when the old token runs out; the next
      // connection asks for a token again.
    }
  }

  #onDrain(arg: unknown): void {
    const within = (arg as { reconnectWithinMs?: unknown } | undefined)?.reconnectWithinMs
    const ms = typeof within === 'number' && within > 0 ? within : 1000
    clearTimeout(this.#drainTimer)
    this.#drainTimer = setTimeout(() => this.#recycle(), this.#random() * ms * 0.8)
  }

  #recycle(): void {
    if (this.#state !== 'open') return
    this.#drop(RECYCLE)
    this.#setState('reconnecting')
    void this.#connect()
  }

  #lost(generation: number): void {
    if (generation !== this.#generation || this.#state === 'closed') return
    this.#drop(RECYCLE)
    this.#setState('reconnecting')
    this.#retryTimer = setTimeout(() => void this.#connect(), this.#backoff.next())
  }

  #reconnectNow(): void {
    this.#backoff.reset()
    void this.#connect()
  }

  /** Forgets the socket; nothing that it still does is heard. */
  #drop(code: number): void {
    this.#generation++
    clearTimeout(this.#handshakeTimer)
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#pingTimer)
    clearTimeout(this.#drainTimer)
    clearTimeout(this.#seqTimer)
    this.#seqTimer = this.#retryTimer = undefined
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    try {
      socket.close(code)
    } catch {
      // Already closing.
    }
  }

  #shut(err: TandemError, code: number): void {
    this.#drop(code)
    this.#unlisten?.()
    this.#unlisten = undefined
    this.#resumeToken = undefined
    this.#lastSeq = this.#toldSeq = 0
    this.#setState('closed')
    this.#requests.failAll(err)
  }

  #flush(): void {
    if (this.#state !== 'open') return
    for (const r of this.#requests.unsent(this.#generation)) {
      this.#sendFrame({ event: r.event, args: [r.payload], id: r.id })
    }
  }

  #sendFrame(frame: EventFrame): void {
    try {
      this.#socket?.send(JSON.stringify(frame))
    } catch {
      // Not open any more: onclose follows, and requests are sent again.
    }
  }

  #scheduleSeq(): void {
    if (this.#lastSeq - this.#toldSeq >= SEQ_EVERY) this.#tellSeq()
    else this.#seqTimer ??= setTimeout(() => this.#tellSeq(), SEQ_AFTER_MS)
  }

  #tellSeq(): void {
    clearTimeout(this.#seqTimer)
    this.#seqTimer = undefined
    if (this.#state !== 'open' || this.#toldSeq === this.#lastSeq) return
    this.#toldSeq = this.#lastSeq
    this.#sendFrame({ event: 'seq', args: [this.#lastSeq] })
  }

  #schedulePing(): void {
    clearTimeout(this.#pingTimer)
    const { idle, busy } = this.#opts.pingMs ?? { idle: 25_000, busy: 10_000 }
    this.#pingTimer = setTimeout(() => this.#ping(this.#opts.pingTimeoutMs ?? 5000), this.#busy ? busy : idle)
  }

  #ping(timeoutMs: number): void {
    const generation = this.#generation
    clearTimeout(this.#pingTimer)
    this.request('ping', {}, timeoutMs).then(
      () => generation === this.#generation && this.#schedulePing(),
      (err: TandemError) => {
        if (generation !== this.#generation) return
        // Any answer, even a refusal, shows that the link is alive.
        if (err.code === 'timeout') this.#recycle()
        else this.#schedulePing()
      },
    )
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return
    this.#state = state
    this.emit('state', state)
  }

  /** The browser's own news of the network, and of a page that was asleep. */
  #listen(): void {
    if (this.#unlisten || typeof window === 'undefined') return
    const check = () => this.verify()
    const awake = () => document.visibilityState === 'visible' && this.verify()
    window.addEventListener('online', check)
    window.addEventListener('offline', check)
    window.addEventListener('pageshow', check)
    document.addEventListener('visibilitychange', awake)
    this.#unlisten = () => {
      window.removeEventListener('online', check)
      window.removeEventListener('offline', check)
      window.removeEventListener('pageshow', check)
      document.removeEventListener('visibilitychange', awake)
    }
  }
}
