/**
 * The payloads of the protocol, made of the server's own types by
 * `go generate ./web/...`. Do not edit.
 */

/** Names an error for programs. It never changes once released. */
export type ServerCode =
  | 'bad_payload'
  | 'token_expired'
  | 'unauthorized'
  | 'forbidden'
  | 'identity_mismatch'
  | 'origin_not_allowed'
  | 'not_found'
  | 'offline'
  | 'unknown_event'
  | 'method_not_allowed'
  | 'already_answered'
  | 'busy'
  | 'not_answered'
  | 'not_in_call'
  | 'call_ended'
  | 'payload_too_large'
  | 'rate_limited'
  | 'too_many_sessions'
  | 'internal'
  | 'not_configured'
  | 'backend_unreachable'
  | 'unavailable'

/** Names a user: 1 to 128 bytes of UTF-8. */
export type UserId = string

/** The first frame on /ws. */
export interface Hello {
  /** of this session */
  sid: string
  user: UserId
  device: string
  /** the former session goes on */
  resumed: boolean
  /** good for one return */
  resumeToken: string
  /** how long a lost session is kept */
  resumeWindowMs: number
  node: string
  /** Milliseconds since 1970. */
  serverTime: number
  pingIntervalMs: number
  /** bytes of a frame */
  maxPayload: number
}

/** Names a call. The server makes it. */
export type CallId = string

/** What became of a call that a client did something about. */
export type ReplyStatus = 'ringing' | 'answered' | 'ended' | 'glare'

/** What became of a call. */
export interface CallReply {
  callId: CallId
  /** glare: the other one was first, callId is its call */
  state: ReplyStatus
}

/** Any JSON: an SDP object, a candidate. It is passed on unaltered. */
export type Signal = unknown

/** What a user is shown of another one: an allow-list of fields, those of the token before those that the client sent. */
export interface Profile {
  /** the verified user id */
  _id?: UserId
  username?: string
  fullName?: string
  name?: string
  /** an http or https URL */
  profilePic?: string
  gender?: string
  /** Those that this server allows besides (--profile-fields). */
  [field: string]: unknown
}

/** Rings somebody. */
export interface CallUser {
  to: UserId
  signal: Signal
  from?: Profile
  /** overwritten by the verified user */
  fromId?: UserId
  callerName?: string
  isVideoCall?: boolean
  /** the client's own id for it: sending it again never rings twice */
  callId?: string
  /** milliseconds, up to 300000 */
  ringFor?: number
  metadata?: unknown
}

/** Takes a call. One of to (the caller) and callId has to be there. */
export interface CallAnswer {
  to?: UserId
  callId?: CallId
  signal: Signal
  /** ignored */
  from?: unknown
}

/** Names a call; without any member, the one live call of the device. */
export interface CallRef {
  to?: UserId
  callId?: CallId
  /** ignored */
  from?: unknown
}

/** Rings. */
export interface IncomingCall {
  from: Profile | null
  signal: Signal
  callerName: string
  isVideoCall: boolean
  fromId: UserId
  callId: CallId
  /** when it stops ringing */
  expiresAt: number
  /** the caller's device knows the extended events */
  peerExtended: boolean
  /** it won against a call that this device was making: answer it */
  glare?: boolean
  /** the user is in another call */
  waiting?: boolean
  metadata?: unknown
}

/** Who has answered, or sent a further signal. */
export interface AcceptedBy {
  callId: CallId
  by: UserId
  device: string
  extended: boolean
}

/** Why a call ended. */
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
  | (string & {})

/** Says that a call is over for this device. */
export interface CallEnded {
  callId: CallId
  reason: EndReason
  /** the call that took its place */
  next?: CallId
}

/** Says why a call came to nothing. */
export interface CallUnavailable {
  /** a sentence; for busy exactly `User is currently on another call` */
  reason: string
  code: EndReason
  callId: CallId
}

/** Names a stored message: 24 hex digits. */
export type MessageId = string

/** Of a message that its receiver has, or has seen. */
export interface ReceiptOf {
  messageId: MessageId
  /** its author */
  senderId: UserId
}

/** Of all messages of an author. */
export interface ReceiptOfAll {
  /** the author */
  senderId: UserId
  /** the reader; overwritten by the verified user */
  receiverId?: UserId
}

/** To whom somebody types. */
export interface Typing {
  /** ignored */
  senderId?: string
  receiverId: UserId
}

/** How far a message has come. It only rises. */
export type MessageStatus = 'sent' | 'delivered' | 'seen'

