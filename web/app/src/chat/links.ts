/** What may be pressed in a text, and what may be shown of a URL. */

export type Part = string | { href: string; text: string }

const url = /https?:\/\/[^\s<>"'`]{1,2048}/gi
/** What ends a sentence does not belong to a URL. */
const tail = '.,;:!?…'

/** A URL that may be followed; undefined for anything else. */
export function webUrl(text: string | null | undefined): URL | undefined {
  if (!text) return undefined
  try {
    const u = new URL(text)
    // A user name before the host makes one site look like another.
    return (u.protocol === 'https:' || u.protocol === 'http:') && !u.username && !u.password ? u : undefined
  } catch {
    return undefined
  }
}

/** Cuts a text into plain parts and links. */
export function parts(text: string): Part[] {
  const found: Part[] = []
  let at = 0
  for (const match of text.matchAll(url)) {
    const raw = trimmed(match[0])
    const u = webUrl(raw)
    if (!u) continue
    if (match.index > at) found.push(text.slice(at, match.index))
    found.push({ href: u.href, text: raw })
    at = match.index + raw.length
  }
  if (at < text.length) found.push(text.slice(at))
  return found
}

const opening: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** "(see https://a.test/b)": the bracket is of the sentence, unless it was opened in the URL. */
function trimmed(raw: string): string {
  const surplus: Record<string, number> = {}
  for (const c of raw) {
    const [close, by] = opening[c] ? [c, 1] : [Object.keys(opening).find((k) => opening[k] === c), -1]
    if (close) surplus[close] = (surplus[close] ?? 0) + by
  }
  let end = raw.length
  for (; end > 0; end--) {
    const c = raw[end - 1]!
    if (tail.includes(c)) continue
    if (!opening[c] || surplus[c]! <= 0) break
    surplus[c]!--
  }
  return raw.slice(0, end)
}

export interface Media {
  href: string
  host: string
  /** The last part of its path. */
  name: string
  /** Can be shown as a picture on this page. */
  picture: boolean
  /** Of this site: looking at it tells nobody else. */
  own: boolean
}

const pictures = /\.(apng|avif|gif|jpe?g|png|webp)$/i

/** What a media URL is; undefined if it may not be followed. */
export function media(text: string | null | undefined, page = location.href): Media | undefined {
  const u = webUrl(text)
  if (!u) return undefined
  const own = u.origin === new URL(page).origin
  const name = decode(u.pathname.split('/').pop() ?? '')
  // What came over http could be anything, and the page's policy forbids it.
  return { href: u.href, host: u.host, name, own, picture: pictures.test(u.pathname) && (own || u.protocol === 'https:') }
}

/** A message that is nothing but the URL of a picture is sent as media. */
export function asMedia(text: string): string | undefined {
  const u = webUrl(text.trim())
  return u && pictures.test(u.pathname) ? u.href : undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
