/**
 * The events of the protocol as types. PROTOCOL.md has the same in words; the
 * types themselves are made of the server's (wire.ts).
 */

export type * from './wire.js'

/** A time of the protocol as milliseconds since the epoch, or undefined. */
export function millis(time: number | string | null | undefined): number | undefined {
  if (typeof time === 'number') return time
  if (typeof time !== 'string') return undefined
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? undefined : ms
}
