import type { Call } from '@tandem-rtc/client'
import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { Icon } from './icons'
import { Video } from './Video'

type Corner = 'top left' | 'top right' | 'bottom left' | 'bottom right'

/** One's own picture: drag it to a corner, or move it there with arrow keys. */
export function SelfView({ call }: { call: Call }): JSX.Element {
  const [corner, setCorner] = useState<Corner>('top right')
  const [offset, setOffset] = useState<{ x: number; y: number }>()
  const start = useRef<{ x: number; y: number } | undefined>(undefined)
  const { local } = call
  const shows = local.video || local.screen

  const move = (key: string) => {
    let [v, h] = corner.split(' ') as [string, string]
    if (key === 'ArrowUp') v = 'top'
    else if (key === 'ArrowDown') v = 'bottom'
    else if (key === 'ArrowLeft') h = 'left'
    else if (key === 'ArrowRight') h = 'right'
    else return false
    setCorner(`${v} ${h}` as Corner)
    return true
  }

  return (
    <div
      class={`self ${corner} ${offset ? 'dragged' : ''} ${local.screen ? 'screen' : ''}`}
      role="group"
      tabIndex={0}
      aria-label="Your own picture. Arrow keys move it."
      style={offset ? { transform: `translate(${offset.x}px, ${offset.y}px)` } : {}}
      onKeyDown={(e) => move(e.key) && e.preventDefault()}
      onPointerDown={(e) => {
        start.current = { x: e.clientX, y: e.clientY }
        e.currentTarget.setPointerCapture(e.pointerId)
      }}
      onPointerMove={(e) => {
        if (start.current) setOffset({ x: e.clientX - start.current.x, y: e.clientY - start.current.y })
      }}
      onPointerUp={(e) => {
        if (!start.current) return
        start.current = undefined
        const box = e.currentTarget.getBoundingClientRect()
        const v = box.top + box.height / 2 < innerHeight / 2 ? 'top' : 'bottom'
        const h = box.left + box.width / 2 < innerWidth / 2 ? 'left' : 'right'
        if (offset) setCorner(`${v} ${h}` as Corner)
        setOffset(undefined)
      }}
      onPointerCancel={() => {
        start.current = undefined
        setOffset(undefined)
      }}
    >
      <Video
        stream={call.localStream}
        testid="self-video"
        label="Your own picture"
        muted
        class={`${shows ? '' : 'blank'} ${local.screen ? '' : 'mirror'}`}
      />
      {!shows && (
        <span class="self-off">
          <Icon name="videoOff" />
          Camera off
        </span>
      )}
      {!local.audio && (
        <span class="self-mute">
          <Icon name="micOff" size={15} />
        </span>
      )}
    </div>
  )
}
