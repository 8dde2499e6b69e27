import type { Store } from '../store'
import { recallIdentity, serverBase, type Identity } from '../identity'
import { readErrand, type Errand } from './errand'

/**
 * Notifications of calls and messages while the page is closed: whether this
 * browser gets them, and what clicking one asks the page to do. One user of a
 * browser can have them: whoever turned them on last.
 */
export type AlertState = 'unavailable' | 'off' | 'on' | 'busy' | 'blocked'

const KEY = 'tandem.push'

interface Kept {
  identity: Identity
  user: string
  device: string
}

export class Alerts {
  state: AlertState = 'unavailable'
  readonly #store: Store
  #errand: Errand | undefined
  #user: string | undefined

  constructor(store: Store) {
    this.#store = store
    store.subscribe(() => this.#follow())
    navigator.serviceWorker?.addEventListener('message', (e: MessageEvent) => {
      const errand = readErrand((e.data as { push?: unknown } | null)?.push)
      if (errand) this.take(errand)
    })
  }

  /** What a notification was clicked for; done as soon as it can be. */
  take(errand: Errand): void {
    if (this.#store.me && this.#store.me.id !== errand.user) return
    this.#errand = errand
    this.#follow()
  }

  /** Asks for the permission if there is none yet, so only after a click. */
  async toggle(): Promise<void> {
    const before = this.state
    if (before !== 'off' && before !== 'on') return
    this.#set('busy')
    try {
      if (before === 'on') await this.#turnOff()
      else await this.#turnOn()
    } catch (err) {
      this.#set(before)
      const why = err instanceof Error && err.message ? `: ${err.message}` : ''
      this.#store.toast(`Notifications could not be turned ${before === 'on' ? 'off' : 'on'}${why}`, { tone: 'warn' })
    }
  }

  #set(state: AlertState): void {
    this.state = state
    this.#store.changed()
  }

  #follow(): void {
    const me = this.#store.me?.id
    if (me !== this.#user) {
      const former = this.#user
      this.#user = me
      if (me) void this.#arrive(me)
      else if (former && kept()?.user === former) void this.#turnOff().catch(() => undefined)
    }
    this.#runErrand()
  }

  #runErrand(): void {
    const errand = this.#errand
    const { me, incoming } = this.#store
    if (!errand || !me) return
    if (errand.user !== me.id) {
      this.#errand = undefined
      return
    }
    if (!errand.callId) {
      this.#errand = undefined
      this.#store.select(errand.from)
    } else if (incoming?.id === errand.callId) {
      this.#errand = undefined
      if (errand.do === 'answer') void this.#store.answer(incoming.isVideo)
      else if (errand.do === 'decline') this.#store.decline()
    }
  }

  /** Tells the server of this browser again whenever its user comes. */
  async #arrive(user: string): Promise<void> {
    if (!('serviceWorker' in navigator) || !('PushManager' in globalThis) || !('Notification' in globalThis)) return
    try {
      const key = await this.#key()
      if (this.#user !== user) return
      if (Notification.permission === 'denied') return this.#set('blocked')
      if (kept()?.user !== user || Notification.permission !== 'granted') return this.#set('off')
      await this.#register(user, key)
      this.#set('on')
    } catch {
      // A server without pushes, or one that is away: nothing to switch.
      this.#set(kept()?.user === user ? 'off' : 'unavailable')
    }
  }

  async #turnOn(): Promise<void> {
    const user = this.#user!
    const permission = await Notification.requestPermission()
    if (permission !== 'granted') return this.#set(permission === 'denied' ? 'blocked' : 'off')
    await this.#register(user, await this.#key())
    this.#set('on')
  }

  async #register(user: string, key: string): Promise<void> {
    const identity = recallIdentity()
    if (!identity) throw new Error('who you are is not known')
    await navigator.serviceWorker.register('./sw.js', { scope: './' })
    const { pushManager } = await navigator.serviceWorker.ready
    let sub = await pushManager.getSubscription()
    const wanted = bytes(key)
    if (sub && !same(sub.options.applicationServerKey, wanted)) {
      await sub.unsubscribe()
      sub = null
    }
    sub ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted })
    const device = kept()?.device ?? crypto.randomUUID()
    await this.#ask('POST', 'subscriptions', identity, { ...sub.toJSON(), device })
    keep({ identity, user, device })
  }

  async #turnOff(): Promise<void> {
    const had = kept()
    keep(undefined)
    this.#set('off')
    if (!had) return
    const registration = await navigator.serviceWorker.getRegistration('./')
    const sub = await registration?.pushManager.getSubscription()
    await sub?.unsubscribe()
    await this.#ask('DELETE', 'subscriptions', had.identity, { device: had.device })
  }

  async #key(): Promise<string> {
    const { key } = (await this.#ask('GET', 'key', recallIdentity())) as { key: string }
    return key
  }

  async #ask(method: string, what: string, identity: Identity | undefined, body?: object): Promise<unknown> {
    const url = new URL(`api/push/${what}`, serverBase())
    const headers: Record<string, string> = {}
    if (identity?.token) headers['Authorization'] = `Bearer ${identity.token}`
    else url.searchParams.set('userId', this.#user ?? kept()?.user ?? '')
    if (body) headers['Content-Type'] = 'application/json'
    const res = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
    const answer = (await res.json()) as { error?: string }
    if (!res.ok) throw new Error(answer.error ?? `The server answered ${res.status}`)
    return answer
  }
}

/** The identity with which a page that a notification opened comes in. */
export function identityForErrand(errand: Errand | undefined): Identity | undefined {
  const had = kept()
  return errand && had?.user === errand.user ? had.identity : undefined
}

/** The `#push=` of the address, removed from it: a reload is no second click. */
export function takeErrandFromAddress(): Errand | undefined {
  const text = new URLSearchParams(location.hash.slice(1)).get('push')
  if (!text) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  try {
    return readErrand(JSON.parse(text))
  } catch {
    return undefined
  }
}

function kept(): Kept | undefined {
  try {
    const raw = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<Kept> | null
    return raw && typeof raw.user === 'string' && typeof raw.device === 'string' && raw.identity ? (raw as Kept) : undefined
  } catch {
    return undefined
  }
}

function keep(what: Kept | undefined): void {
  try {
    if (what) localStorage.setItem(KEY, JSON.stringify(what))
    else localStorage.removeItem(KEY)
  } catch {
    // Storage is off: notifications end with this page's life.
  }
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(text, (c) => c.charCodeAt(0))
}

function same(a: ArrayBuffer | null, b: Uint8Array): boolean {
  if (!a || a.byteLength !== b.length) return false
  return new Uint8Array(a).every((x, i) => x === b[i])
}
