import type { JSX } from 'preact'
import type { Desk, Tab } from '../../chat/desk'
import { Icon, type IconName } from '../icons'

/** What the list on the left is of. */
export function Tabs({ desk }: { desk: Desk }): JSX.Element {
  const tabs: [Tab, string, IconName, number][] = [
    ['people', 'People', 'people', 0],
    ['chats', 'Chats', 'chat', desk.chat.talks.unread],
    ['calls', 'Calls', 'phone', desk.calls.missed],
  ]
  const shown = tabs.filter(([tab]) => tab !== 'calls' || desk.calls.available)
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label="Lists"
      onKeyDown={(e) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[e.key]
        if (!by) return
        e.preventDefault()
        const at = shown.findIndex(([tab]) => tab === desk.tab)
        const next = shown[(at + by + shown.length) % shown.length]![0]
        desk.choose(next)
        e.currentTarget.querySelector<HTMLElement>(`#tab-${next}`)?.focus()
      }}
    >
      {shown.map(([tab, label, icon, n]) => (
        <button
          key={tab}
          id={`tab-${tab}`}
          role="tab"
          data-testid={`tab-${tab}`}
          aria-selected={desk.tab === tab}
          aria-controls="tab-panel"
          tabIndex={desk.tab === tab ? 0 : -1}
          onClick={() => desk.choose(tab)}
        >
          <Icon name={icon} size={19} />
          <span>{label}</span>
          {n > 0 && (
            <span class="unread" data-testid={`${tab}-count`} aria-label={tab === 'calls' ? `${n} missed` : `${n} unread`}>
              {n > 99 ? '99+' : n}
            </span>
          )}
        </button>
      ))}
    </div>
  )
}
