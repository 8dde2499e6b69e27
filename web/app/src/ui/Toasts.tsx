import type { JSX } from 'preact'
import type { Store } from '../store'
import { Icon } from './icons'

export function Toasts({ store }: { store: Store }): JSX.Element {
  return (
    <div class="toasts">
      {store.toasts.map((t) => (
        <div key={t.id} class={`toast ${t.tone}`} data-testid="toast">
          <span>{t.text}</span>
          {t.action && (
            <button
              class="button link"
              onClick={() => {
                store.dismiss(t.id)
                t.action!.run()
              }}
            >
              {t.action.label}
            </button>
          )}
          <button class="icon-button small" aria-label="Dismiss" onClick={() => store.dismiss(t.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  )
}
