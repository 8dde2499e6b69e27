import type { JSX } from 'preact'

/** Line icons on a 24-unit grid; they take the colour of the text. */
const paths = {
  phone: 'M6.6 3.5h2.6l1.5 4.2-2 1.6a12 12 0 0 0 6 6l1.6-2 4.2 1.5v2.6a2 2 0 0 1-2.2 2A17 17 0 0 1 4.6 5.7a2 2 0 0 1 2-2.2Z',
  video: 'M4.5 6.500h8.500a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4.500a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2ZM15 10.800l5.2-3.100a.8.8 0 0 1 1.2.7v7.200a.8.8 0 0 1-1.2.7L15 13.2',
  videoOff: 'M9.5 6.500H13a2 2 0 0 1 2 2V12m0 3.500a2 2 0 0 1-2 2H4.500a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2M15 10.800l5.2-3.100a.8.8 0 0 1 1.2.7v7.200a.8.8 0 0 1-1.2.7L18 14.500M3.5 3.500l17 17',
  mic: 'M12 3a3 3 0 0 1 3 3v5.500a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM5.5 11.500a6.5 6.5 0 0 0 13 0M12 18v3',
  micOff: 'M15 9.500V6a3 3 0 0 0-5.8-1M9 9v2.500a3 3 0 0 0 4.6 2.500M5.5 11.500a6.5 6.5 0 0 0 10.2 5.300m2.3-2.500a6.4 6.4 0 0 0 .5-2.800M12 18v3M3.5 3.500l17 17',
  screen: 'M4.5 4.500h15a2 2 0 0 1 2 2v8.500a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2V6.500a2 2 0 0 1 2-2ZM8.5 20.500h7M12 13.500V8m0 0L9.5 10.500M12 8l2.5 2.5',
  settings: 'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.800a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.400ZM8.5 14.800a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.400Z',
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM15.3 15.3 20 20',
  back: 'M14.5 5.5 8 12l6.5 6.5',
  close: 'M6 6l12 12M18 6 6 18',
  leave: 'M14 4.500H6.500a1.5 1.5 0 0 0-1.5 1.500v12a1.5 1.5 0 0 0 1.5 1.500H14M10 12h10m0 0-3.5-3.500M20 12l-3.5 3.5',
  send: 'M4.5 12 20 4.5 15.5 20l-3.8-6.200L4.5 12Zm7.2 1.800L20 4.5',
  arrowIn: 'M18 6 7 17m0 0V9m0 8h8',
  arrowOut: 'M6 18 17 7m0 0H9m8 0v8',
} as const

export type IconName = keyof typeof paths | 'hangup'

export function Icon({ name, size = 22 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      {name === 'hangup' ? (
        <path d={paths.phone} fill="currentColor" transform="translate(0 3.5) rotate(135 12 12)" />
      ) : (
        <path d={paths[name]} />
      )}
    </svg>
  )
}

export function Logo({ size = 40 }: { size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="8 14 48 36" aria-hidden="true">
      <circle cx="25" cy="32" r="15" fill="#2fc4b2" />
      <circle cx="39" cy="32" r="15" fill="#ff8660" />
      <path d="M32 18.7a15 15 0 0 1 0 26.6 15 15 0 0 1 0-26.6z" fill="#fff3e4" />
    </svg>
  )
}
