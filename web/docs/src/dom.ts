type Child = Node | string | undefined | false | Child[]

/** Makes an element: attributes by name, listeners by onname. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, unknown> | null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === false) continue
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value as EventListener)
    else el.setAttribute(name, value === true ? '' : String(value))
  }
  add(el, children)
  return el
}

export function add(el: Element, children: Child[]): void {
  for (const c of children) {
    if (Array.isArray(c)) add(el, c)
    else if (c !== undefined && c !== false) el.append(c)
  }
}

/** Text with `code` in it. */
export function prose(text: string): Child[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? h('code', null, part) : part))
}

const tokens = /("(?:[^"\\]|\\.)*"\s*:)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\b(true|false|null|-?\d+(?:\.\d+)?)\b|\b(await|const|import|from|new)\b/g

/** A program or JSON with some colour. */
export function code(text: string, label: string): HTMLElement {
  const inner = h('code', null)
  let at = 0
  for (const m of text.matchAll(tokens)) {
    inner.append(text.slice(at, m.index))
    const kind = m[1] ? 'key' : m[2] ? 'text' : m[3] ? 'value' : 'word'
    inner.append(h('span', { class: kind }, m[0]))
    at = m.index + m[0].length
  }
  inner.append(text.slice(at))
  return h('pre', { tabindex: 0, 'aria-label': label }, inner)
}

export const json = (value: unknown): string => JSON.stringify(value, null, 2)
