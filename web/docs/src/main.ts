import './style.css'
import { add, code, h, json, prose } from './dom.js'
import { samples } from './samples.js'
import { Session } from './session.js'
import { shape } from './shapes.js'
import { eventsOf, routesOf, webhooksOf, type AsyncApi, type OpenApi, type Route, type Schema, type SocketEvent, type Webhook } from './spec.js'
import { tryHearing, tryRoute, trySending } from './try.js'

interface Section {
  id: string
  group: string
  /** In the index: what it is called, and words to find it by. */
  title: string
  mark?: string
  words: string
  el: HTMLElement
}

/** The tag of webhooks, and their group. */
const WEBHOOKS = 'Webhooks'

const redraw = new Set<() => void>()

async function load<T>(name: string): Promise<T> {
  const r = await fetch(`./${name}`)
  if (!r.ok) throw new Error(`${name}: ${r.status}`)
  return (await r.json()) as T
}

function article(id: string, ...children: Parameters<typeof add>[1]): HTMLElement {
  return h('article', { id, tabindex: -1 }, children)
}

const badge = (text: string, kind = '') => h('span', { class: `badge ${kind}` }, text)

function codes(list: string[] | undefined): HTMLElement | undefined {
  if (!list || list.length === 0) return undefined
  return h('p', { class: 'codes' }, 'Errors: ', ...list.flatMap((c, i) => [i > 0 ? ' ' : '', h('a', { href: '#codes' }, h('code', null, c))]))
}

