import type { JSX } from 'preact'
import type { Alerts } from './alerts'

/** The bell: notifications while the page is closed. */
export function AlertSwitch({ alerts }: { alerts: Alerts | undefined }): JSX.Element | null {
  if (!alerts || alerts.state === 'unavailable') return null
  const on = alerts.state === 'on'
  const blocked = alerts.state === 'blocked'
  const title = blocked
    ? 'Your browser blocks notifications of this page'
    : on
      ? 'Calls and messages reach you when this page is closed'
      : 'Be notified of calls and messages when this page is closed'
  return (
    <button
      class={on ? 'icon-button accent' : 'icon-button'}
      data-testid="alerts"
      role="switch"
      aria-checked={on}
      aria-label="Notifications"
      title={title}
      disabled={blocked || alerts.state === 'busy'}
      onClick={() => void alerts.toggle()}
    >
      <svg class="icon" width={22} height={22} viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 3.500a5.5 5.5 0 0 1 5.5 5.500c0 4.500 2 5.500 2 7h-15c0-1.500 2-2.500 2-7A5.5 5.5 0 0 1 12 3.500ZM10 19.500a2 2 0 0 0 4 0" />
        {!on && <path d="M4 4l16 16" />}
      </svg>
    </button>
  )
}
