import { Blocklist } from './blocklist.js'
import { Calls } from './calls.js'
import { defaultTiming, type CallTiming } from './call-types.js'
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.js'
import { claimDevice, type DeviceIdentity } from './device.js'
import { Emitter } from './emitter.js'
import { TandemError } from './errors.js'
import type { Hello, Profile, Requests, ServerEvents, UserId, Volatile } from './events.js'
import { IceServers } from './ice.js'
import { LiveCallMemory } from './memory.js'
import { Messages } from './messages.js'
import { Presence } from './presence.js'
import { browserMedia, type DeviceChoice, type MediaSource } from './rtc/media.js'
import { Typing } from './typing.js'

export interface TandemOptions extends Omit<ConnectionOptions, 'deviceId'> {
  /** How this user is shown to those it calls, as far as the server lets it. */
  name?: string
  profile?: Profile
  /** This tab's own by default. */
  device?: DeviceIdentity
  media?: MediaSource
  timing?: Partial<CallTiming>
  memory?: LiveCallMemory
  createConnection?: (config: RTCConfiguration) => RTCPeerConnection
}

/** Events of the client besides those of the server. */
export interface ClientEvents {
  state: [state: ConnectionState]
  hello: [hello: Hello]
  /** The server refused this user for good. */
  refused: [err: TandemError]
}

/**
 * A client of a Tandem server: one user on one device.
 *
 *   const tandem = new Tandem({ userId: 'alice' })
 *   await tandem.connect()
 *   tandem.calls.on('incoming', (call) => call.answer())
 *   const call = tandem.calls.dial({ id: 'bob' }, { video: true })
 */
export class Tandem extends Emitter<ClientEvents & ServerEvents> {
  readonly calls: Calls
  readonly messages: Messages
  readonly presence: Presence
  readonly blocks: Blocklist
  readonly typing: Typing
  /** Devices for the next call; a running call has its own. */
  readonly choice: DeviceChoice = {}
  readonly #opts: TandemOptions
  readonly #ice: IceServers
  #connection: Connection | undefined
  #unlisten: (() => void) | undefined

  constructor(opts: TandemOptions = {}) {
    super()
    this.#opts = opts
    const request = (event: string, payload: unknown, timeoutMs?: number) => this.#send(event, payload, timeoutMs)
    this.#ice = new IceServers(request)
    this.presence = new Presence(request)
    this.blocks = new Blocklist(request)
    this.messages = new Messages(request)
    this.typing = new Typing((event, receiverId) => this.volatile(event, { receiverId }))
    this.calls = new Calls(
      {
        request,
        iceServers: () => this.#ice.get(),
        me: () => this.#me(),
        media: opts.media ?? browserMedia,
        choice: this.choice,
        timing: { ...defaultTiming, ...opts.timing },
        ...(opts.createConnection ? { createConnection: opts.createConnection } : {}),
      },
      opts.memory ?? new LiveCallMemory(),
    )
    this.calls.on('change', () => this.#markBusy())
  }

  /** Who the server says this is; undefined before the first hello. */
  get user(): UserId | undefined {
    return this.#connection?.hello?.user
  }

  get session(): Hello | undefined {
    return this.#connection?.hello
  }

  /** Why the server turned the last attempt away, while attempts go on. */
  get problem(): TandemError | undefined {
    return this.#connection?.problem
  }

  get state(): ConnectionState {
    return this.#connection?.state ?? 'idle'
  }

  /**
   * Connects, and keeps connected until `close`. Resolves at the first hello;
   * rejects if the server refuses this user. Attempts go on while the server
   * merely can not be reached.
   */
  async connect(): Promise<Hello> {
    if (this.#connection) throw new TandemError('closed', 'connect may be called once.')
    const device = this.#opts.device ?? (await claimDevice())
    if (device.copied) this.#memory().forget()
    const connection = new Connection({ ...this.#opts, deviceId: device.id })
    this.#connection = connection
    const first = new Promise<Hello>((resolve, reject) => {
      connection.on('hello', resolve)
      connection.on('refused', reject)
    })
    connection.on('state', (state) => this.emit('state', state))
    connection.on('event', (name, args) => this.#onEvent(name, args))
    connection.on('hello', (hello) => this.#onHello(hello))
    connection.on('refused', (err) => {
      this.calls.endAll()
      this.emit('refused', err)
    })
    this.#listen()
    connection.open()
    return first
  }

  /** Says goodbye: the session and its calls end. */
  close(): void {
    for (const call of this.calls.live) call.hangup()
    this.#unlisten?.()
    this.#unlisten = undefined
    this.typing.clear()
    this.#connection?.close()
  }

  /** Sends an event and waits for its reply, over reconnections if need be. */
  request<E extends keyof Requests>(
    event: E,
    payload: Requests[E]['payload'],
    { timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<Requests[E]['reply']> {
    return this.#send(event, payload, timeoutMs) as Promise<Requests[E]['reply']>
  }

  /** Sends an event that is worth nothing once late. */
  volatile<E extends keyof Volatile>(event: E, payload: Volatile[E]): void {
    const senderId = this.session?.sid
    this.#connection?.volatile(event, senderId ? { senderId, ...payload } : payload)
  }

  #send(event: string, payload: unknown, timeoutMs?: number): Promise<unknown> {
    if (!this.#connection) return Promise.reject(new TandemError('closed', 'Not connected.', event))
    return this.#connection.request(event, payload, timeoutMs)
  }

  #onHello(hello: Hello): void {
    void this.#ice.get()
    this.presence.onHello(hello)
    this.calls.onHello(hello)
    this.messages.onHello(hello)
    this.emit('hello', hello)
  }

  #onEvent(name: string, args: unknown[]): void {
    if (name === 'ice:servers') this.calls.setIceServers(this.#ice.take(args[0]))
    this.presence.onEvent(name, args)
    this.blocks.onEvent(name, args)
    this.typing.onEvent(name, args)
    this.messages.onEvent(name, args)
    this.calls.onEvent(name, args)
    ;(this.emit as (name: string, ...args: unknown[]) => void)(name, ...args)
  }

  #markBusy(): void {
    if (this.#connection) this.#connection.busy = this.calls.live.length > 0
  }

  #me(): { id: UserId; name: string; profile: Profile } {
    const id = this.user ?? this.#opts.userId ?? ''
    const name = this.#opts.name ?? id
    return { id, name, profile: { _id: id, name, fullName: name, ...this.#opts.profile } }
  }

  #memory(): LiveCallMemory {
    return this.#opts.memory ?? new LiveCallMemory()
  }

  /** Another network means other addresses: media has to find new ways. */
  #listen(): void {
    if (typeof window === 'undefined') return
    const changed = () => this.calls.onNetworkChange()
    const network = (navigator as { connection?: EventTarget & { type?: string } }).connection
    let type = network?.type
    const maybeChanged = () => {
      if (network?.type === type) return
      type = network?.type
      changed()
    }
    window.addEventListener('online', changed)
    network?.addEventListener('change', maybeChanged)
    this.#unlisten = () => {
      window.removeEventListener('online', changed)
      network?.removeEventListener('change', maybeChanged)
    }
  }
}
