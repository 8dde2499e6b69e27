import type { JSX } from 'preact'
import type { Recent } from '../people'
import type { Store } from '../store'
import { when } from '../words'
import { Avatar } from './Avatar'
import { Unread } from './chat/TalkList'
import { Icon } from './icons'

interface Props {
  store: Store
  id: string
  recent: Recent | undefined
}

/** One person in the list, with what one most often wants of them: a call. */
export function PersonRow({ store, id, recent }: Props): JSX.Element {
  const name = store.nameOf(id)
  const online = store.client!.presence.isOnline(id)
  const chosen = store.selected === id
  const unread = store.desk?.chat.on ? (store.desk.chat.talks.of(id)?.unread ?? 0) : 0
  return (
    <li class={chosen ? 'person chosen' : 'person'}>
      <button
        class="person-open"
        data-testid={`contact-${id}`}
        aria-current={chosen ? 'true' : undefined}
        onClick={() => store.select(id)}
      >
        <Avatar id={id} name={name} online={online} />
        <span class="who">
          <b>{name}</b>
          <RowStatus store={store} id={id} online={online} recent={recent} />
        </span>
        {unread > 0 && <Unread n={unread} />}
      </button>
      <button
        class="icon-button"
        data-testid={`call-audio-${id}`}
        aria-label={`Call ${name}`}
        title="Voice call"
        onClick={() => store.dial(id, false)}
      >
        <Icon name="phone" />
      </button>
      <button
        class="icon-button accent"
        data-testid={`call-video-${id}`}
        aria-label={`Video call ${name}`}
        title="Video call"
        onClick={() => store.dial(id, true)}
      >
        <Icon name="video" />
      </button>
    </li>
  )
}

function RowStatus({ store, id, online, recent }: Props & { online: boolean }): JSX.Element {
  if (store.client!.typing.isTyping(id)) {
    return <small class="status ok">is typing…</small>
  }
  if (recent?.missed) {
    return (
      <small class="status danger">
        <Icon name="arrowIn" size={13} /> Missed call · {when(recent.at)}
      </small>
    )
  }
  if (online) return <small class="status">Online</small>
  if (recent) {
    return (
      <small class="status">
        <Icon name={recent.outgoing ? 'arrowOut' : 'arrowIn'} size={13} /> {recent.video ? 'Video call' : 'Call'} ·{' '}
        {when(recent.at)}
      </small>
    )
  }
  return <small class="status">{id}</small>
}
