import { millis, type Message } from '@tandem-rtc/client'
import type { CSSProperties, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Chat } from '../../chat/chat'
import { colours } from '../../people'
import type { Store } from '../../store'
import { when } from '../../words'
import { Avatar } from '../Avatar'
import { Icon } from '../icons'
import { Composer, type Aim } from './Composer'
import { MessageList } from './MessageList'
import { Menu, type MenuPlace } from './Menu'

interface Props {
  store: Store
  chat: Chat
  id: string
  /** Beside a call: with a button to close it in place of those that call. */
  onClose?: () => void
}

/** One conversation: who it is with, what was said, and what is being written. */
export function Talk({ store, chat, id, onClose }: Props): JSX.Element {
  const [aim, setAim] = useState<Aim>()
  const [menu, setMenu] = useState<MenuPlace>()
  const [light, deep] = colours(id)
  const field = useRef<HTMLTextAreaElement>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  const name = store.nameOf(id)
  useEffect(() => {
    chat.open(id)
    // Where a keyboard would cover half of the screen it waits to be asked for.
    const roomy = matchMedia('(min-width: 761px) and (pointer: fine)').matches
    ;(roomy ? field.current : heading.current)?.focus({ preventScroll: true })
    return () => {
      store.client?.typing.stop(id)
      chat.close(id)
    }
  }, [chat, id])
  const aimAt = (next: Aim | undefined): void => {
    setAim(next)
    field.current?.focus()
  }
  // What one answers or edits may be gone.
  const shown = aim && chat.thread?.find(aim.message._id) ? aim : undefined
  return (
    <section class="talk" aria-label={`Conversation with ${name}`} style={{ '--light': light, '--deep': deep } as CSSProperties}>
      <header class="talk-head">
        {!onClose && (
          <button class="icon-button back" aria-label="Back to the list" onClick={() => store.select(undefined)}>
            <Icon name="back" />
          </button>
        )}
        <Avatar id={id} name={name} size={42} online={store.client!.presence.isOnline(id)} />
        <div class="who">
          <h1 ref={heading} tabIndex={-1} data-testid="talk-name">
            {name}
          </h1>
          <small class="status">{presenceWords(store, id)}</small>
        </div>
        {onClose ? (
          <button class="icon-button" data-testid="close-chat" aria-label="Close the messages" title="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        ) : (
          <>
            <button class="icon-button" data-testid="panel-audio" aria-label={`Call ${name}`} title="Voice call" onClick={() => store.dial(id, false)}>
              <Icon name="phone" />
            </button>
            <button class="icon-button accent" data-testid="panel-video" aria-label={`Video call ${name}`} title="Video call" onClick={() => store.dial(id, true)}>
              <Icon name="video" />
            </button>
          </>
        )}
      </header>
      <MessageList store={store} chat={chat} peer={id} onMenu={setMenu} onWrite={() => field.current?.focus()} />
      <Composer
        store={store}
        chat={chat}
        peer={id}
        field={field}
        aim={shown}
        onAim={aimAt}
        onEditLast={() => {
          const mine = chat.thread?.list.findLast((m) => m.senderId === chat.me && m.message)
          if (mine) aimAt({ kind: 'edit', message: mine })
        }}
      />
      {menu && (
        <Menu
          place={menu}
          mine={menu.message.senderId === chat.me}
          reaction={reactionOf(menu.message, chat.me)}
          onClose={() => setMenu(undefined)}
          onReact={(emoji) => void chat.react(menu.message, emoji)}
          onReply={() => aimAt({ kind: 'reply', message: menu.message })}
          onEdit={() => aimAt({ kind: 'edit', message: menu.message })}
          onDelete={(forMe) => {
            field.current?.focus()
            void chat.delete(menu.message, forMe)
          }}
        />
      )}
    </section>
  )
}

const reactionOf = (m: Message, me: string): string | undefined => m.reactions.find((r) => r.userId === me)?.emoji

function presenceWords(store: Store, id: string): string {
  if (store.connection !== 'open') return 'Waiting for the connection…'
  const { presence } = store.client!
  if (presence.isOnline(id)) return 'Online now'
  const seen = millis(presence.of(id)?.lastSeen)
  return seen ? `Last seen ${when(seen)}` : 'Not online right now'
}
