import type { Message } from '@tandem-rtc/client'
import type { CSSProperties, JSX } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'
import { useModal } from '../hooks'
import { Icon, type IconName } from '../icons'

/** Which message it is for, where that is, and how the focus gets back to it. */
export interface MenuPlace {
  message: Message
  box: DOMRect
  back: () => void
}

interface Props {
  place: MenuPlace
  mine: boolean
  /** The user's own reaction. */
  reaction: string | undefined
  onClose: () => void
  onReact: (emoji: string) => void
  onReply: () => void
  onEdit: () => void
  onDelete: (forMe: boolean) => void
}

const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🙏']
const WIDTH = 288
const HEIGHT = 300

/** What can be done with a message: beside it, or from below on a phone. */
export function Menu({ place, mine, reaction, onClose, onReact, onReply, onEdit, onDelete }: Props): JSX.Element {
  const [deleting, setDeleting] = useState(false)
  const ref = useModal<HTMLDivElement>('[role^=menuitem]')
  // At once: the next key may come before the next frame.
  useLayoutEffect(() => ref.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus({ preventScroll: true }), [deleting])
  const { box, message, back } = place
  const left = Math.max(8, Math.min(mine ? box.right - WIDTH : box.left, innerWidth - WIDTH - 8))
  const below = box.bottom + 6 + HEIGHT < innerHeight
  const top = below ? box.bottom + 6 : Math.max(8, Math.min(box.top - HEIGHT - 6, innerHeight - HEIGHT - 8))
  const close = (): void => {
    onClose()
    back()
  }
  const act = (step: () => void, stays = true) => () => {
    onClose()
    if (stays) back()
    step()
  }
  const item = (icon: IconName, label: string, run: () => void, danger = false): JSX.Element => (
    <button role="menuitem" class={danger ? 'danger' : ''} onClick={run}>
      <Icon name={icon} size={20} />
      {label}
    </button>
  )
  return (
    <div class="menu-back" onPointerDown={(e) => e.target === e.currentTarget && close()}>
      <div
        class="menu"
        ref={ref}
        role="menu"
        aria-label="Message"
        data-testid="menu"
        style={{ '--left': `${left}px`, '--top': `${top}px` } as CSSProperties}
        onKeyDown={(e) => {
          if (e.key === 'Escape') close()
          else if (!step(e)) return
          e.preventDefault()
          e.stopPropagation()
        }}
      >
        {deleting ? (
          <>
            {item('trash', 'Delete for me', act(() => onDelete(true), false), true)}
            {mine && item('trash', 'Delete for everyone', act(() => onDelete(false), false), true)}
            {item('back', 'Keep it', close)}
          </>
        ) : (
          <>
            <div class="quick" role="group" aria-label="React">
              {QUICK.map((emoji) => (
                <button key={emoji} role="menuitemradio" aria-checked={reaction === emoji} aria-label={`React with ${emoji}`} onClick={act(() => onReact(emoji))}>
                  {emoji}
                </button>
              ))}
            </div>
            {item('reply', 'Reply', act(onReply, false))}
            {message.message && item('copy', 'Copy', act(() => void navigator.clipboard?.writeText(message.message).catch(() => {})))}
            {mine && message.message && item('edit', 'Edit', act(onEdit, false))}
            {item('trash', 'Delete…', () => setDeleting(true), true)}
          </>
        )}
      </div>
    </div>
  )
}

/** Arrow keys go through the items; the first row is walked sideways as well. */
function step(e: KeyboardEvent): boolean {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key]
  const ends = e.key === 'Home' || e.key === 'End'
  if (by === undefined && !ends) return false
  const items = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role^=menuitem]')]
  const at = items.indexOf(document.activeElement as HTMLElement)
  const quick = items.filter((i) => i.role === 'menuitemradio').length
  let to = at + (by ?? 0)
  // Down from the row of reactions is the first line below it.
  if (e.key === 'ArrowDown' && at < quick) to = quick
  if (e.key === 'ArrowUp' && at === quick) to = 0
  if (ends) to = e.key === 'Home' ? 0 : items.length - 1
  items[(to + items.length) % items.length]?.focus()
  return true
}
