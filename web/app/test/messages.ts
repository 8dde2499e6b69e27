import type { Message } from '@tandem-rtc/client'

/** The n-th message between alice and bob, one a second. */
export function message(n: number, fields: Partial<Message> = {}): Message {
  const createdAt = new Date(Date.UTC(2030, 0, 1) + n * 1000).toISOString()
  const mine = n % 2 === 0
  return {
    _id: n.toString(16).padStart(24, '0'),
    senderId: mine ? 'alice' : 'bob',
    receiverId: mine ? 'bob' : 'alice',
    message: `message ${n}`,
    media: null,
    status: 'sent',
    replyTo: null,
    reactions: [],
    createdAt,
    updatedAt: createdAt,
    ...fields,
  }
}

export const history = (n: number): Message[] => Array.from({ length: n }, (_, i) => message(i))
