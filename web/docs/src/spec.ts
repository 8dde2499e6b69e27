/** What this page reads of the two documents. */

export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema | Schema[]
  additionalProperties?: Schema
  anyOf?: Schema[]
  allOf?: Schema[]
}

export interface Step {
  as: Actor
  event: string
  payload: unknown
  keep?: string
  from?: string
}

export type Actor = 'me' | 'peer'

/** What differs from reader to reader, by the names that stand in the documents as ${…}. */
export type Values = Record<string, string>

export interface Tandem {
  values: Values
  preparations: Record<string, Step[]>
}

export interface Route {
  method: string
  path: string
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: { name: string; in: string; required: boolean; description: string; schema: Schema }[]
  requestBody?: { content: { 'application/json': { schema: Schema } } }
  responses: Record<string, { description: string; content: { 'application/json': { schema: Schema } }; 'x-codes'?: string[] }>
  'x-tandem-try': { path: string; curl: string; js: string; body?: unknown; before?: string; after?: string }
}

/** What a back end is told or asked. */
export interface Webhook {
  type: string
  operationId: string
  summary: string
  requestBody: { content: { 'application/json': { schema: Schema; example: unknown } } }
  responses: Record<string, { description: string; content?: { 'application/json': { schema: Schema } } }>
}

export interface OpenApi {
  info: { title: string; description: string }
  paths: Record<string, Record<string, Omit<Route, 'method' | 'path'>>>
  webhooks: Record<string, { post: Omit<Webhook, 'type'> }>
  components: { schemas: Record<string, Schema> }
  'x-tandem': Tandem
}

interface Arguments {
  items?: Schema[]
  minItems?: number
}

interface Message {
  name: string
  /** Of two forms the first is that of extended devices. */
  payload: Arguments & { anyOf?: Arguments[] }
  examples?: { payload: unknown[] }[]
}

export interface SocketEvent {
  key: string
  name: string
  summary: string
  tags: { name: string }[]
  'x-codes'?: string[]
  'x-tandem-try': {
    to: 'server' | 'client'
    ack: boolean
    socketio?: string
    sdk?: string
    body?: unknown
    before?: string
    cause?: string
    at?: Actor
  }
  args: Schema[]
  least: number
  ack: Schema | undefined
  example: unknown[] | undefined
}

export interface AsyncApi {
  info: { title: string; description: string }
  operations: Record<string, Pick<SocketEvent, 'summary' | 'tags' | 'x-codes' | 'x-tandem-try'>>
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> }
  'x-codes': { code: string; status: number; message: string }[]
  'x-close-codes': { code: number; final: boolean; reason: string; means: string }[]
  'x-tandem': Tandem
}

/** The routes in their order. */
export function routesOf(doc: OpenApi): Route[] {
  return Object.entries(doc.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, route]) => ({ ...route, method: method.toUpperCase(), path })),
  )
}

export function webhooksOf(doc: OpenApi): Webhook[] {
  return Object.entries(doc.webhooks).map(([type, { post }]) => ({ ...post, type }))
}

/** The events in their order; some names go both ways and stand twice. */
export function eventsOf(doc: AsyncApi): SocketEvent[] {
  return Object.entries(doc.operations).map(([key, op]) => {
    const message = doc.components.messages[key]
    const args = message?.payload.anyOf?.[0] ?? message?.payload
    const ack = doc.components.messages[`${key}.ack`]
    return {
      ...op,
      key,
      name: message?.name ?? key,
      args: args?.items ?? [],
      least: args?.minItems ?? 0,
      ack: ack?.payload.items?.[0],
      example: message?.examples?.[0]?.payload,
    }
  })
}
