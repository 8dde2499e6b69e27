import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Chat } from '../../chat/chat'
import { rowsOf } from '../../chat/rows'
import type { Store } from '../../store'
import { Avatar } from '../Avatar'
import { Icon } from '../icons'
import { MessageRow, WaitingRow, type RowActions } from './MessageRow'
import type { MenuPlace } from './Menu'
import { useScroll } from './scroll'

interface Props {
  store: Store
  chat: Chat
  peer: string
  onMenu: (place: MenuPlace) => void
  onWrite: () => void
}

/** The messages that are held, in a box that scrolls; further ones come at its ends. */
export function MessageList({ store, chat, peer, onMenu, onWrite }: Props): JSX.Element {
  const thread = chat.thread?.peer === peer ? chat.thread : undefined
  const name = store.nameOf(peer)
  const waiting = chat.outbox.to(peer)
  const rows = rowsOf(thread?.list ?? [], waiting, chat.me, chat.opened.firstNew)
  const keys = rows.filter((r) => r.kind === 'message').map((r) => r.key)
  const [focused, setFocused] = useState<string>()
  const stop = focused !== undefined && keys.includes(focused) ? focused : keys.at(-1)
  const scroll = useScroll(chat, thread)
  const typing = store.client!.typing.isTyping(peer)
  const actions = useMemo<RowActions>(
    () => ({
      menu: (message, el) => onMenu({ message, box: el.getBoundingClientRect(), back: () => el.closest('li')?.focus({ preventScroll: true }) }),
      react: (message, emoji) => void chat.react(message, emoji),
      retry: (id) => chat.outbox.retry(id),
      discard: (id) => void chat.outbox.drop(id),
      pictures: () => chat.showPictures(peer),
      find: (id) => {
        if (scroll.show(id)) return
        void chat.opened.seek(id).then((found) => found && setTimeout(() => scroll.show(id), 0))
      },
    }),
    [chat, peer],
  )
  const ready = thread?.loaded || rows.length > 0
  return (
    <div class="messages-frame">
      <div
        class="messages"
        ref={scroll.box}
        onScroll={scroll.onScroll}
        data-testid="messages"
        data-loaded={thread?.loaded ? 'true' : undefined}
        // Reached with a keyboard also where no message is.
        tabIndex={keys.length > 0 ? -1 : 0}
        onKeyDown={(e) => walk(e, keys, stop, scroll.box.current, onWrite)}
        onFocusIn={(e) => {
          const key = (e.target as HTMLElement).closest('li')?.dataset.key
          if (key) setFocused(key)
        }}
      >
        <div class="messages-inner" ref={scroll.inner}>
          {thread && ready && <Beginning older={thread.older && thread.loaded} kept={!thread.loaded} empty={rows.length === 0} id={peer} name={name} />}
          <ol class="message-list" aria-label={`Messages with ${name}`}>
            {rows.map((r) => {
              switch (r.kind) {
                case 'day':
                  return (
                    <li key={r.key} class="day">
                      <span>{r.label}</span>
                    </li>
                  )
                case 'new':
                  return (
                    <li key={r.key} class="day fresh">
                      <span>New messages</span>
                    </li>
                  )
                case 'waiting':
                  return <WaitingRow key={r.key} waiting={r.waiting} joins={r.joins} actions={actions} />
                case 'message':
                  return (
                    <MessageRow
                      key={r.key}
                      rowKey={r.key}
                      message={r.message}
                      mine={r.mine}
                      joins={r.joins}
                      me={chat.me}
                      name={r.mine ? 'You' : name}
                      peerName={name}
                      stop={r.key === stop}
                      pictures={chat.showsPictures(r.message)}
                      actions={actions}
                    />
                  )
              }
            })}
          </ol>
          <p class="typing-line">
            {typing && (
              <span data-testid="typing" class="typing">
                <i class="typing-dots" aria-hidden="true">
                  <i />
                  <i />
                  <i />
                </i>
                {name} is typing…
              </span>
            )}
          </p>
        </div>
      </div>
      {!scroll.atEnd && rows.length > 0 && (
        <button class="to-end" data-testid="to-end" onClick={scroll.toEnd} aria-label={endWords(chat.talks.of(peer)?.unread ?? 0)}>
          <Icon name="down" size={20} />
          {(chat.talks.of(peer)?.unread ?? 0) > 0 && <span class="unread">{chat.talks.of(peer)!.unread}</span>}
        </button>
      )}
      <Offline on={store.connection !== 'open'} waiting={waiting.length} />
    </div>
  )
}

const endWords = (n: number): string => (n > 0 ? `To the newest message, ${n} unread` : 'To the newest message')

/** What stands above the first message. It is as high while more comes: nothing jumps. */
function Beginning({ older, kept, empty, id, name }: { older: boolean; kept: boolean; empty: boolean; id: string; name: string }): JSX.Element {
  if (empty) {
    return (
      <div class="empty-talk">
        <Avatar id={id} name={name} size={112} />
        <p>
          <b>{name}</b>
        </p>
        <p class="muted">No messages yet. Say hello.</p>
      </div>
    )
  }
  return <p class="beginning muted">{older ? 'Earlier messages…' : kept ? 'Earlier messages come with the connection' : `The beginning of your conversation with ${name}`}</p>
}

/** Over the list, not in it: it comes and goes without moving anything. */
function Offline({ on, waiting }: { on: boolean; waiting: number }): JSX.Element | null {
  const [late, setLate] = useState(false)
  useEffect(() => {
    setLate(false)
    if (!on) return
    const timer = setTimeout(() => setLate(true), 1200)
    return () => clearTimeout(timer)
  }, [on])
  if (!on || (!late && waiting === 0)) return null
  return (
    <p class="offline-note" data-testid="offline" role="status">
      <Icon name="clock" size={16} />
      {waiting > 0 ? `Offline · ${waiting === 1 ? 'one message waits' : `${waiting} messages wait`}` : 'Offline · what you write is sent later'}
    </p>
  )
}

/** Arrow keys go from message to message, as one stop for Tab. */
function walk(e: KeyboardEvent, keys: string[], stop: string | undefined, box: HTMLElement | null, onWrite: () => void): void {
  const target = e.target as HTMLElement
  if (!target.matches('li[data-key]')) return
  const at = keys.indexOf(target.dataset.key ?? stop ?? '')
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: keys.length - 1 }[e.key]
  if (to === undefined) return
  e.preventDefault()
  if (to >= keys.length) return onWrite()
  const next = box?.querySelector<HTMLElement>(`li[data-key="${CSS.escape(keys[Math.max(0, to)]!)}"]`)
  next?.focus({ preventScroll: true })
  next?.scrollIntoView({ block: 'nearest' })
}
