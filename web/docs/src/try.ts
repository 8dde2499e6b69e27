import { TandemError } from '@tandem-rtc/client'
import { h, json } from './dom.js'
import { ARRIVES_WITHIN, bringAbout, fill, learned, prepare, send, stepsOf, tidy } from './run.js'
import { result } from './samples.js'
import type { Session, Told } from './session.js'
import type { Route, SocketEvent, Step, Values } from './spec.js'

/** Events that came of an example are shown for so long after its reply, in milliseconds. */
const LISTEN = 250

const who = { me: 'you', peer: 'the other person' } as const

let running: Promise<void> = Promise.resolve()

interface Panel {
  el: HTMLElement
  out: HTMLElement
}

/** A form with a button; its submission runs and shows what came of it. */
function panel(label: string, fields: HTMLElement[], run: (out: HTMLElement) => Promise<void>): Panel {
  const out = h('div', { class: 'out', 'aria-live': 'polite' })
  const button = h('button', { type: 'submit', class: 'run' }, label)
  const form = h('form', { class: 'try' }, fields, button, out)
  form.addEventListener('submit', (e) => {
    e.preventDefault()
    button.disabled = true
    out.replaceChildren()
    form.removeAttribute('data-done')
    // One at a time: the examples share two people, who would be busy.
    running = running
      .then(() => run(out))
      .catch((err: unknown) => {
        const { code, message } = err instanceof SyntaxError ? { code: 'not JSON', message: err.message } : TandemError.from(err)
        out.append(result(`${code}: ${message}`, undefined, 'bad'))
      })
      .finally(() => {
        button.disabled = false
        form.setAttribute('data-done', '')
      })
  })
  return { el: form, out }
}

function field(label: string, value: string, rows = 1): { el: HTMLElement; value: () => string } {
  const input = rows > 1 ? h('textarea', { rows, spellcheck: 'false' }, value) : h('input', { value, spellcheck: 'false', autocomplete: 'off' })
  return { el: h('label', null, h('span', null, label), input), value: () => input.value }
}

const lines = (text: string) => Math.min(12, text.split('\n').length + 1)

/** Asks for a route as the reader. */
function ask(route: Route, path: string, body: unknown, session: Session, values: Values): Promise<Response> {
  const url = new URL(fill(path, values), location.origin)
  const needs = route.security.flatMap((s) => Object.keys(s))
  const headers: Record<string, string> = {}
  if (needs.includes('serverKey')) headers['Authorization'] = `Bearer ${session.key}`
  else if (needs.length > 0 && session.token) headers['Authorization'] = `Bearer ${session.token}`
  else if (needs.length > 0 && session.open) url.searchParams.set('userId', values['me'] ?? '')
  const init: RequestInit = { method: route.method, headers }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(fill(body, values))
  }
  return fetch(url, init)
}

/** A request of REST. */
export function tryRoute(route: Route, all: Route[], session: Session, preparations: Record<string, Step[]>): HTMLElement {
  const given = route['x-tandem-try']
  const path = field('Path', given.path)
  const body = given.body === undefined ? undefined : field('Body', json(given.body), lines(json(given.body)))
  return panel('Send', [path.el, ...(body ? [body.el] : [])], async (out) => {
    let values = session.values
    const steps = stepsOf(route, preparations)
    let clients
    if (steps.length > 0) {
      clients = await session.clients()
      values = await prepare(steps, clients, session.values)
    }
    const first = all.find((r) => r.operationId === given.after)
    if (first) await ask(first, first['x-tandem-try'].path, first['x-tandem-try'].body, session, values)
    const r = await ask(route, path.value(), body && JSON.parse(body.value()), session, values)
    out.append(result(`${r.status} ${r.statusText}`, await r.json(), r.ok ? 'good' : 'bad'))
    if (clients) await tidy(clients, values, session.values)
  }).el
}

/** An event that the reader sends. */
export function trySending(event: SocketEvent, session: Session, preparations: Record<string, Step[]>): HTMLElement {
  const text = json(event['x-tandem-try'].body)
  const payload = field('Payload', text, lines(text))
  return panel('Send', [payload.el], async (out) => {
    const clients = await session.clients()
    let values = await prepare(stepsOf(event, preparations), clients, session.values)
    const told: Told[] = []
    const stop = session.on((t) => t.event !== 'getOnlineUsers' && told.push(t))
    try {
      const reply = await send(event, fill(JSON.parse(payload.value()), values), clients.me)
      values = learned(reply, values)
      out.append(result(event['x-tandem-try'].ack ? 'Acknowledged' : 'Sent', reply, 'good'))
      await new Promise((resolve) => setTimeout(resolve, LISTEN))
    } finally {
      stop()
      for (const t of told) out.append(result(`${t.event} to ${who[t.to]}`, t.args))
      await tidy(clients, values, session.values)
    }
  }).el
}

/** An event that the server sends: whatever brings it about is done. */
export function tryHearing(event: SocketEvent, all: SocketEvent[], session: Session, preparations: Record<string, Step[]>): HTMLElement {
  return panel('Bring it about', [], async (out) => {
    const { cause, at } = event['x-tandem-try']
    if (cause === 'connect') session.close()
    let stop = () => {}
    const heard = new Promise<Told>((resolve, reject) => {
      const timer = setTimeout(() => reject(new TandemError('timeout', `${event.name} did not come.`)), ARRIVES_WITHIN)
      const off = session.on((t) => t.event === event.name && t.to === at && resolve(t))
      stop = () => (clearTimeout(timer), off())
    })
    heard.catch(() => {}) // what went wrong before is told instead
    try {
      const clients = await session.clients()
      const values = cause === 'connect' ? session.values : await bringAbout(event, all, preparations, clients, session.values)
      const t = await heard
      out.append(result(`${t.event} to ${who[t.to]}`, t.args, 'good'))
      await tidy(clients, values, session.values)
    } finally {
      stop()
    }
  }).el
}
