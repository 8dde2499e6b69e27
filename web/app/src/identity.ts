/** Who the user of this tab is: a name, a token, and where they are kept. */

export interface Identity {
  name: string
  /** Names the user on servers without a secret; the token does elsewhere. */
  userId?: string
  token?: string
  /** The id under which the server knew this user the last time. */
  me?: string
}

const TAB_KEY = 'tandem.identity'
const NAME_KEY = 'tandem.name'

/** The longest user id that the server takes, in UTF-8 bytes. */
const MAX_ID_BYTES = 128

/** A user id out of a name: "Zoë van Dijk" becomes "zoe-van-dijk". */
export function slug(name: string): string {
  let id = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
  while (new TextEncoder().encode(id).length > MAX_ID_BYTES) id = [...id].slice(0, -1).join('')
  return id === 'undefined' || id === 'null' ? `${id}-` : id
}

/** The `#token=` of the address, removed from it so that no copied link has it. */
export function takeTokenFromAddress(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (!token) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  return token
}

/** A name to show out of a token's claims. Nothing here is verified: the server does that. */
export const nameInToken = (token: string): string | undefined =>
  claimOf(token, ['name', 'fullname', 'preferred_username', 'userId', 'sub'])

/** Who the server will probably say that this is: enough to look for what is kept here. */
export function probableId({ name, userId, token, me }: Identity): string {
  return me ?? (token ? claimOf(token, ['userId', 'sub']) : (userId ?? slug(name))) ?? ''
}

function claimOf(token: string, keys: string[]): string | undefined {
  try {
    const part = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0))
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    for (const key of keys) {
      const value = claims[key]
      if (typeof value === 'string' && value) return value
    }
  } catch {
    // Not a JWT that can be read; the server will tell.
  }
  return undefined
}

/**
 * Where the server is: beside the page, or above it where the page has moved to
 * /tandem/ because a back end has the rest of the address space.
 */
export function serverBase(page = document.baseURI): string {
  return new URL('.', page).href.replace(/\/tandem\/$/, '/')
}

/** The identity of this tab before its reload. */
export function recallIdentity(): Identity | undefined {
  try {
    const raw = JSON.parse(sessionStorage.getItem(TAB_KEY) ?? 'null') as Partial<Identity> | null
    return raw && typeof raw.name === 'string' ? (raw as Identity) : undefined
  } catch {
    return undefined
  }
}

export function rememberIdentity(identity: Identity | undefined): void {
  try {
    if (identity) {
      sessionStorage.setItem(TAB_KEY, JSON.stringify(identity))
      localStorage.setItem(NAME_KEY, identity.name)
    } else sessionStorage.removeItem(TAB_KEY)
  } catch {
    // Storage is off: a reload asks for the name again.
  }
}

/** The name last used in this browser, to fill in the form with. */
export function lastName(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? ''
  } catch {
    return ''
  }
}
