import { listDevices, onDeviceChange, type Call, type Device } from '@tandem-rtc/client'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Store } from '../store'
import { useModal } from './hooks'

interface Props {
  store: Store
  call: Call
  sink: string | undefined
  onSink: (id: string) => void
  onClose: () => void
}

/** Which microphone, camera and loudspeaker. */
export function Devices({ store, call, sink, onSink, onClose }: Props): JSX.Element {
  const [devices, setDevices] = useState<Device[]>([])
  const ref = useModal<HTMLDivElement>('select')
  useEffect(() => {
    const load = () => void listDevices().then(setDevices, () => {})
    load()
    return onDeviceChange(load)
  }, [])

  const current = (kind: 'audio' | 'video') =>
    call.localStream.getTracks().find((t) => t.kind === kind)?.getSettings().deviceId
  const choose = (kind: 'microphone' | 'camera', id: string) => {
    store.client!.choice[kind] = id
    store.attempt(kind === 'microphone' ? call.local.useMicrophone(id) : call.local.useCamera(id))
  }
  const select = (label: string, kind: MediaDeviceKind, value: string | undefined, onPick: (id: string) => void) => {
    const list = devices.filter((d) => d.kind === kind)
    if (list.length === 0) return null
    return (
      <label class="field">
        <span>{label}</span>
        <select value={value ?? list[0]!.id} onChange={(e) => onPick(e.currentTarget.value)} data-testid={`device-${kind}`}>
          {list.map((d) => (
            <option key={d.id} value={d.id}>
              {d.label}
            </option>
          ))}
        </select>
      </label>
    )
  }
  return (
    <div class="popover" ref={ref} role="dialog" aria-label="Devices" data-testid="devices-panel">
      {select('Microphone', 'audioinput', call.local.choice.microphone ?? current('audio'), (id) => choose('microphone', id))}
      {select('Camera', 'videoinput', call.local.choice.camera ?? current('video'), (id) => choose('camera', id))}
      {'setSinkId' in HTMLMediaElement.prototype && select('Speaker', 'audiooutput', sink, onSink)}
      <button class="button" onClick={onClose}>
        Done
      </button>
    </div>
  )
}
