import type { Call } from '@tandem-rtc/client'
import type { CSSProperties, JSX } from 'preact'
import type { Store } from '../store'
import { Avatar } from './Avatar'
import { useModal, useShortcuts } from './hooks'
import { Icon } from './icons'
import { colours } from '../people'

/** Somebody calls. During another call it is a card above it. */
export function Incoming({ store, call }: { store: Store; call: Call }): JSX.Element {
  const { id, name } = call.peer
  const [light, deep] = colours(id)
  const ref = useModal<HTMLDivElement>(call.isVideo ? '.accept.video' : '.accept.audio')
  useShortcuts({
    enter: () => void store.answer(call.isVideo),
    escape: () => store.decline(),
  })
  const answer = (video: boolean) => (
    <button
      class={video ? 'accept video' : 'accept audio'}
      data-testid={video ? 'accept-video' : 'accept-audio'}
      onClick={() => void store.answer(video)}
    >
      <span class="round ok">
        <Icon name={video ? 'video' : 'phone'} size={28} />
      </span>
      {video ? 'Video' : 'Audio'}
    </button>
  )
  return (
    <div class={store.call ? 'incoming second' : 'incoming'} data-testid="incoming">
      <div
        class="incoming-card"
        ref={ref}
        role="alertdialog"
        aria-modal="true"
        aria-labelledby="incoming-name"
        aria-describedby="incoming-kind"
        style={{ '--light': light, '--deep': deep } as CSSProperties}
      >
        <div class="pulse">
          <Avatar id={id} name={name} size={104} />
        </div>
        <h1 id="incoming-name">{name}</h1>
        <p id="incoming-kind">
          {call.isVideo ? 'Incoming video call' : 'Incoming call'}
          {store.call && ' · answering ends your current call'}
        </p>
        <div class="incoming-actions">
          <button class="decline" data-testid="decline" onClick={() => store.decline()}>
            <span class="round danger">
              <Icon name="hangup" size={28} />
            </span>
            Decline
          </button>
          {answer(false)}
          {answer(true)}
        </div>
      </div>
    </div>
  )
}
