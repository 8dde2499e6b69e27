/** What the server pushes: section 7.2 of PROTOCOL.md. */
export interface Pushed {
  type: 'call' | 'call-over' | 'message'
  user: string
  from: string
  name?: string
  callId?: string
  isVideoCall?: boolean
  expiresAt?: number
  reason?: string
  missed?: boolean
  messageId?: string
  text?: string
  at: number
}

/** What a notification is about, for when it is clicked. */
export interface About {
  user: string
  from: string
  callId?: string
}

export interface Notice {
  title: string
  body: string
  /** A later one with the same takes its place. */
  tag: string
  about: About
  at: number
  /** Stays until it is answered, and makes itself heard. */
  ringing: boolean
}

export interface Decision {
  show?: Notice
  /** Notifications to close, by tag. */
  close?: string
}

/** Reads a push; undefined if it is of a release that this one does not know. */
export function readPush(text: string): Pushed | undefined {
  try {
    const p = JSON.parse(text) as Partial<Pushed> | null
    if (!p || typeof p.user !== 'string' || typeof p.from !== 'string') return undefined
    if (p.type === 'message') return p as Pushed
    if ((p.type === 'call' || p.type === 'call-over') && typeof p.callId === 'string') return p as Pushed
  } catch {
    // Not ours.
  }
  return undefined
}

/**
 * What to do about a push. Somebody who looks at the page sees it there. A ring
 * that comes late was missed.
 */
export function decide(p: Pushed, now: number, looking: boolean): Decision {
  const name = p.name || readable(p.from)
  const about: About = { user: p.user, from: p.from, ...(p.callId ? { callId: p.callId } : {}) }
  const notice = (title: string, body: string, tag: string, ringing = false): Notice => ({
    title, body, tag, about, ringing, at: p.at || now,
  })
  const call = `call:${p.callId}`
  const missed = (): Decision => ({
    close: call,
    ...(looking ? {} : { show: notice(`Missed call from ${name}`, p.isVideoCall ? 'Video call' : 'Voice call', `missed:${p.from}`) }),
  })
  switch (p.type) {
    case 'call':
      if (p.expiresAt !== undefined && p.expiresAt <= now) return missed()
      if (looking) return {}
      return { show: notice(`${name} is calling`, p.isVideoCall ? 'Video call' : 'Voice call', call, true) }
    case 'call-over':
      return p.missed ? missed() : { close: call }
    case 'message':
      return looking ? {} : { show: notice(name, p.text || 'Sent you a file', `talk:${p.from}`) }
  }
}

/** "anna-lena.k" → "Anna Lena K": better than an id where no name is known. */
function readable(id: string): string {
  const words = id.split(/[-_.\s]+/).filter(Boolean)
  return words.length === 0 ? id : words.map((w) => w[0]!.toUpperCase() + w.slice(1)).join(' ')
}