/** An answered message, as it read then. */
export interface Reply {
  messageId: MessageId
  text: string
}

/** One user's emoji. */
export interface Reaction {
  userId: UserId
  emoji: string
}

/** A stored message. */
export interface Message {
  _id: MessageId
  senderId: UserId
  receiverId: UserId
  message: string
  /** an http or https URL */
  media: string | null
  status: MessageStatus
  replyTo: Reply | null
  reactions: Reaction[]
  /** ISO 8601, UTC. */
  createdAt: string
  /** ISO 8601, UTC. */
  updatedAt: string
  /** the author's own id for it */
  clientId?: string
  /** ISO 8601, UTC. */
  editedAt?: string
}

/** Tells an author how far a message has come. */
export interface MessageReceipt {
  messageId: MessageId
  status: MessageStatus
}

/** Tells an author that somebody has seen everything. */
export interface AllReceipt {
  senderId: UserId
  receiverId: UserId
  status: MessageStatus
}

/** Those of a message now. */
export interface Reactions {
  messageId: MessageId
  reactions: Reaction[]
}

/** Names a message that is gone. */
export interface Deleted {
  messageId: MessageId
}

/** Says that at least one device rings. */
export interface CallRinging {
  callId: CallId
  devices: number
}

/** ICE candidates. */
export interface CallCandidates {
  callId: CallId
  /** RTCIceCandidateInit objects, up to 64 */
  candidates: unknown[]
}

/** A signal inside a call. */
export interface CallSignal {
  callId: CallId
  signal: Signal
}

/** What became of the other party's connection. */
export type PeerStatus = 'reconnecting' | 'back'

/** Tells of the other party's connection. */
export interface CallPeer {
  callId: CallId
  state: PeerStatus
}

/** How far a call has come. */
export type CallStatus = 'ringing' | 'answered' | 'ended'

/** Which of the two a user is in a call. */
export type Role = 'caller' | 'callee'

/** The other party. Of a callee only the id is known. */
export interface ResumedPeer {
  id: UserId
  name?: string
  profile?: Profile
  /** its connection is lost */
  away: boolean
}

/** Describes a call to a device that takes it again. */
export interface ResumedCall {
  callId: CallId
  state: CallStatus
  role: Role
  peer: ResumedPeer
  peerExtended: boolean
  isVideoCall: boolean
  /** Milliseconds since 1970. */
  startedAt: number
  /** Milliseconds since 1970. */
  answeredAt?: number
  /** while it rings */
  expiresAt?: number
  metadata?: unknown
}

/** An event that came before its receiver. */
export interface KeptEvent {
  event: string
  args: unknown[]
}

/** A call and what was kept for the device that takes it. */
export interface Resumed {
  call: ResumedCall
  pending: KeptEvent[]
}

/** Names a call by its id. */
export interface CallName {
  callId: CallId
}

/** Sends the other party to somebody else: to a user, or to the other party of a second call. */
export interface TransferOrder {
  callId: CallId
  to?: UserId
  withCallId?: CallId
}

/** Asks a client to ring somebody else. */
export interface Transfer {
  callId: CallId
  to: UserId
  by: UserId
  isVideoCall: boolean
}

/** Goes to all devices of both users. */
export interface CallChange {
  callId: CallId
  state: CallStatus
  reason?: EndReason
  next?: CallId
}

/** A message as it is now. */
export interface OneMessage {
  message: Message
}

/** A message to send: a text, or media, or both. */
export interface MessageSend {
  to: UserId
  /** up to 16 KiB */
  text?: string
  /** an http or https URL */
  media?: string
  /** a message of the two */
  replyTo?: MessageId
  /** sending it again gives the same message */
  clientId?: string
}

/** How far one message has come, or all that an author wrote until then. */
export interface Receipt {
  messageId?: MessageId
  senderId?: UserId
  receiverId?: UserId
  /** Milliseconds since 1970. */
  until?: number
  status: MessageStatus
}

/** What happened since. Ask on while there is more. */
export interface Synced {
  messages: Message[]
  receipts: Receipt[]
  deleted: MessageId[]
  cursor: string
  more: boolean
}

/** Asks for what happened since. */
export interface MessageSync {
  /** the cursor of the last answer; without it from the beginning */
  since?: string
  /** 100, at most 500; 0: nothing but the cursor of now */
  limit?: number
}

/** Oldest first. */
export interface History {
  messages: Message[]
}

/** Asks for the newest messages with somebody, or those before one. */
export interface MessageHistory {
  peer: UserId
  before?: MessageId
  /** at most 500 */
  limit?: number
}

