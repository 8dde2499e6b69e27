import { add, code, h, json } from './dom.js'
import { fill } from './run.js'
import type { Session } from './session.js'

/** A sample as this reader can run it: a server that knows no tokens is told a name. */
export function adapt(text: string, session: Session): string {
  let s = text
  if (session.open) {
    s = s
      .replace(/ \\\n {2}-H "Authorization: Bearer \$\{token\}"/, '')
      .replace('Authorization: "Bearer ${token}"', '')
      .replace(/headers: \{ , /, 'headers: { ')
      .replace(/,? ?\{\n {2}headers: \{ {2}\},\n\}/, '')
      .replace(/ {2}headers: \{ {2}\},\n/, '')
      .replace('{ auth: { token: "${token}", tandem: 1 } }', '{ query: { userId: "${me}" }, auth: { tandem: 1 } }')
      .replace('{ auth: { token: "${token}" } }', '{ query: { userId: "${me}" } }')
      .replace('token: "${token}" })', 'userId: "${me}" })')
    if (s !== text && /^(curl|const response)/.test(s))
      s = s.replace(/"(\$\{server\}[^"?]*)(\?[^"]*)?"/, (_, path: string, query?: string) => `"${path}${query ? `${query}&` : '?'}userId=\${me}"`)
  }
  return fill(s, session.values)
}

/** Tabs with samples, by label; they follow the reader's credentials. */
export function samples(list: [label: string, text: string | undefined][], session: Session, redraw: Set<() => void>): HTMLElement {
  const present = list.filter((s): s is [string, string] => s[1] !== undefined)
  const tabs = h('div', { class: 'tabs', role: 'group', 'aria-label': 'Samples' })
  const body = h('div', { class: 'sample' })
  let chosen = 0
  const draw = () => {
    const text = adapt(present[chosen]?.[1] ?? '', session)
    const copy = h('button', { class: 'copy', type: 'button', onclick: () => void copied(copy, text) }, 'Copy')
    body.replaceChildren(code(text, `${present[chosen]?.[0]} sample`), copy)
    ;[...tabs.children].forEach((t, i) => t.setAttribute('aria-pressed', String(i === chosen)))
  }
  present.forEach(([label], i) =>
    tabs.append(h('button', { type: 'button', onclick: () => ((chosen = i), draw()) }, label)),
  )
  draw()
  redraw.add(draw)
  return h('div', { class: 'samples' }, tabs, body)
}

async function copied(button: HTMLButtonElement, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    button.textContent = 'Copied'
  } catch {
    button.textContent = 'Can not copy' // the page may not, over plain HTTP
  }
}

/** One result of an example, under a heading. */
export function result(title: string, value: unknown, state: 'good' | 'bad' | 'told' = 'told'): HTMLElement {
  const box = h('div', { class: `result ${state}` }, h('b', null, title))
  if (value !== undefined) add(box, [code(json(value), title)])
  return box
}
