import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { CallLog, LoggedCall } from '../../chat/calllog'
import { matches } from '../../people'
import type { Store } from '../../store'
import { duration, when } from '../../words'
import { Avatar } from '../Avatar'
import { Icon } from '../icons'

/** The calls of this user on all devices. Who opens it has looked at the missed ones. */
export function CallList({ store, log }: { store: Store; log: CallLog }): JSX.Element {
  const me = store.me!.id
  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === 'visible') void log.look()
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      log.settle()
    }
  }, [log])
  useEffect(() => {
    if (log.missed > 0 && document.visibilityState === 'visible') void log.look()
  }, [log.missed])
  const found = log.list.filter((c) => matches(store.query, other(c, me), store.nameOf(other(c, me))))
  return (
    <div
      class="people"
      onScroll={(e) => {
        const el = e.currentTarget
        if (el.scrollHeight - el.scrollTop - el.clientHeight < el.clientHeight) void log.more()
      }}
    >
      <ul data-testid="calls" aria-label="Calls">
        {found.map((c) => (
          <CallRow key={c.callId} store={store} c={c} me={me} />
        ))}
      </ul>
      {found.length === 0 && (
        <div class="alone">
          <Icon name="phone" size={40} />
          <b>{store.query ? 'No call with that name' : 'No calls yet'}</b>
          <p>Calls of all your devices are listed here, missed ones too.</p>
        </div>
      )}
    </div>
  )
}

function CallRow({ store, c, me }: { store: Store; c: LoggedCall; me: string }): JSX.Element {
  const id = other(c, me)
  const name = store.nameOf(id)
  const outgoing = c.caller === me
  return (
    <li class="person call-row" data-testid="logged-call" data-missed={c.missed ? 'true' : undefined} data-new={c.new ? 'true' : undefined}>
      <button class="person-open" onClick={() => store.select(id)}>
        <Avatar id={id} name={name} />
        <span class="who">
          <b>{name}</b>
          <small class={c.missed ? 'status danger' : 'status'}>
            <Icon name={outgoing ? 'arrowOut' : 'arrowIn'} size={13} /> <Icon name={c.isVideoCall ? 'video' : 'phone'} size={13} />{' '}
            <span class="unseen">{c.isVideoCall ? 'Video call: ' : 'Voice call: '}</span>
            {callWords(c, me)} · {when(Date.parse(c.endedAt))}
          </small>
        </span>
      </button>
      <button class="icon-button" aria-label={`Call ${name}`} title="Voice call" onClick={() => store.dial(id, false)}>
        <Icon name="phone" />
      </button>
      <button class="icon-button accent" aria-label={`Video call ${name}`} title="Video call" onClick={() => store.dial(id, true)}>
        <Icon name="video" />
      </button>
    </li>
  )
}

const other = (c: LoggedCall, me: string): string => (c.caller === me ? c.callee : c.caller)

/** What became of a call, for one of its two people. */
export function callWords(c: LoggedCall, me: string): string {
  if (c.missed) return 'Missed'
  if (c.answeredAt) return duration(c.durationMs)
  const mine = c.caller === me
  switch (c.reason) {
    case 'busy':
      return 'Busy'
    case 'rejected':
      return mine ? 'Declined' : 'You declined'
    case 'no_answer':
      return 'No answer'
    case 'cancelled':
      return mine ? 'Cancelled' : 'Missed'
    case 'offline':
      return 'Not online'
    default:
      return 'Not connected'
  }
}