/** How a user stands with somebody. */
export interface Conversation {
  peer: UserId
  unread: number
  lastMessage: Message
}

/** Newest first. */
export interface Conversations {
  conversations: Conversation[]
  /** the cursor of the next page; empty after the last */
  next: string
}

/** Asks with whom there are messages. */
export interface MessageConversations {
  /** the next of the page before */
  cursor?: string
  /** 100, at most 500 */
  limit?: number
}

/** A new text. */
export interface MessageEdit {
  messageId: MessageId
  text: string
}

/** Puts an emoji to a message or takes it back. */
export interface MessageReact {
  messageId: MessageId
  emoji: string
  /** absent: what it was not */
  on?: boolean
}

/** Deletes a message. */
export interface MessageDelete {
  messageId: MessageId
  /** for the sender of the event alone */
  forMe?: boolean
}

/** Whether a user is there. */
export interface Presence {
  user: UserId
  online: boolean
  devices: number
  /** Milliseconds since 1970. */
  lastSeen: number | null
}

/** Names users, up to 500. */
export interface Watch {
  users: UserId[]
}

/** A user to block, or to block no longer. */
export interface Block {
  userId: UserId
}

/** The users that a user blocks. */
export interface Blocks {
  users: UserId[]
}

/** Says on a user's own devices whether it blocks somebody. */
export interface Blocked {
  userId: UserId
  blocked: boolean
}

/** An RTCIceServer. */
export interface IceServer {
  urls: string[]
  username?: string
  credential?: string
}

/** Has the STUN and TURN servers. */
export interface IceServersReply {
  iceServers: IceServer[]
  /** seconds for which the credentials hold */
  ttl: number
}

/** Says that the token runs out. */
export interface Expiring {
  inMs: number
}

/** Says until when the new token holds. */
export interface Refreshed {
  /** null: it does not run out */
  expiresAt: number | null
}

/** Brings a new token. */
export interface Refresh {
  token: string
}

/** Says that this server goes away. */
export interface Drain {
  reconnectWithinMs: number
}

/** Answers a ping. */
export interface Pong {
  /** Milliseconds since 1970. */
  serverTime: number
}

/** An error. */
export interface Problem {
  code: ServerCode
  /** a sentence for people, which may change */
  message: string
  /** in the event `error`: what it is about */
  event?: string
}

/** Server → client: event name to its arguments. */
export interface ServerEvents {
  /** A call rings, or a further signal of one that rings (same `callId`). */
  'call:incoming': [call: IncomingCall]
  /** The call was answered, or, to base devices, a further signal of a live call. */
  'call:accepted': [signal: Signal, by: AcceptedBy]
  /** A call is over for this device. */
  'call:end': [end: CallEnded]
  /** The callee has declined. */
  'call:rejected': [end: CallEnded]
  /** A call came to nothing: busy, offline, no_answer, forbidden. */
  'call:unavailable': [why: CallUnavailable]
  /** Who is online: on connect and, at most once a second, when it changed. On a large site only users whom the session had to do with. */
  getOnlineUsers: [users: UserId[]]
  /** A message, to the receiver's devices and to the author's other extended ones. */
  newMessage: [message: Message, author: Profile]
  /** How far a message of this user has come. Extended devices hear, too, that another device of theirs has seen a message of somebody else. */
  messageStatusUpdated: [receipt: MessageReceipt]
  /** Somebody has seen everything of this user, or, to extended devices, another device of theirs has seen everything of somebody. */
  allmessageStatusUpdated: [all: AllReceipt]
  /** The reactions of a message, as they are now; to both people. */
  reactionUpdated: [now: Reactions]
  /** A message is gone. Extended devices are told which; base ones what is left of the conversation, oldest first, then author and receiver, then which. */
  messageDeleted: [gone: Deleted]
  /** Somebody types: the id, a bare string. */
  userTyping: [user: UserId]
  /** Somebody types no more. */
  userStopTyping: [user: UserId]
  /** At least one device of the callee rings. */
  'call:ringing': [ringing: CallRinging]
  /** ICE candidates of the other party. */
  'call:candidate': [more: CallCandidates]
  /** A signal of the other party. */
  'call:signal': [signal: CallSignal]
  /** The other party's connection was lost, or is back. Media between the two goes on meanwhile. */
  'call:peer': [peer: CallPeer]
  /** Ring `to`: the other party has sent you there. */
  'call:transfer': [transfer: Transfer]
  /** What became of a call, to all devices of both users. */
  'call:state': [change: CallChange]
  /** A message has another text; to both people. */
  'message:edited': [edited: OneMessage]
  /** A watched user came, went, or took another device. */
  'presence:update': [presence: Presence]
  /** On another device, this user has blocked somebody, or no longer does. */
  'user:blocked': [block: Blocked]
  /** The token runs out: send `auth:refresh` in time, or the session is closed. */
  'auth:expiring': [expiring: Expiring]
  /** This server goes away: connect again, elsewhere if there is an elsewhere. */
  'server:drain': [drain: Drain]
  /** What was wrong with an event that asked for no acknowledgement. */
  error: [problem: Problem]
}

