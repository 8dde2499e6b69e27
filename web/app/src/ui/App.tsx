import type { JSX } from 'preact'
import type { Store } from '../store'
import { CallScreen } from './CallScreen'
import { useStore } from './hooks'
import { Incoming } from './Incoming'
import { Join } from './Join'
import { Lobby } from './Lobby'
import { Toasts } from './Toasts'
import { Logo } from './icons'
import { useEffect } from 'preact/hooks'

export function App({ store }: { store: Store }): JSX.Element {
  useStore(store)
  useTitle(store)
  const inCall = store.call !== undefined
  return (
    <>
      {store.me ? (
        <Lobby store={store} hidden={inCall} />
      ) : store.joining && !store.refusal ? (
        <Connecting store={store} />
      ) : (
        <Join store={store} />
      )}
      {store.call && <CallScreen key={callKey(store)} store={store} call={store.call} />}
      {store.incoming && <Incoming key={store.incoming.id} store={store} call={store.incoming} />}
      <Toasts store={store} />
      <p class="unseen" role="status" aria-live="polite">
        {store.announcement}
      </p>
    </>
  )
}

const keys = new WeakMap<object, number>()
let lastKey = 0

/** A call has no id at first, and another after glare: the object is the key. */
function callKey({ call }: Store): number {
  let key = keys.get(call!)
  if (!key) keys.set(call!, (key = ++lastKey))
  return key
}

function Connecting({ store }: { store: Store }): JSX.Element {
  return (
    <main class="join">
      <div class="join-card center" role="status">
        <span class="breathing">
          <Logo size={64} />
        </span>
        <h1>{store.connection === 'reconnecting' ? 'Not connected yet' : 'Connecting…'}</h1>
        <p class="muted">{waitingWords(store)}</p>
        <button class="button quiet" onClick={() => store.leave()}>
          Cancel
        </button>
      </div>
    </main>
  )
}

function waitingWords(store: Store): string {
  if (store.connection !== 'reconnecting') return 'One moment.'
  return store.client?.problem?.message ?? 'We keep trying. Your network or the server may be down.'
}

/** A tab in the background says in its title that somebody calls, and how many messages are unread. */
function useTitle(store: Store): void {
  const ringing = store.incoming?.peer.name
  const talking = store.call?.peer.name
  const unread = store.desk?.unread ?? 0
  useEffect(() => {
    if (ringing) {
      let on = false
      const blink = () => (document.title = (on = !on) ? `☎ ${ringing} is calling` : 'Incoming call · Tandem')
      blink()
      const timer = setInterval(blink, 1200)
      return () => clearInterval(timer)
    }
    const title = talking ? `${talking} · Tandem` : 'Tandem'
    document.title = unread > 0 ? `(${unread}) ${title}` : title
    return undefined
  }, [ringing, talking, unread])
}
