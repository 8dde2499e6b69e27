import type { Message, UserId } from '@tandem-rtc/client'
import { keyOf, type Waiting } from './entry'

/** One line of a conversation as it is drawn. */
export type Row =
  | { kind: 'day'; key: string; label: string }
  | { kind: 'new'; key: string }
  | { kind: 'message'; key: string; message: Message; mine: boolean; joins: boolean }
  | { kind: 'waiting'; key: string; waiting: Waiting; joins: boolean }

/** What somebody writes within so long hangs together. */
const TOGETHER_MS = 5 * 60_000

/** Lays out messages and what waits below them: days, and who goes on writing. */
export function rowsOf(list: Message[], waiting: Waiting[], me: UserId, firstNew?: string, now = Date.now()): Row[] {
  const rows: Row[] = []
  let day = ''
  let author: UserId | undefined
  let last = 0
  const place = (at: number, by: UserId): boolean => {
    const label = dayWords(at, now)
    const joins = label === day && by === author && at - last < TOGETHER_MS
    if (label !== day) rows.push({ kind: 'day', key: `day-${new Date(at).toDateString()}`, label })
    ;[day, author, last] = [label, by, at]
    return joins
  }
  const shown = new Set<string>()
  for (const message of list) {
    const at = Date.parse(message.createdAt) || 0
    let joins = place(at, message.senderId)
    if (message._id === firstNew) {
      rows.push({ kind: 'new', key: 'new' })
      joins = false
    }
    shown.add(keyOf(message))
    rows.push({ kind: 'message', key: keyOf(message), message, mine: message.senderId === me, joins })
  }
  for (const w of waiting) {
    // Stored, and the word of it has not cleared the other list yet.
    if (shown.has(w.clientId)) continue
    rows.push({ kind: 'waiting', key: w.clientId, waiting: w, joins: place(w.at, me) })
  }
  return rows
}

/** "Today", "Yesterday", "Monday", "3 March 2025". */
export function dayWords(at: number, now = Date.now()): string {
  const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0)
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000)
  if (days <= 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const date = new Date(at)
  if (days < 7) return date.toLocaleDateString([], { weekday: 'long' })
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' as const }
  return date.toLocaleDateString([], { day: 'numeric', month: 'long', ...year })
}

/** "14:05" */
export const clock = (at: number): string => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
