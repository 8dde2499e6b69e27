import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

interface Props {
  stream: MediaStream | undefined
  testid: string
  label: string
  class?: string
  muted?: boolean
  /** Loudspeaker, where the browser lets one choose. */
  sink?: string | undefined
  /** The browser does not play sound before a gesture; call the function in one. */
  onBlocked?: (play: () => void) => void
}

/** A stream on the screen and, unless muted, in the ears. */
export function Video({ stream, testid, label, muted, sink, onBlocked, ...rest }: Props): JSX.Element {
  const ref = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const video = ref.current
    if (!video) return
    if (video.srcObject !== (stream ?? null)) video.srcObject = stream ?? null
    if (!stream) return
    const play = () => void video.play().catch((err: Error) => err.name === 'NotAllowedError' && onBlocked?.(play))
    play()
  }, [stream])
  useEffect(() => {
    const video = ref.current as (HTMLVideoElement & { setSinkId?: (id: string) => Promise<void> }) | null
    if (sink !== undefined) video?.setSinkId?.(sink).catch(() => {})
  }, [sink])
  // The property, not only the attribute, keeps one's own voice out of the ears.
  useEffect(() => {
    if (ref.current) ref.current.muted = muted === true
  }, [muted])
  return <video ref={ref} data-testid={testid} aria-label={label} playsInline autoplay muted={muted} {...rest} />
}
