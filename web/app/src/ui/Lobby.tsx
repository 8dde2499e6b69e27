import type { JSX } from 'preact'
import { matches } from '../people'
import { slug } from '../identity'
import type { Store } from '../store'
import { AlertSwitch } from '../push/AlertSwitch'
import { Avatar } from './Avatar'
import { CallList } from './chat/CallList'
import { Tabs } from './chat/Tabs'
import { Talk } from './chat/Talk'
import { TalkList } from './chat/TalkList'
import { Contact } from './Contact'
import { Icon, Logo } from './icons'
import { PersonRow } from './PersonRow'

/** Who is there, and the person that is looked at. */
export function Lobby({ store, hidden }: { store: Store; hidden: boolean }): JSX.Element {
  const { selected, desk } = store
  const chat = desk?.chat.on ? desk.chat : undefined
  return (
    <div class={selected ? 'lobby with-contact' : 'lobby'} inert={hidden} aria-hidden={hidden}>
      <aside class="side">
        <Me store={store} />
        <label class="search">
          <Icon name="search" size={18} />
          <input
            type="search"
            data-testid="search"
            aria-label="Find someone"
            placeholder="Find someone"
            value={store.query}
            onInput={(e) => {
              store.query = e.currentTarget.value
              store.changed()
            }}
          />
        </label>
        {chat && <Tabs desk={desk!} />}
        <Lists store={store} />
      </aside>
      <section class="main">
        {!selected ? (
          <Nobody store={store} />
        ) : !chat ? (
          <Contact key={selected} store={store} id={selected} />
        ) : hidden ? null : (
          <Talk key={selected} store={store} chat={chat} id={selected} />
        )}
      </section>
    </div>
  )
}

/** The list that is open; with a server that keeps no messages there is one. */
function Lists({ store }: { store: Store }): JSX.Element {
  const { desk } = store
  if (!desk?.chat.on) return <People store={store} />
  const tab = desk.tab === 'calls' && !desk.calls.available ? 'people' : desk.tab
  return (
    <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
      {tab === 'chats' ? (
        <TalkList store={store} chat={desk.chat} />
      ) : tab === 'calls' ? (
        <CallList store={store} log={desk.calls} />
      ) : (
        <People store={store} />
      )}
    </div>
  )
}

function Me({ store }: { store: Store }): JSX.Element {
  const me = store.me!
  const open = store.connection === 'open'
  return (
    <header class="me">
      <Avatar id={me.id} name={me.name} size={44} />
      <div class="who">
        <b data-testid="my-name">{me.name}</b>
        <small class={open ? 'status ok' : 'status warn'} data-testid="connection" role="status">
          {open ? 'Online' : 'Reconnecting…'}
        </small>
      </div>
      <AlertSwitch alerts={store.alerts} />
      <button class="icon-button" onClick={() => store.leave()} aria-label="Leave" title="Leave" data-testid="leave">
        <Icon name="leave" />
      </button>
    </header>
  )
}

function People({ store }: { store: Store }): JSX.Element {
  const me = store.me!.id
  const presence = store.client!.presence
  const found = (id: string) => id !== me && matches(store.query, id, store.nameOf(id))
  const online = [...presence.online]
    .filter(found)
    .sort((a, b) => store.nameOf(a).localeCompare(store.nameOf(b)))
  const recents = store.recents.filter((r) => found(r.id) && !presence.online.has(r.id))
  const direct = slug(store.query)
  const known = direct === me || online.includes(direct) || recents.some((r) => r.id === direct)
  return (
    <nav class="people" aria-label="People">
      {online.length > 0 && (
        <>
          <h2>
            Online <span class="count">{online.length}</span>
          </h2>
          <ul data-testid="online">
            {online.map((id) => (
              <PersonRow key={id} store={store} id={id} recent={store.recents.find((r) => r.id === id)} />
            ))}
          </ul>
        </>
      )}
      {recents.length > 0 && (
        <>
          <h2>Recent</h2>
          <ul>
            {recents.map((r) => (
              <PersonRow key={r.id} store={store} id={r.id} recent={r} />
            ))}
          </ul>
        </>
      )}
      {direct && !known && (
        <>
          <h2>Call by name</h2>
          <ul>
            <PersonRow key={direct} store={store} id={direct} recent={undefined} />
          </ul>
        </>
      )}
      {online.length === 0 && recents.length === 0 && !direct && (
        <div class="alone">
          <Logo size={72} />
          <b>Nobody else is here yet</b>
          <p>Open this page in a second tab, or on another device, and join with another name.</p>
        </div>
      )}
    </nav>
  )
}

function Nobody({ store }: { store: Store }): JSX.Element {
  const others = [...store.client!.presence.online].filter((id) => id !== store.me!.id).length
  return (
    <div class="nobody">
      <span class="nobody-mark">
        <Logo size={120} />
      </span>
      <h1>{others > 0 ? 'Who would you like to see?' : 'It is quiet here'}</h1>
      <p class="muted">
        {others > 0
          ? 'Pick someone on the left. One tap, and it rings on all of their devices.'
          : 'As soon as someone comes online, you will see them on the left.'}
      </p>
    </div>
  )
}
