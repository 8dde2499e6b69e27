import type { CallId, EndReason, IncomingCall, Profile, UserId } from './events.js'
import type { DeviceChoice, MediaSource } from './rtc/media.js'
import type { CallStats } from './rtc/stats.js'

export type CallState =
  /** Outgoing: camera and offer are being prepared. */
  | 'starting'
  /** Outgoing: sent; no device of the callee is known to ring yet. */
  | 'calling'
  | 'ringing'
  /** Rings here. */
  | 'incoming'
  /** Answered; media is not there yet. */
  | 'connecting'
  | 'connected'
  /** Media was there and is being brought back. */
  | 'reconnecting'
  | 'ended'

export interface CallEvents {
  state: [state: CallState]
  /** Remote tracks changed. */
  remote: [stream: MediaStream]
  /** Own tracks or switches changed. */
  local: []
  /** What is known of the other party changed: `peerAway`, `peerMedia`. */
  peer: []
  /** Every two seconds while media flows. */
  stats: [stats: CallStats]
  ended: [reason: EndReason, message: string | undefined]
}

/** The other party. */
export interface Party {
  id: UserId
  name: string
  profile: Profile | null
}

/** What is known of a call that rings, of which another device may have told less. */
export type Ringing = Omit<IncomingCall, 'expiresAt' | 'peerExtended'> & Partial<IncomingCall>

/** What a call needs of the client that it belongs to; `C` is the call. */
export interface CallContext<C> {
  request(event: string, payload: unknown, timeoutMs?: number): Promise<unknown>
  iceServers(): Promise<RTCIceServer[]>
  me(): { id: UserId; name: string; profile: Profile }
  media: MediaSource
  choice: DeviceChoice
  timing: CallTiming
  createConnection?: (config: RTCConfiguration) => RTCPeerConnection
  /** The server's id of an outgoing call is known now. */
  identified(call: C): void
  /** The call lost to one that its callee was making; true if that one is at hand. */
  lostTo(call: C, callId: CallId): boolean
}

/** Milliseconds. */
export interface CallTiming {
  /** How long the first offer waits for candidates. */
  offerGather: number
  /** How long an answer to a device of the base profile waits for them. */
  answerGather: number
  /** How long media may stay away before the call is given up. */
  mediaLost: number
  statsEvery: number
}

export const defaultTiming: CallTiming = {
  offerGather: 600,
  answerGather: 1500,
  mediaLost: 30_000,
  statsEvery: 2000,
}
