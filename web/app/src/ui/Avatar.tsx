import type { CSSProperties, JSX } from 'preact'
import { colours, initials } from '../people'

interface Props {
  id: string
  name: string
  /** In pixels. */
  size?: number
  online?: boolean | undefined
}

export function Avatar({ id, name, size = 44, online }: Props): JSX.Element {
  const [light, deep] = colours(id)
  return (
    <span
      class="avatar"
      aria-hidden="true"
      style={{ '--size': `${size}px`, '--light': light, '--deep': deep } as CSSProperties}
    >
      {initials(name)}
      {online !== undefined && <i class={online ? 'dot online' : 'dot'} />}
    </span>
  )
}
