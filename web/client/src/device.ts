import { randomId } from './random.js'

/**
 * Which device this tab is. Calls belong to a device and a device outlives its
 * sockets, so a reloaded tab has to be the same one and a second tab another.
 * sessionStorage does just that, except that duplicating a tab copies it: a
 * lock of the browser (or, on plain http, a question to the other tabs) tells
 * the copy from the original.
 */
export interface DeviceIdentity {
  id: string
  /** True if this tab was copied from another: what it remembers is not its own. */
  copied: boolean
}

const KEY = 'tandem.device'

/** A reload's new page may ask before the old one has let go: wait this long. */
const GRACE_MS = 600
const ASK_MS = 120

export interface DeviceEnvironment {
  storage: Pick<Storage, 'getItem' | 'setItem'> | undefined
  locks: Pick<LockManager, 'request'> | undefined
  channel: ((name: string) => BroadcastChannel) | undefined
}

export async function claimDevice(env: DeviceEnvironment = browserEnvironment()): Promise<DeviceIdentity> {
  const stored = env.storage?.getItem(KEY)
  if (stored && (await claim(stored, env))) return { id: stored, copied: false }
  const id = randomId()
  env.storage?.setItem(KEY, id)
  void claim(id, env)
  return { id, copied: Boolean(stored) }
}

function browserEnvironment(): DeviceEnvironment {
  return {
    storage: safely(() => sessionStorage),
    locks: globalThis.navigator?.locks,
    channel: typeof BroadcastChannel === 'undefined' ? undefined : (name) => new BroadcastChannel(name),
  }
}

function claim(id: string, env: DeviceEnvironment): Promise<boolean> {
  if (env.locks) return claimByLock(`tandem-device-${id}`, env.locks)
  if (env.channel) return claimByAsking(id, env.channel)
  return Promise.resolve(true)
}

/** Holds the lock until the page goes away; the promise given to it never ends. */
function claimByLock(name: string, locks: Pick<LockManager, 'request'>): Promise<boolean> {
  return new Promise((resolve) => {
    locks
      .request(name, { signal: AbortSignal.timeout(GRACE_MS) }, () => {
        resolve(true)
        return new Promise<never>(() => {})
      })
      .catch(() => resolve(false))
  })
}

function claimByAsking(id: string, open: (name: string) => BroadcastChannel): Promise<boolean> {
  const channel = open(`tandem-device-${id}`)
  const me = randomId()
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      channel.onmessage = (e) => {
        if (e.data?.ask) channel.postMessage({ taken: e.data.ask })
      }
      resolve(true)
    }, ASK_MS)
    channel.onmessage = (e) => {
      if (e.data?.taken !== me) return
      clearTimeout(timer)
      channel.close()
      resolve(false)
    }
    channel.postMessage({ ask: me })
  })
}

/** Storage that is switched off throws on the mere look. */
export function safely<T>(f: () => T): T | undefined {
  try {
    return f()
  } catch {
    return undefined
  }
}
