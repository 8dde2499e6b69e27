import { millis } from '@tandem-rtc/client'
import type { CSSProperties, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { colours } from '../people'
import type { Store } from '../store'
import { when } from '../words'
import { Avatar } from './Avatar'
import { Icon } from './icons'

/** One person: call them, and see that they are typing. */
export function Contact({ store, id }: { store: Store; id: string }): JSX.Element {
  const name = store.nameOf(id)
  const [light, deep] = colours(id)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  return (
    <div class="contact" style={{ '--light': light, '--deep': deep } as CSSProperties}>
      <button class="icon-button back" aria-label="Back to the list" onClick={() => store.select(undefined)}>
        <Icon name="back" />
      </button>
      <div class="contact-glow" aria-hidden="true" />
      <div class="contact-card">
        <Avatar id={id} name={name} size={128} />
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        <p class="muted">{presenceWords(store, id)}</p>
        <div class="contact-calls">
          <button class="button primary" data-testid="panel-video" onClick={() => store.dial(id, true)}>
            <Icon name="video" /> Video call
          </button>
          <button class="button" data-testid="panel-audio" onClick={() => store.dial(id, false)}>
            <Icon name="phone" /> Voice call
          </button>
        </div>
      </div>
      <Composer store={store} id={id} name={name} />
    </div>
  )
}

function presenceWords(store: Store, id: string): string {
  const { presence } = store.client!
  if (presence.isOnline(id)) return 'Online now'
  const seen = millis(presence.of(id)?.lastSeen)
  return seen ? `Last seen ${when(seen)}` : 'Not online right now'
}

/**
 * With a server that keeps no messages nothing is sent, and the page says so; that
 * somebody is typing goes to the other side as they do.
 */
function Composer({ store, id, name }: { store: Store; id: string; name: string }): JSX.Element {
  const [draft, setDraft] = useState('')
  const typing = store.client!.typing
  return (
    <div class="composer">
      <p class="typing-line" aria-live="polite">
        {typing.isTyping(id) && (
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
      <div class="composer-row">
        <input
          data-testid="composer"
          aria-label={`Write to ${name}`}
          aria-describedby="composer-note"
          placeholder={`Write to ${name}`}
          value={draft}
          maxLength={2000}
          onInput={(e) => {
            const text = e.currentTarget.value
            setDraft(text)
            if (text) typing.key(id)
            else typing.stop(id)
          }}
          onBlur={() => typing.stop(id)}
        />
        <button class="icon-button" disabled aria-label="Send" title="Messages are not set up on this server">
          <Icon name="send" />
        </button>
      </div>
      <small id="composer-note" class="muted">
        Messages are not set up on this server, so nothing is sent. {name} sees that you are typing.
      </small>
    </div>
  )
}
