import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { RefObject } from 'preact'
import type { Store } from '../store'

/**
 * Draws the component again after each change of the store. It listens from the
 * moment in which it is drawn: an effect that ran after the next frame would miss
 * what changes until then, and if nothing else changed the page stayed as it was.
 */
export function useStore(store: Store): void {
  const [, draw] = useState(0)
  useLayoutEffect(() => store.subscribe(() => draw((n) => n + 1)), [store])
}

/** The current time, each second while `on`. */
export function useNow(on: boolean): number {
  const [now, set] = useState(Date.now)
  useEffect(() => {
    if (!on) return
    set(Date.now())
    const timer = setInterval(() => set(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [on])
  return now
}

export interface Shortcuts {
  [key: string]: (() => void) | undefined
}

/**
 * Keys for the whole page, by `KeyboardEvent.key` in lower case. Not while text
 * is being written, and not Enter on what is a button of its own.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts)
  current.current = shortcuts
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.defaultPrevented) return
      const target = e.target as HTMLElement
      const writing = target.matches('input, textarea, select')
      if (writing && e.key !== 'Escape') return
      if (e.key === 'Enter' && target.matches('button, a')) return
      const run = current.current[e.key.toLowerCase()]
      if (!run) return
      e.preventDefault()
      run()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}

/**
 * Makes an element a modal: the focus moves in, stays in while Tab goes round,
 * and returns to where it was.
 */
export function useModal<T extends HTMLElement>(initial: string): RefObject<T | null> {
  const ref = useRef<T>(null)
  useEffect(() => {
    const root = ref.current
    if (!root) return
    const before = document.activeElement as HTMLElement | null
    root.querySelector<HTMLElement>(initial)?.focus({ preventScroll: true })
    const onKey = (e: KeyboardEvent) => {
      if (e.key !== 'Tab') return
      const stops = [...root.querySelectorAll<HTMLElement>('button, input, select, textarea, [tabindex="0"]')].filter(
        (el) => !el.hasAttribute('disabled') && el.offsetParent !== null,
      )
      const [first, last] = [stops[0], stops[stops.length - 1]]
      const out = e.shiftKey ? document.activeElement === first : document.activeElement === last
      if (!out && root.contains(document.activeElement)) return
      e.preventDefault()
      ;(e.shiftKey ? last : first)?.focus()
    }
    root.addEventListener('keydown', onKey)
    return () => {
      root.removeEventListener('keydown', onKey)
      if (before?.isConnected) before.focus({ preventScroll: true })
    }
  }, [initial])
  return ref
}
