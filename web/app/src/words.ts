import type { Call, CallState, TandemError } from '@tandem-rtc/client'

/** What a call is doing, in plain words. */
export function stateWords(call: Call, serverAway = false): string {
  if (serverAway && call.state !== 'ended') return 'Reconnecting to the server…'
  if (call.peerAway && call.state !== 'ended') return `${call.peer.name} is reconnecting…`
  const words: Record<CallState, string> = {
    starting: 'Starting…',
    calling: 'Calling…',
    ringing: 'Ringing…',
    incoming: call.isVideo ? 'Incoming video call' : 'Incoming call',
    connecting: 'Connecting…',
    connected: 'Connected',
    reconnecting: 'Reconnecting…',
    ended: 'Call ended',
  }
  return words[call.state]
}

export interface Ending {
  text: string
  /** Worth offering to call again. */
  again: boolean
  missed: boolean
}

/** Why a call ended; undefined where the user knows, having done it. */
export function endWords(call: Call, mine: boolean): Ending | undefined {
  const { name } = call.peer
  const outgoing = call.direction === 'outgoing'
  const end = (text: string, again = false, missed = false): Ending => ({ text, again, missed })
  switch (call.endReason) {
    case 'hangup':
      return end(`Call with ${name} ended${call.connectedAt ? ` · ${duration(Date.now() - call.connectedAt)}` : ''}`)
    case 'cancelled':
      return outgoing || mine ? undefined : end(`Missed call from ${name}`, true, true)
    case 'no_answer':
      return outgoing ? end(`${name} didn’t answer`, true) : end(`Missed call from ${name}`, true, true)
    case 'rejected':
      return outgoing ? end(`${name} declined the call`) : undefined
    case 'busy':
      return end(`${name} is on another call`, true)
    case 'offline':
      return end(`${name} isn’t online right now`, true)
    case 'answered_elsewhere':
      return end('Answered on another device')
    case 'forbidden':
      return end(`You can’t call ${name}`)
    case 'lost':
      if (!call.connectedAt && !outgoing && !mine) return end(`Missed call from ${name}`, true, true)
      return end(call.connectedAt ? 'The connection was lost' : 'The call could not be connected', outgoing)
    case 'media':
      return end(call.endMessage ?? 'The camera or microphone could not be started')
    case 'unavailable':
      return end('Calls are not possible right now. Try again shortly', true)
    case 'rate_limited':
      return end('Too many calls in a short time. Wait a moment')
    case 'glare':
    case 'superseded':
      return undefined
    case 'transferred':
      return end('The call was transferred')
    default:
      return end('Something went wrong with the call', outgoing)
  }
}

/** 65000 → "1:05", 3665000 → "1:01:05". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const [h, m, sec] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(sec)}` : `${m}:${two(sec)}`
}

/** A past moment as people say it: "14:05", "Mon", "3 Mar". */
export function when(at: number, now = Date.now()): string {
  const date = new Date(at)
  const days = (now - at) / 86_400_000
  if (days < 1 && date.getDate() === new Date(now).getDate()) {
    return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  }
  if (days < 6) return date.toLocaleDateString([], { weekday: 'short' })
  return date.toLocaleDateString([], { day: 'numeric', month: 'short' })
}

/** Why the server does not let one in, and whether a token may help. */
export function refusalWords(err: TandemError, hadToken: boolean): { text: string; needsToken: boolean } {
  switch (err.code) {
    case 'unauthorized':
      return {
        text: hadToken ? 'The server does not accept this token.' : 'This server asks for an access token.',
        needsToken: true,
      }
    case 'token_expired':
      return { text: 'Your access token has expired. Please paste a new one.', needsToken: true }
    case 'identity_mismatch':
      return { text: 'The token belongs to another user.', needsToken: true }
    case 'origin_not_allowed':
      return { text: 'The server does not allow this web address.', needsToken: false }
    case 'replaced':
      return { text: 'You are connected in another place with this tab’s identity.', needsToken: false }
    case 'disconnected':
      return { text: 'You were signed out here.', needsToken: false }
    case 'closed':
      return { text: 'The server has closed the connection.', needsToken: false }
    default:
      return { text: err.message || 'The server refused the connection.', needsToken: false }
  }
}
