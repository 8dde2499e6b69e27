import type { Message, MessageId, UserId } from '@tandem-rtc/client'
import { order, renewed, type Waiting } from './entry'
import type { Talk } from './talks'

/** What is kept of a user's messages in this browser, to be read without a network. */
export interface Kept {
  /** Up to where the device had caught up; see Messages.cursor of the SDK. */
  cursor?: string
  talks: Talk[]
  names: Record<UserId, string>
  /** Whose pictures of other sites are shown at once. */
  pictures: UserId[]
}

/** Where that is. Nothing here throws: without storage the page works as long as it is open. */
export interface Cache {
  load(): Promise<Kept | undefined>
  save(kept: Kept): Promise<void>
  thread(peer: UserId): Promise<Message[]>
  /** Replaces what is kept of a conversation. */
  keep(peer: UserId, messages: Message[]): Promise<void>
  /** Adds to it, or renews in it, what came while it was not open. */
  add(messages: Map<UserId, Message[]>): Promise<void>
  remove(id: MessageId): Promise<void>
  waiting(): Promise<Waiting[]>
  queue(w: Waiting): Promise<void>
  unqueue(clientId: string): Promise<void>
  /** Forgets all but what waits to be sent. */
  clear(): Promise<void>
}

/** Of so many conversations the newest messages are kept, so many of each. */
export const KEPT_THREADS = 60
export const KEPT_MESSAGES = 120
/** A cursor that is older asks for too much: begin at now instead. */
const FRESH_MS = 14 * 86_400_000

interface ThreadRecord {
  messages: Message[]
  /** Milliseconds since the epoch. */
  at: number
}

type Name = 'state' | 'threads' | 'waiting'

export class BrowserCache implements Cache {
  readonly #me: UserId
  readonly #db: Promise<IDBDatabase | undefined>

  constructor(me: UserId, factory: IDBFactory | undefined = globalThis.indexedDB) {
    this.#me = me
    this.#db = open(factory)
  }

  async load(): Promise<Kept | undefined> {
    const kept = await this.#get<Kept & { at: number }>('state', this.#me)
    if (!kept) return undefined
    const { at, cursor, ...rest } = kept
    return cursor !== undefined && Date.now() - at < FRESH_MS ? { cursor, ...rest } : rest
  }

  save(kept: Kept): Promise<void> {
    return this.#write('state', (s) => void s.put({ ...kept, at: Date.now() }, this.#me))
  }

  async thread(peer: UserId): Promise<Message[]> {
    return (await this.#get<ThreadRecord>('threads', [this.#me, peer]))?.messages ?? []
  }

  keep(peer: UserId, messages: Message[]): Promise<void> {
    const record: ThreadRecord = { messages: messages.slice(-KEPT_MESSAGES), at: Date.now() }
    return this.#write('threads', (s) => {
      s.put(record, [this.#me, peer])
      this.#prune(s)
    })
  }

  add(messages: Map<UserId, Message[]>): Promise<void> {
    return this.#write('threads', (s) => {
      for (const [peer, list] of messages) {
        const get = s.get([this.#me, peer])
        // What was never opened has no beginning that these could be added to.
        get.onsuccess = () => {
          const old = get.result as ThreadRecord | undefined
          if (old) s.put({ messages: merged(old.messages, list), at: Date.now() }, [this.#me, peer])
        }
      }
    })
  }

  remove(id: MessageId): Promise<void> {
    return this.#write('threads', (s) => {
      const walk = s.openCursor(this.#mine())
      walk.onsuccess = () => {
        const c = walk.result
        if (!c) return
        const record = c.value as ThreadRecord
        const messages = record.messages.filter((m) => m._id !== id)
        if (messages.length < record.messages.length) c.update({ ...record, messages })
        c.continue()
      }
    })
  }

  async waiting(): Promise<Waiting[]> {
    const all = await this.#read<Waiting[]>('waiting', (s) => s.getAll(this.#mine()))
    return (all ?? []).sort((a, b) => a.at - b.at)
  }

  queue(w: Waiting): Promise<void> {
    return this.#write('waiting', (s) => {
      s.put(w, [this.#me, w.clientId])
      s.transaction.commit() // at once: what is not committed goes with a page that is left now
    })
  }

  unqueue(clientId: string): Promise<void> {
    return this.#write('waiting', (s) => {
      s.delete([this.#me, clientId])
      s.transaction.commit()
    })
  }

  async clear(): Promise<void> {
    await this.#write('state', (s) => void s.delete(this.#me))
    await this.#write('threads', (s) => void s.delete(this.#mine()))
  }

  /** Keys of this user: arrays of two, the second anything. */
  #mine(): IDBKeyRange {
    return IDBKeyRange.bound([this.#me], [this.#me, []])
  }

  #prune(s: IDBObjectStore): void {
    const ages: { key: IDBValidKey; at: number }[] = []
    const count = s.count(this.#mine())
    count.onsuccess = () => {
      if (count.result <= KEPT_THREADS) return
      const walk = s.openCursor(this.#mine())
      walk.onsuccess = () => {
        const c = walk.result
        if (c) {
          ages.push({ key: c.key, at: (c.value as ThreadRecord).at })
          c.continue()
          return
        }
        ages.sort((a, b) => b.at - a.at)
        for (const { key } of ages.slice(KEPT_THREADS)) s.delete(key)
      }
    }
  }

  #get<T>(name: Name, key: IDBValidKey): Promise<T | undefined> {
    return this.#read<T>(name, (s) => s.get(key) as IDBRequest<T>)
  }

  async #read<T>(name: Name, ask: (s: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
    const db = await this.#db
    if (!db) return undefined
    return new Promise((resolve) => {
      try {
        const request = ask(db.transaction(name).objectStore(name))
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => resolve(undefined)
      } catch {
        resolve(undefined)
      }
    })
  }

  async #write(name: Name, change: (s: IDBObjectStore) => void): Promise<void> {
    const db = await this.#db
    if (!db) return
    return new Promise((resolve) => {
      try {
        const tx = db.transaction(name, 'readwrite')
        tx.oncomplete = tx.onerror = tx.onabort = () => resolve()
        change(tx.objectStore(name))
      } catch {
        resolve()
      }
    })
  }
}

function merged(old: Message[], more: Message[]): Message[] {
  const all = new Map(old.map((m) => [m._id, m]))
  for (const m of more) all.set(m._id, all.has(m._id) ? renewed(all.get(m._id)!, m) : m)
  return [...all.values()].sort(order).slice(-KEPT_MESSAGES)
}

function open(factory: IDBFactory | undefined): Promise<IDBDatabase | undefined> {
  return new Promise((resolve) => {
    if (!factory) return resolve(undefined)
    // A browser that refuses, or asks its user, must not keep the page waiting.
    setTimeout(resolve, 2000, undefined)
    try {
      const request = factory.open('tandem-chat', 1)
      request.onupgradeneeded = () => {
        for (const name of ['state', 'threads', 'waiting'] satisfies Name[]) request.result.createObjectStore(name)
      }
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close()
        resolve(request.result)
      }
      request.onerror = request.onblocked = () => resolve(undefined)
    } catch {
      resolve(undefined)
    }
  })
}
