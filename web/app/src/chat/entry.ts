import type { Message, MessageId, MessageStatus, UserId } from '@tandem-rtc/client'

/** A message that is written and not yet on the server. */
export interface Waiting {
  clientId: string
  to: UserId
  text: string
  media?: string
  replyTo?: { messageId: MessageId; text: string }
  /** Milliseconds since the epoch. */
  at: number
  /** Why the server will not take it; undefined while it is tried. */
  failed?: string
}

const ranks: Record<MessageStatus, number> = { sent: 0, delivered: 1, seen: 2 }

/** Status only rises, in whatever order it is told. */
export function higher(a: MessageStatus, b: MessageStatus): MessageStatus {
  return (ranks[b] ?? 0) > (ranks[a] ?? 0) ? b : a
}

/** Oldest first. Times are of one format, so they compare as text. */
export function order(a: Pick<Message, '_id' | 'createdAt'>, b: Pick<Message, '_id' | 'createdAt'>): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  return a._id === b._id ? 0 : a._id < b._id ? -1 : 1
}

/** What is known of a message after it was told again. */
export function renewed(old: Message, now: Message): Message {
  // An answer that was on the way while a later event came may be the older one.
  const later = now.updatedAt < old.updatedAt ? old : now
  return { ...later, status: higher(old.status, now.status) }
}

/** Names a row for as long as it is shown: it does not change when a message is stored. */
export const keyOf = (m: Pick<Message, '_id' | 'clientId'>): string => m.clientId ?? m._id

/** With whom a message is, for one of the two. */
export const peerOf = (m: Message, me: UserId): UserId => (m.senderId === me ? m.receiverId : m.senderId)

/** One line that stands for a message. */
export function gist(m: { message?: string; text?: string; media?: string | null | undefined }): string {
  const text = (m.message ?? m.text ?? '').replace(/\s+/g, ' ').trim()
  return text || (m.media ? 'Picture' : '')
}
