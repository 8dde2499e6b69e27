import type { Actor, SocketEvent, Step, Values } from './spec.js'

/** Runs the examples of the documents: for this page, and for the tests. */

/** Somebody who can send events; on the page a Connection of the SDK. */
export interface Client {
  request(event: string, payload: unknown): Promise<unknown>
  volatile(event: string, payload: unknown): void
}

export type Clients = Record<Actor, Client>

/** Puts values in the place of ${…} in every text of a payload. */
export function fill<T>(template: T, values: Values): T {
  if (typeof template === 'string') return template.replace(/\$\{(\w+)\}/g, (all, name: string) => values[name] ?? all) as T
  if (Array.isArray(template)) return template.map((v) => fill(v as unknown, values)) as T
  if (typeof template === 'object' && template !== null)
    return Object.fromEntries(Object.entries(template).map(([k, v]) => [k, fill(v as unknown, values)])) as T
  return template
}

/** Takes the steps that an example needs; returns the values that came of them. */
export async function prepare(steps: Step[], clients: Clients, values: Values): Promise<Values> {
  const known = { ...values }
  for (const step of steps) {
    const reply = await clients[step.as].request(step.event, fill(step.payload, known))
    if (!step.keep || !step.from) continue
    let found: unknown = reply
    for (const key of step.from.split('.')) found = (found as Record<string, unknown> | undefined)?.[key]
    if (typeof found === 'string') known[step.keep] = found
  }
  return known
}

/** Sends an event to the server as its example does. */
export async function send(event: SocketEvent, payload: unknown, client: Client): Promise<unknown> {
  if (event['x-tandem-try'].ack) return client.request(event.name, payload)
  client.volatile(event.name, payload)
  return undefined
}

/** Ends the call that an example has left; before it there were other values. */
export async function tidy(clients: Clients, values: Values, before: Values): Promise<void> {
  const { callId } = values
  if (!callId || callId === before['callId']) return
  for (const client of [clients.me, clients.peer])
    await client.request('call:end', { callId }).catch(() => {}) // it has ended, or was never answered
}

/** How long an event that an example brings about may take to arrive, in milliseconds. */
export const ARRIVES_WITHIN = 3000

/** What happens without an example of its own: its name, and what is sent. */
const special: Record<string, { event: string; payload: unknown; ack: boolean }> = {
  offline: { event: 'call:user', payload: { to: '${third}', signal: { type: 'offer', sdp: 'v=0' } }, ack: true },
  nonsense: { event: 'call:user', payload: {}, ack: false },
}

/**
 * Brings an event about that the server sends. Returns the values that came of it;
 * who waits for the event has to listen before.
 */
export async function bringAbout(
  event: SocketEvent,
  all: SocketEvent[],
  preparations: Record<string, Step[]>,
  clients: Clients,
  values: Values,
): Promise<Values> {
  const { cause } = event['x-tandem-try']
  const other = cause ? special[cause] : undefined
  if (other) {
    const payload = fill(other.payload, values)
    if (other.ack) await clients.me.request(other.event, payload).catch(() => {}) // refused, as it is meant
    else clients.me.volatile(other.event, payload)
    return values
  }
  const source = all.find((e) => e.name === cause && e['x-tandem-try'].to === 'server')
  if (!source) throw new Error(`There is no example that brings ${event.name} about.`)
  const known = await prepare(stepsOf(source, preparations), clients, values)
  return learned(await send(source, fill(source['x-tandem-try'].body, known), clients.me), known)
}

/** The values after a reply: a call that it has begun is to be ended. */
export function learned(reply: unknown, values: Values): Values {
  const callId = (reply as { callId?: unknown } | undefined)?.callId
  return typeof callId === 'string' ? { ...values, callId } : values
}

/** What an example needs. */
export function stepsOf(item: { 'x-tandem-try': { before?: string } }, preparations: Record<string, Step[]>): Step[] {
  const { before } = item['x-tandem-try']
  return before ? (preparations[before] ?? []) : []
}
