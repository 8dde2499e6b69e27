import type { Message } from '@tandem-rtc/client'
import { Component, type ComponentChildren, type JSX } from 'preact'
import type { Waiting } from '../../chat/entry'
import { parts } from '../../chat/links'
import { clock } from '../../chat/rows'
import { Icon, type IconName } from '../icons'
import { MediaView } from './MediaView'

export interface RowActions {
  menu: (m: Message, el: HTMLElement) => void
  react: (m: Message, emoji: string) => void
  retry: (clientId: string) => void
  discard: (clientId: string) => void
  pictures: () => void
  /** Shows the message that was answered. */
  find: (id: string) => void
}

interface Props {
  rowKey: string
  message: Message
  mine: boolean
  /** The one above is of the same author and of the same time. */
  joins: boolean
  me: string
  /** Who wrote it, as screen readers say it. */
  name: string
  peerName: string
  /** Where Tab stops in the list. */
  stop: boolean
  pictures: boolean
  actions: RowActions
}

/** One message. It is drawn again only if it is another than before: lists are long. */
export class MessageRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return (Object.keys(next) as (keyof Props)[]).some((k) => next[k] !== this.props[k])
  }

  override render(): JSX.Element {
    const { rowKey, message: m, mine, joins, me, name, peerName, stop, pictures, actions } = this.props
    const open = (el: HTMLElement): void => actions.menu(m, el)
    return (
      <li
        class={`message ${mine ? 'mine' : 'theirs'} ${joins ? 'joins' : ''}`}
        data-key={rowKey}
        data-id={m._id}
        data-testid="message"
        data-status={mine ? m.status : undefined}
        tabIndex={stop ? 0 : -1}
        onKeyDown={(e) => {
          if (e.target !== e.currentTarget || (e.key !== 'Enter' && e.key !== ' ' && e.key !== 'ContextMenu')) return
          e.preventDefault()
          open(e.currentTarget.querySelector<HTMLElement>('.bubble')!)
        }}
      >
        <div
          class="bubble"
          // A finger on the bubble opens what a mouse finds beside it.
          onClick={(e) => {
            const touch = matchMedia('(pointer: coarse)').matches
            if (touch && !(e.target as HTMLElement).closest('a, button')) open(e.currentTarget)
          }}
        >
          <span class="unseen">{name}: </span>
          {m.replyTo && (
            <button class="quote link" tabIndex={-1} onClick={() => actions.find(m.replyTo!.messageId)}>
              <span class="unseen">Answer to </span>
              {m.replyTo.text || 'A message'}
            </button>
          )}
          <MediaView url={m.media} shown={pictures} from={peerName} onShow={actions.pictures} />
          <Text text={m.message} />
          <Foot at={Date.parse(m.createdAt)} edited={m.editedAt !== undefined}>
            {mine && <Status status={m.status} />}
          </Foot>
        </div>
        <button class="icon-button tools" tabIndex={-1} aria-label="What to do with this message" title="React, reply and more" data-testid="message-tools" onClick={(e) => open(e.currentTarget)}>
          <Icon name="more" size={20} />
        </button>
        {m.reactions.length > 0 && <Reactions message={m} me={me} peerName={peerName} actions={actions} />}
      </li>
    )
  }
}

function Reactions({ message, me, peerName, actions }: Pick<Props, 'message' | 'me' | 'peerName' | 'actions'>): JSX.Element {
  const by = new Map<string, string[]>()
  for (const { emoji, userId } of message.reactions) by.set(emoji, [...(by.get(emoji) ?? []), userId])
  return (
    <div class="reactions">
      {[...by].map(([emoji, users]) => {
        const own = users.includes(me)
        const who = users.map((u) => (u === me ? 'you' : peerName)).join(' and ')
        return (
          <button key={emoji} class="reaction" tabIndex={-1} data-testid="reaction" aria-pressed={own} aria-label={`${emoji} by ${who}`} title={own ? 'Take it back' : who} onClick={() => actions.react(message, emoji)}>
            <span>
              {emoji}
              {users.length > 1 && <small>{users.length}</small>}
            </span>
          </button>
        )
      })}
    </div>
  )
}

/** A message that is not on the server yet, or will not get there. */
export function WaitingRow({ waiting: w, joins, actions }: { waiting: Waiting; joins: boolean; actions: RowActions }): JSX.Element {
  return (
    <li class={`message mine ${joins ? 'joins' : ''} ${w.failed ? 'failed' : 'waiting'}`} data-key={w.clientId} data-testid="waiting">
      <div class="bubble">
        <span class="unseen">You: </span>
        {w.replyTo && <span class="quote">{w.replyTo.text || 'A message'}</span>}
        <MediaView url={w.media} shown from="" />
        <Text text={w.text} />
        <Foot at={w.at}>
          <Mark icon={w.failed ? 'alert' : 'clock'} label={w.failed ? 'Not sent' : 'Waiting to be sent'} />
        </Foot>
      </div>
      {w.failed && (
        <p class="failure">
          {w.failed}.
          <button class="button link" onClick={() => actions.retry(w.clientId)}>
            Try again
          </button>
          <button class="button link" onClick={() => actions.discard(w.clientId)}>
            Discard
          </button>
        </p>
      )}
    </li>
  )
}

/** Text is text: what looks like a link is one, all else stays what it is. */
function Text({ text }: { text: string }): JSX.Element | null {
  if (!text) return null
  return (
    <span class={emojiOnly.test(text) ? 'text big' : 'text'} dir="auto" data-testid="text">
      {parts(text).map((p) =>
        typeof p === 'string' ? (
          p
        ) : (
          <a href={p.href} target="_blank" rel="noopener noreferrer nofollow">
            {p.text}
          </a>
        ),
      )}
    </span>
  )
}

/** Up to three signs and nothing else are shown large. */
const emojiOnly = /^(?:\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier}|\u200D\p{Extended_Pictographic})*\s*){1,3}$/u

function Foot({ at, edited, children }: { at: number; edited?: boolean; children?: ComponentChildren }): JSX.Element {
  return (
    <span class="foot">
      {edited && <span>edited</span>}
      <time dateTime={new Date(at || 0).toISOString()}>{clock(at || 0)}</time>
      {children}
    </span>
  )
}

function Status({ status }: { status: Message['status'] }): JSX.Element {
  const label = { sent: 'Sent', delivered: 'Delivered', seen: 'Seen' }[status] ?? 'Sent'
  return <Mark icon={status === 'sent' ? 'check' : 'checks'} label={label} seen={status === 'seen'} />
}

function Mark({ icon, label, seen = false }: { icon: IconName; label: string; seen?: boolean }): JSX.Element {
  return (
    <span class={seen ? 'mark seen' : 'mark'} role="img" aria-label={label} title={label} data-testid="mark">
      <Icon name={icon} size={16} />
    </span>
  )
}