function routeSection(route: Route, all: Route[], doc: OpenApi, session: Session): Section {
  const known = doc.components.schemas
  const access = route.security.flatMap((s) => Object.keys(s))
  const params = route.parameters ?? []
  const good = Object.entries(route.responses).filter(([status]) => status < '300')
  const bad = Object.entries(route.responses).filter(([status]) => status >= '400')
  const given = route['x-tandem-try']
  const el = article(
    route.operationId,
    h('h3', null, badge(route.method, `method ${route.method.toLowerCase()}`), ' ', h('code', null, route.path)),
    h('p', { class: 'lead' }, `${route.summary}. `, ...(prose(route.description ?? '') as string[])),
    h('p', { class: 'badges' }, badge(access.includes('serverKey') ? 'server key' : access.length > 0 ? 'token or cookie' : 'anybody')),
    params.length > 0 && [
      h('h4', null, 'Parameters'),
      h(
        'ul',
        { class: 'params' },
        params.map((p) => h('li', null, h('code', { class: 'name' }, p.name), h('span', { class: 'kind' }, ` in the ${p.in}`), h('p', null, ...(prose(p.description) as string[])))),
      ),
    ],
    route.requestBody && [h('h4', null, 'Body'), shape(route.requestBody.content['application/json'].schema, known)],
    good.map(([status, r]) => [h('h4', null, `Answer: ${status} ${r.description}`), shape(r.content['application/json'].schema, known)]),
    codes(bad.flatMap(([, r]) => r['x-codes'] ?? [])),
    samples([['curl', given.curl], ['JavaScript', given.js]], session, redraw),
    tryRoute(route, all, session, doc['x-tandem'].preparations),
  )
  return {
    id: route.operationId,
    group: `REST: ${route.tags[0] ?? ''}`,
    title: route.path.replace(/^\/api\//, ''),
    mark: route.method,
    words: `${route.method} ${route.path} ${route.summary}`,
    el,
  }
}

function webhookSection(hook: Webhook, doc: OpenApi): Section {
  const known = doc.components.schemas
  const { schema, example } = hook.requestBody.content['application/json']
  const el = article(
    hook.operationId,
    h('h3', null, badge('to a back end', 'down'), ' ', h('code', null, hook.type)),
    h('p', { class: 'lead' }, ...(prose(`${hook.summary}.`) as string[])),
    h('h4', null, 'Body'),
    shape(schema, known),
    h('h4', null, 'Example'),
    code(json(example), `Example of ${hook.type}`),
    Object.entries(hook.responses).map(([status, r]) => [
      h('h4', null, `Answer: ${status}`),
      r.content ? shape(r.content['application/json'].schema, known) : h('p', null, r.description),
    ]),
  )
  return { id: hook.operationId, group: WEBHOOKS, title: hook.type, mark: 'POST', words: `webhook ${hook.type} ${hook.summary}`, el }
}

function argumentsOf(event: SocketEvent, known: Record<string, Schema>): HTMLElement[] {
  return event.args.map((a, i) => {
    const label = event.args.length > 1 ? `Argument ${i + 1}` : event['x-tandem-try'].to === 'server' ? 'Payload' : 'Argument'
    return h('div', null, h('h4', null, label, i >= event.least ? h('span', { class: 'optional' }, ' optional') : undefined), shape(a, known))
  })
}

function eventSection(event: SocketEvent, all: SocketEvent[], doc: AsyncApi, session: Session): Section {
  const known = doc.components.schemas
  const given = event['x-tandem-try']
  const up = given.to === 'server'
  const preparations = doc['x-tandem'].preparations
  const tags = event.tags.map((t) => t.name)
  const frame = event.example && json({ event: event.name, args: event.example, ...(given.ack ? { id: 1 } : {}) })
  const runs = up ? given.body !== undefined : given.cause !== undefined
  const el = article(
    event.key,
    h('h3', null, badge(up ? 'to the server' : 'to clients', up ? 'up' : 'down'), ' ', h('code', null, event.name)),
    h('p', { class: 'lead' }, ...(prose(event.summary) as string[])),
    h('p', { class: 'badges' }, tags.slice(1).map((t) => badge(t))),
    argumentsOf(event, known),
    event.ack && [h('h4', null, 'Acknowledgement'), shape(event.ack, known)],
    codes(event['x-codes']),
    (given.socketio ?? given.sdk ?? frame) !== undefined &&
      samples([['socket.io-client', given.socketio], ['SDK', given.sdk], ['/ws frame', frame]], session, redraw),
    runs && (up ? trySending(event, session, preparations) : tryHearing(event, all, session, preparations)),
  )
  return {
    id: event.key,
    group: `Events: ${tags[0] ?? ''}`,
    title: event.name,
    mark: up ? '→' : '←',
    words: `${event.name} ${event.summary} ${tags.join(' ')}`,
    el,
  }
}

function table(head: string[], rows: (string | HTMLElement)[][]): HTMLElement {
  return h(
    'div',
    { class: 'wide', tabindex: 0, role: 'region', 'aria-label': head.join(', ') },
    h('table', null, h('thead', null, h('tr', null, head.map((t) => h('th', null, t)))), h('tbody', null, rows.map((r) => h('tr', null, r.map((c) => h('td', null, c)))))),
  )
}

function tables(doc: AsyncApi): Section[] {
  return [
    {
      id: 'codes', group: 'Tables', title: 'Error codes', words: 'errors codes status',
      el: article('codes', h('h3', null, 'Error codes'), table(['code', 'HTTP', 'message'], doc['x-codes'].map((c) => [h('code', null, c.code), String(c.status), c.message]))),
    },
    {
      id: 'closes', group: 'Tables', title: 'Close codes of /ws', words: 'close codes websocket',
      el: article('closes', h('h3', null, 'Close codes of /ws'),
        h('p', { class: 'lead' }, 'A client that gets a final one does not come back by itself.'),
        table(['code', 'final', 'reason', 'meaning'], doc['x-close-codes'].map((c) => [String(c.code), c.final ? 'final' : '', h('code', null, c.reason), c.means]))),
    },
  ]
}

/** Who the reader is. */
function credentials(session: Session): HTMLElement {
  const input = (id: string, label: string, value: string, hint: string) => {
    const el = h('input', { id, type: 'password', value, autocomplete: 'off', spellcheck: 'false', placeholder: hint })
    return { row: h('label', { for: id }, h('span', null, label), el), el }
  }
  const token = input('token', 'Your token', session.token, 'a JWT')
  const peer = input('peer-token', 'Of a second person', session.peerToken, 'a JWT of another user')
  const key = input('server-key', 'Server key', session.key, 'for /api/server')
  const state = h('p', { class: 'state' })
  const say = () => {
    state.textContent = session.open
      ? `This server believes names: examples run as ${session.values['me']} and ${session.values['peer']}.`
      : session.token
        ? `Examples run as ${session.values['me']}${session.peerToken ? ` and ${session.values['peer']}` : ''}.`
        : 'This server wants tokens: give one to run the examples. Its cookie is used if you have one.'
  }
  say()
  const form = h('form', { class: 'credentials' }, token.row, peer.row, key.row, h('button', { type: 'submit' }, 'Use'))
  form.addEventListener('submit', (e) => {
    e.preventDefault()
    session.use({ token: token.el.value, peerToken: peer.el.value, key: key.el.value })
    void session.begin().then(() => {
      say()
      for (const draw of redraw) draw()
    })
  })
  return h('div', { class: 'who' }, state, h('details', { open: !session.named }, h('summary', null, 'Credentials'), form,
    h('p', { class: 'hint' }, 'They stay in this tab, and are sent to this server only.')))
}

function index(sections: Section[]): HTMLElement {
  const search = h('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search routes and events', autocomplete: 'off' })
  const groups = new Map<string, HTMLElement>()
  const list = h('div', { class: 'groups' })
  const none = h('p', { class: 'none', hidden: true }, 'Nothing is called so.')
  const links = sections.map((s) => {
    let group = groups.get(s.group)
    if (!group) {
      group = h('ul', null)
      groups.set(s.group, group)
      list.append(h('section', null, h('h2', null, s.group), group))
    }
    const item = h('li', null, h('a', { href: `#${s.id}` }, s.mark ? h('span', { class: 'mark' }, s.mark) : undefined, h('span', null, s.title)))
    group.append(item)
    return { item, words: s.words.toLowerCase() }
  })
  search.addEventListener('input', () => {
    const words = search.value.toLowerCase().split(/\s+/)
    for (const l of links) l.item.hidden = !words.every((w) => l.words.includes(w))
    for (const section of list.children) (section as HTMLElement).hidden = ![...section.querySelectorAll('li')].some((li) => !li.hidden)
    none.hidden = links.some((l) => !l.item.hidden)
  })
  const box = h('details', { class: 'index', open: true }, h('summary', null, 'Contents'), search, h('nav', { 'aria-label': 'Contents' }, list, none))
  const narrow = matchMedia('(max-width: 860px)')
  if (narrow.matches) box.open = false
  narrow.addEventListener('change', () => (box.open = !narrow.matches))
  list.addEventListener('click', () => narrow.matches && (box.open = false))
  return box
}

