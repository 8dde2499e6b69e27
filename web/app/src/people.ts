import { slug } from './identity'

/** Someone this user called or was called by, newest first in the list. */
export interface Recent {
  id: string
  name: string
  /** Milliseconds since the epoch. */
  at: number
  missed: boolean
  video: boolean
  outgoing: boolean
}

const MAX_RECENTS = 30

/** "anna-lena.k" → "Anna Lena K": better than an id where no name is known. */
export function nameFromId(id: string): string {
  const words = id.split(/[-_.\s]+/).filter(Boolean)
  if (words.length === 0) return id
  return words.map((w) => w[0]!.toUpperCase() + w.slice(1)).join(' ')
}

/** One or two letters for an avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean)
  const letters = words.length > 1 ? [words[0]!, words[words.length - 1]!] : [words[0] ?? '?']
  return letters.map((w) => [...w][0]!.toUpperCase()).join('')
}

/** Colour pairs of avatars and of the backdrop of their calls. */
const palette = [
  ['#2fb7a6', '#0d5f6b'],
  ['#ff9066', '#b8324a'],
  ['#7c8cff', '#3d2f9e'],
  ['#f2b441', '#b3541e'],
  ['#5bb8f0', '#1e4f9c'],
  ['#e87bb0', '#7d2a78'],
  ['#8ac462', '#2a6b45'],
  ['#c792f2', '#5b2f8f'],
  ['#f0786f', '#8f2440'],
  ['#57c7c2', '#22607f'],
] as const

export function colours(id: string): readonly [string, string] {
  let hash = 2166136261
  for (const c of id) hash = Math.imul(hash ^ c.codePointAt(0)!, 16777619)
  return palette[(hash >>> 0) % palette.length]!
}

/** The recent calls of one user of this browser. */
export class Recents {
  readonly #key: string
  list: Recent[] = []

  constructor(me: string) {
    this.#key = `tandem.recents.${me}`
    try {
      const raw: unknown = JSON.parse(localStorage.getItem(this.#key) ?? '[]')
      if (Array.isArray(raw)) this.list = raw.filter((r) => typeof r?.id === 'string' && typeof r?.at === 'number')
    } catch {
      // Unreadable: start afresh.
    }
  }

  add(entry: Recent): void {
    this.list = [entry, ...this.list.filter((r) => r.id !== entry.id)].slice(0, MAX_RECENTS)
    this.#save()
  }

  /** Looked at: no longer marked as missed. */
  seen(id: string): void {
    this.list = this.list.map((r) => (r.id === id ? { ...r, missed: false } : r))
    this.#save()
  }

  #save(): void {
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.list))
    } catch {
      // Full or off: the list lives as long as the page.
    }
  }
}

/** Does the search find this person? Accents and case do not matter. */
export function matches(query: string, id: string, name: string): boolean {
  const q = slug(query)
  return q === '' || slug(name).includes(q) || id.toLowerCase().includes(query.trim().toLowerCase())
}
