import type { JSX } from 'preact'
import { slug } from '../../identity'
import type { Chat } from '../../chat/chat'
import { gist } from '../../chat/entry'
import type { Talk } from '../../chat/talks'
import { matches } from '../../people'
import type { Store } from '../../store'
import { when } from '../../words'
import { Avatar } from '../Avatar'
import { Icon } from '../icons'
import { PersonRow } from '../PersonRow'

/** With whom there are messages, the latest first. */
export function TalkList({ store, chat }: { store: Store; chat: Chat }): JSX.Element {
  const found = chat.talks.list.filter((t) => matches(store.query, t.peer, store.nameOf(t.peer)))
  const direct = slug(store.query)
  const known = direct === chat.me || found.some((t) => t.peer === direct)
  return (
    <div
      class="people"
      onScroll={(e) => {
        const el = e.currentTarget
        if (el.scrollHeight - el.scrollTop - el.clientHeight < el.clientHeight) void chat.moreTalks()
      }}
    >
      <ul data-testid="talks" aria-label="Conversations">
        {found.map((t) => (
          <TalkRow key={t.peer} store={store} chat={chat} talk={t} />
        ))}
      </ul>
      {direct && !known && (
        <>
          <h2>Write to</h2>
          <ul>
            <PersonRow key={direct} store={store} id={direct} recent={undefined} />
          </ul>
        </>
      )}
      {found.length === 0 && !direct && (
        <div class="alone">
          <Icon name="chat" size={40} />
          <b>No messages yet</b>
          <p>Pick someone under People and say hello. Conversations are kept here.</p>
        </div>
      )}
    </div>
  )
}

function TalkRow({ store, chat, talk }: { store: Store; chat: Chat; talk: Talk }): JSX.Element {
  const { peer, last, unread } = talk
  const name = store.nameOf(peer)
  const chosen = store.selected === peer
  const waiting = chat.outbox.to(peer).at(-1)
  const at = waiting?.at ?? Date.parse(last.createdAt)
  const draft = chosen ? undefined : store.desk!.drafts.get(peer)?.trim()
  return (
    <li class={`person talk-row ${chosen ? 'chosen' : ''} ${unread > 0 ? 'has-unread' : ''}`}>
      <button class="person-open" data-testid={`talk-${peer}`} aria-current={chosen ? 'true' : undefined} onClick={() => store.select(peer)}>
        <Avatar id={peer} name={name} online={store.client!.presence.isOnline(peer)} />
        <span class="who">
          <b>{name}</b>
          {store.client!.typing.isTyping(peer) ? (
            <small class="status ok">is typing…</small>
          ) : draft ? (
            <small class="status">
              <i class="warn">Draft</i> {draft}
            </small>
          ) : (
            <small class="status">
              {waiting && <Icon name={waiting.failed ? 'alert' : 'clock'} size={13} />}
              {!waiting && last.senderId === chat.me && <Icon name={last.status === 'sent' ? 'check' : 'checks'} size={14} />}{' '}
              {gist(waiting ?? last)}
            </small>
          )}
        </span>
        <span class="talk-side">
          <time>{when(at)}</time>
          <Unread n={unread} />
        </span>
      </button>
    </li>
  )
}

/** How many are unread; nothing where none are, in the same room. */
export function Unread({ n }: { n: number }): JSX.Element {
  return n > 0 ? (
    <span class="unread" data-testid="unread" aria-label={`${n} unread`}>
      {n > 99 ? '99+' : n}
    </span>
  ) : (
    <span class="unread none" aria-hidden="true" />
  )
}
