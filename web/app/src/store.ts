import { Tandem, TandemError, type Call, type ConnectionState } from '@tandem-rtc/client'
import { Desk } from './chat/desk'
import { nameInToken, probableId, rememberIdentity, serverBase, slug, type Identity } from './identity'
import type { Alerts } from './push/alerts'
import { Recents, nameFromId, type Recent } from './people'
import { Sounds } from './sounds'
import { endWords, refusalWords } from './words'

export interface Toast {
  id: number
  text: string
  tone: 'plain' | 'warn'
  action?: { label: string; run: () => void }
}

const TOAST_MS = 6000
/** Longer where there is a button to find and press. */
const ACTION_TOAST_MS = 30_000
/** How long a call that failed stays on the screen with its reason. */
const FAREWELL_MS = 1600

/**
 * What the page shows, and what its buttons do. Components read its fields and
 * are drawn again after each change.
 */
export class Store {
  client: Tandem | undefined
  me: { id: string; name: string } | undefined
  joining = false
  /** Why joining failed, and whether the server wants a token. */
  refusal: { text: string; needsToken: boolean } | undefined
  connection: ConnectionState = 'idle'
  selected: string | undefined
  query = ''
  /** Shown as the call in progress: also for a moment after it failed. */
  call: Call | undefined
  incoming: Call | undefined
  /** Messages and the log of calls; with a server that keeps none its chat is not on. */
  desk: Desk | undefined
  /** The messages beside the call. */
  sideOpen = false
  toasts: Toast[] = []
  /** Read by screen readers as it changes. */
  announcement = ''
  /** Notifications while the page is closed; set where they may be. */
  alerts: Alerts | undefined
  readonly sounds = new Sounds()
  readonly #names = new Map<string, string>()
  readonly #listeners = new Set<() => void>()
  #recents = new Recents('')
  #lastToast = 0
  #drawn = false

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Draws once for all the changes of this turn. */
  changed(): void {
    if (this.#drawn) return
    this.#drawn = true
    queueMicrotask(() => {
      this.#drawn = false
      for (const listener of this.#listeners) listener()
    })
  }

  get recents(): readonly Recent[] {
    return this.#recents.list
  }

  nameOf(id: string): string {
    return this.#names.get(id) ?? this.desk?.chat.names[id] ?? this.recents.find((r) => r.id === id)?.name ?? nameFromId(id)
  }

  async join(identity: Identity): Promise<void> {
    this.joining = true
    this.refusal = undefined
    this.changed()
    const name = identity.token ? (nameInToken(identity.token) ?? identity.name) : identity.name
    const client = new Tandem({
      url: serverBase(),
      name,
      ...(identity.token ? { token: identity.token } : { userId: identity.userId ?? slug(identity.name) }),
    })
    this.client = client
    this.#listen(client, identity)
    try {
      await this.#openDesk(client, identity, probableId(identity))
      if (this.client !== client) return
      const hello = await client.connect()
      if (this.client !== client) return
      if (this.desk?.chat.me !== hello.user) {
        client.messages.cursor = undefined
        await this.#openDesk(client, identity, hello.user)
      }
      this.#enter(client, identity, hello.user)
    } catch (err) {
      if (this.client !== client) return
      this.desk?.stop()
      this.client = this.desk = this.me = undefined
      rememberIdentity(undefined)
      this.refusal = refusalWords(TandemError.from(err), Boolean(identity.token))
    }
    this.joining = false
    this.changed()
  }

  /** Ends the session here; what was kept to be read offline goes too, unless the user is likely to be back. */
  leave({ forget = true } = {}): void {
    this.sounds.stop()
    this.client?.close()
    if (forget) this.desk?.forget()
    else this.desk?.stop()
    this.client = this.desk = this.me = this.call = this.incoming = this.selected = undefined
    this.connection = 'idle'
    this.query = ''
    rememberIdentity(undefined)
    this.changed()
  }

  select(id: string | undefined): void {
    if (this.selected && this.selected !== id) this.client?.typing.stop(this.selected)
    this.selected = id
    if (id) {
      this.#recents.seen(id)
      this.client?.presence.watch([id])
    }
    this.changed()
  }

  dial(id: string, video: boolean): void {
    const { client } = this
    if (!client || client.calls.active) return
    this.sounds.unlock()
    this.incoming?.decline()
    this.#show(client.calls.dial({ id, name: this.nameOf(id) }, { video }))
  }

  async answer(video: boolean): Promise<void> {
    const call = this.incoming
    if (!call) return
    this.sounds.unlock()
    this.sounds.stop()
    this.client?.calls.live.find((c) => c !== call && c.state !== 'incoming')?.hangup()
    this.incoming = undefined
    this.#show(call)
    try {
      await call.answer({ video })
    } catch (err) {
      // It rings on: perhaps without the camera, or after a permission.
      if (call.state === 'incoming') {
        this.call = undefined
        this.#ring(call)
      }
      this.toast((err as Error).message, { tone: 'warn' })
    }
    this.changed()
  }

  decline(): void {
    this.incoming?.decline()
  }

  hangup(): void {
    this.call?.hangup()
  }

  /** Runs a switch of the call whose failure is worth a word. */
  attempt(step: Promise<unknown>): void {
    step.catch((err: unknown) => this.toast((err as Error).message, { tone: 'warn' })).finally(() => this.changed())
  }

  toast(text: string, { tone = 'plain', action }: { tone?: Toast['tone']; action?: Toast['action'] } = {}): void {
    const toast: Toast = { id: ++this.#lastToast, text, tone, ...(action ? { action } : {}) }
    this.toasts = [...this.toasts.slice(-2), toast]
    setTimeout(() => this.dismiss(toast.id), action ? ACTION_TOAST_MS : TOAST_MS)
    this.changed()
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((t) => t.id !== id)
    this.changed()
  }

  announce(text: string): void {
    this.announcement = text
    this.changed()
  }

  /** Reads what this browser kept of the user's messages. */
  async #openDesk(client: Tandem, identity: Identity, me: string): Promise<void> {
    this.desk?.stop()
    this.desk = new Desk(client, { me, base: serverBase(), token: identity.token }, {
      changed: () => this.changed(),
      announce: (text) => this.announce(text),
      nameOf: (id) => this.nameOf(id),
      complain: (text) => this.toast(text, { tone: 'warn' }),
    })
    await this.desk.restore()
  }

  #enter(client: Tandem, identity: Identity, id: string): void {
    const name = identity.token ? (nameInToken(identity.token) ?? nameFromId(id)) : identity.name
    this.me = { id, name }
    rememberIdentity({ ...identity, me: id })
    this.#recents = new Recents(id)
    client.presence.watch(this.recents.map((r) => r.id))
  }

  #listen(client: Tandem, identity: Identity): void {
    client.on('state', (state) => {
      this.connection = state
      // No network, but messages to read and a place to write: in, as the one of last time.
      if (state === 'reconnecting' && !this.me && identity.me && this.desk?.chat.on) this.#enter(client, identity, identity.me)
      this.changed()
    })
    client.on('refused', (err) => {
      if (!this.me) return
      this.leave({ forget: err.code === 'disconnected' || err.code === 'forbidden' })
      this.refusal = refusalWords(err, true)
    })
    client.presence.on('online', () => this.changed())
    client.presence.on('update', () => this.changed())
    client.typing.on('typing', () => this.changed())
    client.calls.on('incoming', (call) => this.#ring(call))
    client.calls.on('restored', (call) => this.#show(call))
  }

  #ring(call: Call): void {
    this.incoming = call
    this.toasts = []
    this.#names.set(call.peer.id, call.peer.name)
    if (!this.call || this.call.state === 'ended') this.sounds.ring()
    this.announce(`${call.isVideo ? 'Video call' : 'Call'} from ${call.peer.name}. Enter answers, Escape declines.`)
    this.#follow(call)
    this.changed()
  }

  #show(call: Call): void {
    this.call = call
    this.sideOpen = false
    this.toasts = []
    if (call.direction === 'outgoing' && call.state === 'starting') this.sounds.ringback()
    this.#follow(call)
    this.changed()
  }

