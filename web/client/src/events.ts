/**
 * The events of the protocol as types: what the server sends, and what may be
 * asked of it with the shape of the reply. PROTOCOL.md has the same in words.
 */

import type { MessageRequests, MessageServerEvents } from './message-events.js'

export * from './message-events.js'

export type UserId = string
export type CallId = string

/** What a callee is shown of a caller. Servers pass on an allow-list of fields. */
export interface Profile {
  _id?: UserId
  name?: string
  fullname?: string
  username?: string
  profilepic?: string
  [field: string]: unknown
}

/** Opaque to the server; see signals.ts for what this client makes of it. */
export type Signal = unknown

export type EndReason =
  | 'hangup'
  | 'cancelled'
  | 'rejected'
  | 'busy'
  | 'offline'
  | 'no_answer'
  | 'answered_elsewhere'
  | 'lost'
  | 'glare'
  | 'superseded'
  | 'transferred'
  | 'forbidden'
  | 'error'
  /** Made here: the page could not use the camera or the microphone. */
  | 'media'
  | (string & {})

export interface Hello {
  sid: string
  user: UserId
  device?: string
  resumed?: boolean
  resumeToken?: string
  /** Milliseconds for which a lost session is kept. */
  resumeWindowMs?: number
  node?: string
  /** Milliseconds since the epoch, or RFC 3339. */
  serverTime?: number | string
  pingIntervalMs?: number
}

export interface IncomingCall {
  callId: CallId
  from: Profile | null
  fromId: UserId
  callerName: string
  isVideoCall: boolean
  signal: Signal
  /** When it stops ringing: milliseconds since the epoch, or RFC 3339. */
  expiresAt?: number | string
  /** False if the caller's device speaks the base profile only. */
  peerExtended?: boolean
  /** This call won against one that this device was making: answer it. */
  glare?: boolean
  /** The user is in another call. */
  waiting?: boolean
  metadata?: unknown
}

export interface AcceptedBy {
  callId?: CallId
  by?: UserId
  device?: string
  extended?: boolean
}

export interface Presence {
  user: UserId
  online: boolean
  devices?: number
  /** Milliseconds since the epoch, or RFC 3339; null if never seen. */
  lastSeen?: number | string | null
}

export interface IceServersReply {
  iceServers: RTCIceServer[]
  /** Seconds for which the credentials hold. */
  ttl?: number
}

/** Server → client: event name to argument tuple. */
export interface ServerEvents extends MessageServerEvents {
  getOnlineUsers: [users: UserId[]]
  'call:incoming': [call: IncomingCall]
  'call:accepted': [signal: Signal, by?: AcceptedBy]
  'call:end': [end?: { callId?: CallId; reason?: EndReason }]
  'call:rejected': [end?: { callId?: CallId; reason?: EndReason }]
  'call:unavailable': [why: { reason?: string; code?: string; callId?: CallId }]
  'call:ringing': [ringing: { callId: CallId; devices?: number }]
  'call:candidate': [more: { callId: CallId; candidates: unknown[] }]
  'call:signal': [signal: { callId: CallId; signal: Signal }]
  'call:peer': [peer: { callId: CallId; state: 'reconnecting' | 'back' }]
  'call:state': [state: { callId: CallId; state: string; reason?: EndReason }]
  'presence:update': [presence: Presence]
  'ice:servers': [ice: IceServersReply]
  'server:drain': [drain: { reconnectWithinMs?: number }]
  'auth:expiring': [expiring?: { expiresAt?: number | string }]
  userTyping: [user: UserId]
  userStopTyping: [user: UserId]
  error: [problem: { code: string; message?: string; event?: string }]
}

export interface ResumedCall {
  callId: CallId
  state: 'ringing' | 'answered' | 'ended'
  peer: {
    id: UserId
    name?: string
    profile?: Profile | null
    /** Its connection to the server is lost. */
    away?: boolean
  }
  /** False if the other party's device speaks the base profile only. */
  peerExtended?: boolean
  isVideoCall: boolean
  role: 'caller' | 'callee'
  reason?: EndReason
}

/** Client → server with an ack: event name to payload and reply. */
export interface Requests extends MessageRequests {
  'call:user': {
    payload: {
      to: UserId
      signal: Signal
      from: Profile
      fromId?: UserId
      callerName: string
      isVideoCall: boolean
      /** This client's own key for the call; the server's id is in the reply. */
      callId?: string
      ringFor?: number
      metadata?: unknown
    }
    reply: { callId: CallId; state: string }
  }
  'call:answer': { payload: { to: UserId; callId: CallId; signal: Signal }; reply: object }
  'call:end': { payload: { to: UserId; callId: CallId }; reply: object }
  'call:rejected': { payload: { to: UserId; callId: CallId }; reply: object }
  'call:candidate': { payload: { callId: CallId; candidates: unknown[] }; reply: object }
  'call:signal': { payload: { callId: CallId; signal: Signal }; reply: object }
  'call:resume': {
    payload: { callId: CallId }
    reply: { call: ResumedCall; pending?: { event: string; args: unknown[] }[] }
  }
  'call:handoff': { payload: { callId: CallId }; reply: object }
  'presence:watch': { payload: { users: UserId[] }; reply: Presence[] | { users?: Presence[] } }
  'presence:unwatch': { payload: { users: UserId[] }; reply: object }
  'ice:servers': { payload: Record<string, never>; reply: IceServersReply }
  'auth:refresh': { payload: { token: string }; reply: object }
  ping: { payload: Record<string, never>; reply: object }
}

/** Client → server with no ack, worth nothing once late. */
export interface Volatile {
  typing: { senderId?: string; receiverId: UserId }
  stopTyping: { senderId?: string; receiverId: UserId }
}

/** A time of the protocol as milliseconds since the epoch, or undefined. */
export function millis(time: number | string | null | undefined): number | undefined {
  if (typeof time === 'number') return time
  if (typeof time !== 'string') return undefined
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? undefined : ms
}
