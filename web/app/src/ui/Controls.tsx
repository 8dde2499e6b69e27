import type { Call } from '@tandem-rtc/client'
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Chat } from '../chat/chat'
import type { Store } from '../store'
import { Devices } from './Devices'
import { Icon, type IconName } from './icons'

interface Props {
  store: Store
  call: Call
  sink: string | undefined
  onSink: (id: string) => void
}

/** The row of switches at the foot of a call. */
export function Controls({ store, call, sink, onSink }: Props): JSX.Element {
  const [choosing, setChoosing] = useState(false)
  const { local } = call
  const toggle = (step: Promise<void>) => store.attempt(step)
  return (
    <div class="controls-wrap">
      {choosing && (
        <Devices store={store} call={call} sink={sink} onSink={onSink} onClose={() => setChoosing(false)} />
      )}
      <div
        class="controls"
        role="toolbar"
        aria-label="Call"
        onKeyDown={(e) => {
          if (e.key === 'Escape' && choosing) {
            e.preventDefault()
            setChoosing(false)
          }
        }}
      >
        <Switch
          testid="mute"
          icon={local.audio ? 'mic' : 'micOff'}
          off={!local.audio}
          label={local.audio ? 'Mute (M)' : 'Unmute (M)'}
          onClick={() => toggle(local.setAudio(!local.audio))}
        />
        <Switch
          testid="camera"
          icon={local.video ? 'video' : 'videoOff'}
          off={!local.video}
          label={local.video ? 'Stop camera (V)' : 'Start camera (V)'}
          onClick={() => toggle(local.setVideo(!local.video))}
        />
        {'getDisplayMedia' in (navigator.mediaDevices ?? {}) && (
          <Switch
            testid="share"
            icon="screen"
            active={local.screen}
            label={local.screen ? 'Stop sharing' : 'Share screen'}
            onClick={() => toggle(local.screen ? local.stopScreen() : call.shareScreen())}
          />
        )}
        {store.desk?.chat.on && <ChatSwitch store={store} call={call} chat={store.desk.chat} />}
        <Switch testid="devices" icon="settings" active={choosing} label="Devices" onClick={() => setChoosing(!choosing)} />
        <button class="hang" data-testid="hangup" aria-label="Hang up" title="Hang up (Esc)" onClick={() => store.hangup()}>
          <Icon name="hangup" size={28} />
        </button>
      </div>
    </div>
  )
}

/** Opens the messages beside the call; says how many are new there. */
function ChatSwitch({ store, call, chat }: { store: Store; call: Call; chat: Chat }): JSX.Element {
  const unread = chat.talks.of(call.peer.id)?.unread ?? 0
  const label = store.sideOpen ? 'Close messages' : unread > 0 ? `Messages, ${unread} unread` : 'Messages'
  return (
    <span class="switch-wrap">
      <Switch
        testid="side"
        icon="chat"
        active={store.sideOpen}
        label={label}
        onClick={() => {
          store.sideOpen = !store.sideOpen
          store.changed()
        }}
      />
      {unread > 0 && !store.sideOpen && <span class="unread">{unread > 99 ? '99+' : unread}</span>}
    </span>
  )
}

interface SwitchProps {
  testid: string
  icon: IconName
  label: string
  off?: boolean
  active?: boolean
  onClick: () => void
}

function Switch({ testid, icon, label, off, active, onClick }: SwitchProps): JSX.Element {
  return (
    <button
      class={`switch ${off ? 'off' : ''} ${active ? 'active' : ''}`}
      data-testid={testid}
      aria-label={label}
      aria-pressed={off ?? active ?? false}
      title={label}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}