  readonly #followed = new WeakSet<Call>()

  #follow(call: Call): void {
    if (this.#followed.has(call)) return
    this.#followed.add(call)
    for (const event of ['remote', 'local', 'peer', 'stats'] as const) call.on(event, () => this.changed())
    call.on('state', (state) => {
      if (state === 'connecting') this.sounds.stop()
      if (state === 'connected' && this.call === call) {
        this.sounds.connected()
        this.announce(`Connected with ${call.peer.name}`)
      }
      if (state === 'reconnecting') this.announce('Reconnecting')
      this.changed()
    })
    call.on('ended', () => this.#ended(call))
    // It may have ended before this was asked for.
    if (call.state === 'ended') this.#ended(call)
  }

  #ended(call: Call): void {
    const ending = endWords(call, call === this.call)
    if (call.endReason !== 'glare') this.#record(call, ending?.missed === true)
    if (this.incoming === call) {
      this.incoming = undefined
      if (!this.call) this.sounds.stop()
    }
    if (this.call === call) {
      this.sounds.ended()
      const failed = call.direction === 'outgoing' && call.connectedAt === undefined && ending !== undefined
      if (failed) setTimeout(() => this.#close(call), FAREWELL_MS)
      else this.#close(call)
    }
    if (ending) {
      const again = { label: ending.missed ? 'Call back' : 'Call again', run: () => this.dial(call.peer.id, call.isVideo) }
      this.toast(ending.text, ending.again ? { action: again } : {})
      this.announce(ending.text)
    }
    this.changed()
  }

  #close(call: Call): void {
    if (this.call === call) this.call = undefined
    this.changed()
  }

  #record(call: Call, missed: boolean): void {
    const { id, name } = call.peer
    this.#recents.add({
      id,
      name,
      at: Date.now(),
      missed,
      video: call.isVideo,
      outgoing: call.direction === 'outgoing',
    })
    this.client?.presence.watch([id])
  }
}
