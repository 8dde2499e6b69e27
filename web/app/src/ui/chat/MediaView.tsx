import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { media } from '../../chat/links'
import { Icon } from '../icons'

interface Props {
  url: string | null | undefined
  /** Pictures of this person are shown at once. */
  shown: boolean
  from: string
  onShow?: () => void
}

/**
 * What hangs on a message: a picture in a box of one size, so that nothing moves
 * when it comes, or the name of what it is. A picture of another site is fetched
 * from there, which tells that site: only if the user has said yes.
 */
export function MediaView({ url, shown, from, onShow }: Props): JSX.Element | null {
  const [broken, setBroken] = useState(false)
  if (!url) return null
  const m = media(url)
  if (!m) return <span class="file">This address is not shown</span>
  if (m.picture && !shown) {
    return (
      <button class="picture ask" data-testid="show-picture" onClick={onShow} title={m.href}>
        <Icon name="picture" size={28} />
        <b>Show pictures of {from}</b>
        <small>This one comes from {m.host}</small>
      </button>
    )
  }
  const open = { href: m.href, target: '_blank', rel: 'noopener noreferrer nofollow' }
  if (m.picture && !broken) {
    return (
      <a class="picture" {...open} aria-label={`Picture ${m.name}`}>
        <img src={m.href} alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer" draggable={false} onError={() => setBroken(true)} data-testid="picture" />
      </a>
    )
  }
  return (
    <a class="file" {...open}>
      <Icon name="picture" size={20} />
      <span>
        <b>{m.name || m.host}</b>
        <small>{m.host}</small>
      </span>
    </a>
  )
}
