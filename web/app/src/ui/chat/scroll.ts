import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Chat } from '../../chat/chat'
import type { Thread } from '../../chat/thread'

/** So near to the end is at the end, in pixels. */
const END = 48
/** So far ahead of the edge the next page is asked for: in screens. */
const AHEAD = 2

interface Scroll {
  box: RefObject<HTMLDivElement | null>
  inner: RefObject<HTMLDivElement | null>
  atEnd: boolean
  onScroll: () => void
  toEnd: () => void
  /** Brings a message before the eyes; false if it is not held. */
  show: (id: string) => boolean
}

/**
 * Keeps the scroll position of a list that grows and shrinks at both ends: at its
 * end it stays at the end; elsewhere the first row that is seen stays where it is.
 */
export function useScroll(chat: Chat, thread: Thread | undefined): Scroll {
  const box = useRef<HTMLDivElement>(null)
  const inner = useRef<HTMLDivElement>(null)
  const anchor = useRef<{ key: string; top: number } | undefined>(undefined)
  const stick = useRef(true)
  const [atEnd, setAtEnd] = useState(true)
  const current = useRef(thread)
  current.current = thread

  const settle = (): void => {
    const el = box.current
    if (!el) return
    if (stick.current) {
      el.scrollTop = el.scrollHeight
      return
    }
    const row = anchor.current && el.querySelector<HTMLElement>(`[data-key="${CSS.escape(anchor.current.key)}"]`)
    if (!row || !anchor.current) return
    const by = row.offsetTop - el.scrollTop - anchor.current.top
    if (Math.abs(by) >= 1) el.scrollTop += by
  }

  const look = (): void => {
    const el = box.current
    if (!el) return
    const t = current.current
    const left = el.scrollHeight - el.scrollTop - el.clientHeight
    stick.current = left < END && (t?.attached ?? true)
    anchor.current = firstSeen(el)
    setAtEnd(stick.current)
    chat.reading(stick.current)
    if (!t?.loaded || chat.opened.busy) return
    if (el.scrollTop < el.clientHeight * AHEAD && t.olderThan() !== undefined) void chat.opened.older()
    else if (left < el.clientHeight * AHEAD && !t.attached) void chat.opened.newer()
  }

  useLayoutEffect(settle)
  // After each change: a short page leaves room for another.
  useEffect(look)
  useEffect(() => {
    stick.current = true
    const watch = new ResizeObserver(settle)
    if (box.current) watch.observe(box.current)
    if (inner.current) watch.observe(inner.current)
    return () => watch.disconnect()
  }, [thread])

  return {
    box,
    inner,
    atEnd,
    onScroll: look,
    toEnd: () => {
      stick.current = true
      void chat.opened.latest()
      settle()
      look()
    },
    show: (id) => {
      const row = box.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)
      if (!row) return false
      stick.current = false
      row.scrollIntoView({ block: 'center' })
      row.focus({ preventScroll: true })
      row.classList.add('found')
      setTimeout(() => row.classList.remove('found'), 1500)
      return true
    },
  }
}

/** The first row of which something is seen, and how far it is from the top. */
function firstSeen(el: HTMLElement): { key: string; top: number } | undefined {
  const rows = el.querySelectorAll<HTMLElement>('li[data-key]')
  let [low, high] = [0, rows.length]
  while (low < high) {
    const mid = (low + high) >> 1
    if (rows[mid]!.offsetTop + rows[mid]!.offsetHeight > el.scrollTop) high = mid
    else low = mid + 1
  }
  const row = rows[low]
  return row && { key: row.dataset.key!, top: row.offsetTop - el.scrollTop }
}