/** Client → server, acknowledged: event name to payload and reply. */
export interface Requests {
  /** Rings every device of a user. Repeated to the same user it is a further signal of the same call. */
  'call:user': { payload: CallUser; reply: CallReply }
  /** Takes a call. The first answer wins; repeated it is a further signal. */
  'call:answer': { payload: CallAnswer; reply: CallReply }
  /** Hangs up, or gives up while it rings. It ends the sender's own call, whatever `to` says. */
  'call:end': { payload: CallRef; reply: CallReply }
  /** Declines a call. */
  'call:rejected': { payload: CallRef; reply: CallReply }
  /** A message has arrived. Only its receiver may say so; its author is told if the status has risen. */
  messageDelivered: { payload: ReceiptOf; reply: object }
  /** A message was seen. */
  messageSeen: { payload: ReceiptOf; reply: object }
  /** Everything that an author wrote is seen; the author is told. */
  allmessageSeen: { payload: ReceiptOfAll; reply: object }
  /** ICE candidates, up to 64 at a time. What comes before the other side can use it is kept. */
  'call:candidate': { payload: CallCandidates; reply: object }
  /** Anything inside a call: renegotiation, ICE restart, hold. */
  'call:signal': { payload: CallSignal; reply: object }
  /** A reloaded page, or another device, takes its live call again. */
  'call:resume': { payload: CallName; reply: Resumed }
  /** This device takes its user's side of an answered call. */
  'call:handoff': { payload: CallName; reply: Resumed }
  /** Sends the other party to a third user, or to the other party of a second call. This call ends. */
  'call:transfer': { payload: TransferOrder; reply: CallReply }
  /** Sends a message; acknowledged once it is stored. The same `clientId` again gives the same message and delivers nothing twice. */
  'message:send': { payload: MessageSend; reply: OneMessage }
  /** What happened since the `cursor` of the last answer. Messages that a device gets this way count as delivered. */
  'message:sync': { payload: MessageSync; reply: Synced }
  /** The newest messages with somebody, or those before one of them, oldest first. */
  'message:history': { payload: MessageHistory; reply: History }
  /** With whom there are messages, newest first, with the last message and how many are unread. */
  'message:conversations': { payload: MessageConversations; reply: Conversations }
  /** Gives a message of one's own another text. */
  'message:edit': { payload: MessageEdit; reply: OneMessage }
  /** Puts an emoji to a message. The same again takes it back, another replaces it; with `on` it is put there or taken back, however often that is asked. */
  'message:react': { payload: MessageReact; reply: OneMessage }
  /** Deletes a message for both, if the sender is the author, or with `forMe` for the sender of the event alone. */
  'message:delete': { payload: MessageDelete; reply: object }
  /** Tells how users are, and from then on when that changes: up to 500 at a time, 2,000 in all. */
  'presence:watch': { payload: Watch; reply: Presence[] }
  /** Tells no more of users. */
  'presence:unwatch': { payload: Watch; reply: Presence[] }
  /** Blocks a user, who is not told: its calls and messages reach this user no more, and it sees it offline. */
  'user:block': { payload: Block; reply: object }
  /** Blocks a user no longer. */
  'user:unblock': { payload: Block; reply: object }
  /** Whom this user blocks. */
  'user:blocks': { payload: Record<string, never>; reply: Blocks }
  /** The STUN and TURN servers, with credentials. */
  'ice:servers': { payload: Record<string, never>; reply: IceServersReply }
  /** A new token of the same user. */
  'auth:refresh': { payload: Refresh; reply: Refreshed }
  /** Whether the connection lives, for pages, which do not see pings. */
  ping: { payload: Record<string, never>; reply: Pong }
}

/** Client → server, worth nothing once late. */
export interface Volatile {
  /** Tells the receiver's devices that this user types. It ends by itself after 6 s. */
  typing: Typing
  /** The user has stopped typing. */
  stopTyping: Typing
}
