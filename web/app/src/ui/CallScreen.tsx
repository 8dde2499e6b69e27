import type { Call } from '@tandem-rtc/client'
import type { CSSProperties, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { colours } from '../people'
import type { Store } from '../store'
import { duration, endWords, stateWords } from '../words'
import { Avatar } from './Avatar'
import { Talk } from './chat/Talk'
import { Controls } from './Controls'
import { useModal, useNow, useShortcuts } from './hooks'
import { Icon } from './icons'
import { SelfView } from './SelfView'
import { Video } from './Video'

/** The call in progress, over the whole page: from dialing to the last word. */
export function CallScreen({ store, call }: { store: Store; call: Call }): JSX.Element {
  const outgoing = call.direction === 'outgoing' && ['starting', 'calling', 'ringing', 'ended'].includes(call.state)
  const [light, deep] = colours(call.peer.id)
  const ref = useModal<HTMLDivElement>('[data-testid=hangup], [data-testid=cancel]')
  const chat = store.sideOpen && !outgoing && store.desk?.chat.on ? store.desk.chat : undefined
  const close = (): void => {
    store.sideOpen = false
    store.changed()
    ref.current?.querySelector<HTMLElement>('[data-testid=side]')?.focus()
  }
  return (
    <div
      class={chat ? 'stage with-side' : 'stage'}
      ref={ref}
      role="dialog"
      aria-modal="true"
      aria-label={`Call with ${call.peer.name}`}
      inert={store.incoming !== undefined}
      style={{ '--light': light, '--deep': deep } as CSSProperties}
    >
      <div class="stage-back" aria-hidden="true" />
      {outgoing ? <Outgoing store={store} call={call} /> : <Talking store={store} call={call} />}
      {chat && (
        <div class="stage-side" data-testid="side-panel">
          <Talk key={call.peer.id} store={store} chat={chat} id={call.peer.id} onClose={close} />
        </div>
      )}
    </div>
  )
}

function Outgoing({ store, call }: { store: Store; call: Call }): JSX.Element {
  const { id, name } = call.peer
  const over = call.state === 'ended'
  useShortcuts({ escape: store.incoming ? undefined : () => store.hangup() })
  return (
    <div class="outgoing" data-testid="outgoing">
      {call.local.video && (
        <Video stream={call.localStream} testid="preview" label="Your own picture" muted class="preview mirror" />
      )}
      <div class="outgoing-who">
        <div class={over ? '' : 'pulse slow'}>
          <Avatar id={id} name={name} size={132} />
        </div>
        <h1>{name}</h1>
        <p data-testid="call-state" data-state={call.state} role="status">
          {over ? endWords(call, true)?.text : stateWords(call, store.connection !== 'open')}
        </p>
      </div>
      <div class="outgoing-actions">
        <button class="labelled" data-testid="cancel" disabled={over} onClick={() => store.hangup()}>
          <span class="round danger">
            <Icon name="hangup" size={30} />
          </span>
          Cancel
        </button>
      </div>
    </div>
  )
}

function Talking({ store, call }: { store: Store; call: Call }): JSX.Element {
  const [sink, setSink] = useState<string>()
  const [confirming, setConfirming] = useState(false)
  const [blocked, setBlocked] = useState<() => void>()
  const seen = showsVideo(call)
  const away = store.connection !== 'open'
  const quiet = useQuiet(seen && call.state === 'connected' && !call.peerAway && !away)
  useShortcuts({
    escape: store.incoming ? undefined : () => setConfirming(!confirming),
    m: () => store.attempt(call.local.setAudio(!call.local.audio)),
    v: () => store.attempt(call.local.setVideo(!call.local.video)),
  })
  return (
    <div class={`talking ${seen ? 'with-video' : ''} ${quiet ? 'quiet' : ''}`} data-testid="in-call">
      <Video
        stream={call.remoteStream}
        testid="remote-video"
        label={`Picture of ${call.peer.name}`}
        class={`remote ${seen ? '' : 'blank'} ${call.peerMedia?.screen ? 'whole' : ''}`}
        sink={sink}
        onBlocked={(play) => setBlocked(() => play)}
      />
      {!seen && (
        <div class="faceless">
          <Avatar id={call.peer.id} name={call.peer.name} size={148} />
          <h1>{call.peer.name}</h1>
        </div>
      )}
      <TopBar store={store} call={call} seen={seen} />
      {(call.isVideo || call.local.video || call.local.screen) && <SelfView call={call} />}
      {blocked && (
        <button
          class="button primary tap"
          onClick={() => {
            blocked()
            setBlocked(undefined)
          }}
        >
          Tap to hear {call.peer.name}
        </button>
      )}
      <Controls store={store} call={call} sink={sink} onSink={setSink} />
      {confirming && <Confirm store={store} onStay={() => setConfirming(false)} />}
    </div>
  )
}

function TopBar({ store, call, seen }: { store: Store; call: Call; seen: boolean }): JSX.Element {
  const away = store.connection !== 'open'
  const connected = call.state === 'connected' && !call.peerAway && !away
  const now = useNow(call.connectedAt !== undefined)
  const quality = call.stats?.quality ?? 'unknown'
  const typing = store.client?.typing.isTyping(call.peer.id)
  return (
    <header class="top-bar">
      <div>
        {seen && <b>{call.peer.name}</b>}
        <p class={connected ? 'call-state' : 'call-state busy'} data-testid="call-state" data-state={call.state} role="status">
          {stateWords(call, away)}
        </p>
        {call.connectedAt !== undefined && (
          <time class="duration" data-testid="duration" role="timer" aria-live="off">
            {duration(now - call.connectedAt)}
          </time>
        )}
        {connected && quality !== 'unknown' && (
          <span class={`bars ${quality}`} role="img" aria-label={`Connection ${quality}`} title={qualityTitle(call)}>
            <i />
            <i />
            <i />
          </span>
        )}
      </div>
      <div class="badges">
        {call.peerMedia?.audio === false && (
          <span class="badge" title={`${call.peer.name} is muted`}>
            <Icon name="micOff" size={15} /> Muted
          </span>
        )}
        {call.peerMedia?.screen && (
          <span class="badge">
            <Icon name="screen" size={15} /> Sharing screen
          </span>
        )}
        {typing && (
          <span class="badge" data-testid="typing">
            is typing…
          </span>
        )}
      </div>
    </header>
  )
}

function qualityTitle(call: Call): string {
  const { rttMs, lossIn } = call.stats ?? {}
  const parts = [rttMs === undefined ? '' : `${rttMs} ms`, lossIn === undefined ? '' : `${(lossIn * 100).toFixed(1)} % lost`]
  return parts.filter(Boolean).join(' · ')
}

function Confirm({ store, onStay }: { store: Store; onStay: () => void }): JSX.Element {
  const ref = useModal<HTMLDivElement>('.danger')
  return (
    <div class="confirm" ref={ref} role="alertdialog" aria-modal="true" aria-labelledby="confirm-title">
      <h2 id="confirm-title">Hang up?</h2>
      <div>
        <button class="button" onClick={onStay}>
          Stay
        </button>
        <button class="button danger" data-testid="confirm-hangup" onClick={() => store.hangup()}>
          Hang up
        </button>
      </div>
    </div>
  )
}

/** Is there a picture of the other one? Its device says so, or the tracks do. */
function showsVideo(call: Call): boolean {
  const live = call.remoteStream?.getVideoTracks().some((t) => t.readyState === 'live' && !t.muted) ?? false
  return live && call.peerMedia?.video !== false
}

/** True once nobody has moved for a while: bars and buttons make room. */
function useQuiet(on: boolean): boolean {
  const [quiet, setQuiet] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    if (!on) {
      setQuiet(false)
      return
    }
    const wake = () => {
      setQuiet(false)
      clearTimeout(timer.current)
      timer.current = setTimeout(() => setQuiet(true), 4000)
    }
    wake()
    const events = ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const
    for (const e of events) addEventListener(e, wake)
    return () => {
      clearTimeout(timer.current)
      for (const e of events) removeEventListener(e, wake)
    }
  }, [on])
  return quiet
}
