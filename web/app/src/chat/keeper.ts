import type { Message, MessageId, Profile, UserId } from '@tandem-rtc/client'
import type { Cache, Kept } from './cache'
import type { Talk } from './talks'
import type { Thread } from './thread'

const SAVE_MS = 600

/** What there is to be kept now. */
interface Source {
  talks(): Talk[]
  cursor(): string | undefined
  thread(): Thread | undefined
}

/** Writes down what happens to messages, a moment later and together, and reads it when the page begins. */
export class Keeper {
  names: Record<UserId, string> = {}
  readonly pictures = new Set<UserId>()
  /** This user had messages here before. */
  known = false
  readonly #cache: Cache
  readonly #source: Source
  /** What came for conversations that are not open. */
  readonly #came = new Map<UserId, Message[]>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(cache: Cache, source: Source) {
    this.#cache = cache
    this.#source = source
  }

  async restore(): Promise<Kept | undefined> {
    const kept = await this.#cache.load()
    if (!kept) return undefined
    this.known = true
    this.names = { ...kept.names, ...this.names }
    for (const id of kept.pictures) this.pictures.add(id)
    return kept
  }

  /** How a person is called, as their messages say. */
  learn(author: Profile): void {
    const { _id, fullName, fullname, name, username } = author as Record<string, unknown>
    const found = [fullName, fullname, name, username].find((n) => typeof n === 'string' && n !== '')
    if (typeof _id === 'string' && typeof found === 'string') this.names[_id] = found
  }

  came(peer: UserId, m: Message): void {
    this.#came.set(peer, [...(this.#came.get(peer) ?? []).filter((k) => k._id !== m._id), m])
  }

  removed(id: MessageId): void {
    for (const [peer, list] of this.#came) this.#came.set(peer, list.filter((m) => m._id !== id))
    if (!this.#stopped) void this.#cache.remove(id)
  }

  save(): void {
    if (!this.#stopped) this.#timer ??= setTimeout(() => this.flush(), SAVE_MS)
  }

  /** The open conversation, as it is held. */
  keepThread(): void {
    const thread = this.#source.thread()
    if (!this.#stopped && thread?.attached && (thread.loaded || thread.list.length > 0)) void this.#cache.keep(thread.peer, thread.list)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#stopped) return
    this.keepThread()
    if (this.#came.size > 0) void this.#cache.add(new Map(this.#came))
    this.#came.clear()
    const talks = this.#source.talks().slice(0, 200)
    const cursor = this.#source.cursor()
    void this.#cache.save({
      talks,
      names: Object.fromEntries(talks.flatMap(({ peer }) => (this.names[peer] ? [[peer, this.names[peer]]] : []))),
      pictures: [...this.pictures].slice(-200),
      ...(cursor === undefined ? {} : { cursor }),
    })
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}
