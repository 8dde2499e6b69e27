import { Emitter } from './emitter.js'
import { TandemError } from './errors.js'
import {
  millis,
  type Conversation,
  type Hello,
  type Message,
  type MessageId,
  type MessageStatus,
  type Profile,
  type Reaction,
  type Requests,
  type UserId,
} from './events.js'
import { randomId } from './random.js'

interface Events {
  /** A new message, or one that has changed: put it in the place of the one with its `_id`. */
  message: [message: Message, author: Profile | undefined]
  /** The highest counts: one may be told late. */
  status: [messageId: MessageId, status: MessageStatus]
  /** `reader` has seen all that `author` wrote to it until then, in ISO 8601 as `createdAt`; undefined is now. */
  seen: [author: UserId, reader: UserId, until: string | undefined]
  reactions: [messageId: MessageId, reactions: Reaction[]]
  deleted: [messageId: MessageId]
  /** Everything that was missed has been told; keep `cursor` for the next start. */
  caughtUp: [cursor: string]
}

export interface Outgoing {
  text?: string
  media?: string
  /** The message that it answers. */
  replyTo?: MessageId
  /** Sent again under the same id, over a restart of the page too, it is the same message. */
  clientId?: string
}

type Ask = <E extends keyof Requests>(
  event: E,
  payload: Requests[E]['payload'],
) => Promise<Requests[E]['reply']>

/**
 * Stored messages. What happens is told by events, live or, after a time away,
 * by catching up: each event says how something is now, so that one which comes
 * twice changes nothing.
 */
export class Messages extends Emitter<Events> {
  /**
   * Up to where this device has caught up. Set it before `connect` to a kept one
   * to hear of all that happened since; without one it hears of what comes.
   */
  cursor: string | undefined
  readonly #ask: Ask
  #available: boolean | undefined
  #catchingUp: Promise<void> | undefined
  #again = false

  constructor(request: (event: string, payload: unknown) => Promise<unknown>) {
    super()
    this.#ask = request as Ask
  }

  /** Whether the server keeps messages; undefined until it has said so. */
  get available(): boolean | undefined {
    return this.#available
  }

  /** Resolves when the message is stored. */
  async send(to: UserId, message: Outgoing): Promise<Message> {
    const payload = { to, ...message, clientId: message.clientId ?? randomId() }
    return (await this.#ask('message:send', payload)).message
  }

  async edit(messageId: MessageId, text: string): Promise<Message> {
    return (await this.#ask('message:edit', { messageId, text })).message
  }

  /** Puts this user's reaction there, in place of another, or takes it back. */
  async react(messageId: MessageId, emoji: string, on = true): Promise<Message> {
    return (await this.#ask('message:react', { messageId, emoji, on })).message
  }

  /** Deletes a message for both, or for this user alone. */
  async delete(messageId: MessageId, { forMe = false }: { forMe?: boolean } = {}): Promise<void> {
    try {
      await this.#ask('message:delete', { messageId, forMe })
    } catch (err) {
      // Asked again after a loss: it is gone.
      if (!(err instanceof TandemError && err.code === 'not_found')) throw err
    }
  }

  /** The newest messages with somebody, or those before one of them, oldest first. */
  async history(peer: UserId, page: { before?: MessageId; limit?: number } = {}): Promise<Message[]> {
    return (await this.#ask('message:history', { peer, ...page })).messages
  }

  /** With whom there are messages, newest first; `next` is the cursor of the next page, '' after the last. */
  conversations(page: { cursor?: string; limit?: number } = {}): Promise<{ conversations: Conversation[]; next: string }> {
    return this.#ask('message:conversations', page)
  }

  /** This user has seen a message. */
  async seen(message: Pick<Message, '_id' | 'senderId'>): Promise<void> {
    await this.#ask('messageSeen', { messageId: message._id, senderId: message.senderId })
  }

  /** This user has seen everything of somebody. */
  async allSeen(author: UserId): Promise<void> {
    await this.#ask('allmessageSeen', { senderId: author })
  }

  /** Asks for what was missed. It is done by itself in each new session. */
  sync(): Promise<void> {
    if (this.#catchingUp) this.#again = true
    else
      this.#catchingUp = this.#catchUp().finally(() => {
        this.#catchingUp = undefined
      })
    return this.#catchingUp
  }

  onHello(hello: Pick<Hello, 'resumed'>): void {
    // A session that goes on brings what it missed by itself.
    if (!hello.resumed || this.cursor === undefined) this.sync().catch(() => {})
  }

  onEvent(event: string, args: unknown[]): boolean {
    const arg = args[0] as Record<string, unknown> | undefined
    switch (event) {
      case 'newMessage':
        return this.#message(arg, args[1] as Profile | undefined)
      case 'message:edited':
        return this.#message(arg?.['message'])
      case 'messageStatusUpdated':
      case 'allmessageStatusUpdated':
        return this.#receipt(arg)
      case 'reactionUpdated':
        if (typeof arg?.['messageId'] === 'string' && Array.isArray(arg['reactions']))
          this.emit('reactions', arg['messageId'], arg['reactions'] as Reaction[])
        return true
      case 'messageDeleted':
        if (typeof arg?.['messageId'] === 'string') this.emit('deleted', arg['messageId'])
        return true
    }
    return false
  }

  async #catchUp(): Promise<void> {
    try {
      do {
        this.#again = false
        await this.#pages()
      } while (this.#again)
      this.#available = true
    } catch (err) {
      if (err instanceof TandemError && err.code === 'not_configured') {
        this.#available = false
        return
      }
      if (err instanceof TandemError && err.code === 'bad_payload' && this.cursor !== undefined) {
        // Of another server, or older than what it keeps.
        this.cursor = undefined
        return this.#catchUp()
      }
      throw err
    }
    if (this.cursor !== undefined) this.emit('caughtUp', this.cursor)
  }

  async #pages(): Promise<void> {
    for (let more = true; more; ) {
      const page = await this.#ask('message:sync', this.cursor === undefined ? { limit: 0 } : { since: this.cursor })
      for (const message of page.messages) this.#message(message)
      for (const receipt of page.receipts) this.#receipt(receipt)
      for (const id of page.deleted) this.emit('deleted', id)
      this.cursor = page.cursor
      more = page.more
    }
  }

  #message(raw: unknown, author?: Profile): true {
    const message = raw as Message | undefined
    if (typeof message?._id === 'string') this.emit('message', message, author)
    return true
  }

  #receipt(raw: unknown): true {
    const r = (raw ?? {}) as Record<string, unknown>
    const at = millis(r['until'] as number | undefined)
    const until = at === undefined ? undefined : new Date(at).toISOString()
    if (typeof r['messageId'] === 'string') this.emit('status', r['messageId'], r['status'] as MessageStatus)
    else if (typeof r['senderId'] === 'string' && typeof r['receiverId'] === 'string')
      this.emit('seen', r['senderId'], r['receiverId'], until)
    return true
  }
}
