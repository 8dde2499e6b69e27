import type { Profile, UserId } from './events.js'

/** Stored messages as types: their shape, what is asked for, and what is told. */

export type MessageId = string

/** It only rises. */
export type MessageStatus = 'sent' | 'delivered' | 'seen'

export interface Reaction {
  userId: UserId
  emoji: string
}

export interface Message {
  _id: MessageId
  senderId: UserId
  receiverId: UserId
  message: string
  /** An http or https URL. */
  media: string | null
  status: MessageStatus
  /** The message that it answers, as that read then. */
  replyTo: { messageId: MessageId; text: string } | null
  reactions: Reaction[]
  /** ISO 8601, as are all times here. */
  createdAt: string
  updatedAt: string
  /** The author's own id for it. */
  clientId?: string
  editedAt?: string
}

export interface Conversation {
  peer: UserId
  lastMessage: Message
  unread: number
}

/** How far one message has come, or all that an author wrote until then. */
export type Receipt =
  | { messageId: MessageId; status: MessageStatus }
  | { senderId: UserId; receiverId: UserId; until: string; status: MessageStatus }

/** Server → client. */
export interface MessageServerEvents {
  newMessage: [message: Message, author?: Profile]
  'message:edited': [edited: { message: Message }]
  messageStatusUpdated: [receipt: { messageId: MessageId; status: MessageStatus }]
  allmessageStatusUpdated: [all: { senderId: UserId; receiverId: UserId; status: 'seen' }]
  reactionUpdated: [now: { messageId: MessageId; reactions: Reaction[] }]
  messageDeleted: [gone: { messageId: MessageId }]
}

/** Client → server, with the reply. */
export interface MessageRequests {
  'message:send': {
    payload: { to: UserId; text?: string; media?: string; replyTo?: MessageId; clientId?: string }
    reply: { message: Message }
  }
  'message:sync': {
    payload: { since?: string; limit?: number }
    reply: { messages: Message[]; receipts: Receipt[]; deleted: MessageId[]; cursor: string; more: boolean }
  }
  'message:history': {
    payload: { peer: UserId; before?: MessageId; limit?: number }
    reply: { messages: Message[] }
  }
  'message:conversations': {
    payload: { cursor?: string; limit?: number }
    reply: { conversations: Conversation[]; next: string }
  }
  'message:edit': { payload: { messageId: MessageId; text: string }; reply: { message: Message } }
  'message:react': { payload: { messageId: MessageId; emoji: string; on?: boolean }; reply: { message: Message } }
  'message:delete': { payload: { messageId: MessageId; forMe?: boolean }; reply: object }
  messageDelivered: { payload: { messageId: MessageId; senderId: UserId }; reply: object }
  messageSeen: { payload: { messageId: MessageId; senderId: UserId }; reply: object }
  allmessageSeen: { payload: { senderId: UserId }; reply: object }
}