function intro(rest: OpenApi, socket: AsyncApi, session: Session): HTMLElement {
  return h(
    'header', { class: 'intro' },
    h('h1', null, 'Tandem reference'),
    h('p', null, ...(prose(socket.info.description) as string[])),
    h('p', null, ...(prose(rest.info.description) as string[])),
    h('p', null, 'For programs: ', h('a', { href: './openapi.json' }, 'OpenAPI 3.1'), ' and ', h('a', { href: './asyncapi.json' }, 'AsyncAPI 3'), '.'),
    credentials(session),
  )
}

async function main(): Promise<void> {
  const [rest, socket] = await Promise.all([load<OpenApi>('openapi.json'), load<AsyncApi>('asyncapi.json')])
  const session = new Session(socket['x-tandem'].values)
  await session.begin()
  const routes = routesOf(rest)
  const events = eventsOf(socket)
  const sections = [
    ...routes.map((r) => routeSection(r, routes, rest, session)),
    ...events.map((e) => eventSection(e, events, socket, session)),
    ...webhooksOf(rest).map((w) => webhookSection(w, rest)),
    ...tables(socket),
  ]
  const order = [...new Set(sections.map((s) => s.group))]
  sections.sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group))
  const body = h('main', null, intro(rest, socket, session))
  for (const group of order)
    add(body, [h('h2', null, group), sections.filter((s) => s.group === group).map((s) => s.el)])
  document.body.append(h('div', { class: 'page' }, index(sections), body))
  addEventListener('pagehide', () => session.close())
  // The page is made after the browser has looked for the place in its address.
  if (location.hash.length > 1) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView()
}

main().catch((err: unknown) => {
  document.body.append(h('main', null, h('h1', null, 'Tandem reference'), code(String(err), 'Error')))
})
