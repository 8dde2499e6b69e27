/**
 * Frames of the plain JSON dialect: one JSON object per WebSocket text message.
 *
 *   {"event":"call:user","args":[{…}],"id":7}     a request, or an event
 *   {"ack":7,"args":[{…}]}                        its reply
 *   {"ack":7,"error":{"code":"busy",…}}           or its refusal
 *
 * Server events that must arrive carry `seq`, rising by session.
 */
export interface EventFrame {
  event: string
  args: unknown[]
  id?: number
  seq?: number
}

export interface AckFrame {
  ack: number
  args?: unknown[]
  error?: unknown
}

/** Reads one frame; undefined if it is none of this protocol. */
export function parseFrame(text: unknown): EventFrame | AckFrame | undefined {
  if (typeof text !== 'string') return undefined
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof raw !== 'object' || raw === null) return undefined
  const frame = raw as Record<string, unknown>
  const args = Array.isArray(frame['args']) ? (frame['args'] as unknown[]) : []
  if (typeof frame['ack'] === 'number') {
    return frame['error'] === undefined
      ? { ack: frame['ack'], args }
      : { ack: frame['ack'], error: frame['error'] }
  }
  if (typeof frame['event'] !== 'string') return undefined
  const event: EventFrame = { event: frame['event'], args }
  if (typeof frame['seq'] === 'number') event.seq = frame['seq']
  return event
}

/**
 * The `/ws` URL below a base such as `https://calls.example.org/`. `auth=frame`
 * says that credentials come in the first frame: in a URL they would end up in
 * logs, and a browser can set no headers.
 */
export function socketUrl(base: string | URL): string {
  const url = new URL('ws', new URL(ensureSlash(String(base)), globalThis.location?.href))
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:'
  url.search = '?auth=frame'
  url.hash = ''
  return url.href
}

function ensureSlash(base: string): string {
  const bare = base.replace(/[?#].*$/, '')
  return bare.endsWith('/') ? bare : `${bare}/`
}
