import type { ServerCode } from './wire.js'

export type { ServerCode }

/** The codes that only a client can see. */
export type ClientCode =
  /** No reply within the request's time. */
  | 'timeout'
  /** The connection is closed for good, or was while the request waited. */
  | 'closed'
  /** The browser has no camera or microphone to give, or was told not to. */
  | 'media_denied'
  | 'media_missing'
  | 'media_busy'
  /** The page is not served over https or from localhost. */
  | 'media_insecure'

/** A code that a newer server may have is kept as it came. */
export type ErrorCode = ServerCode | ClientCode | (string & {})

/** Every error that this package throws or reports. */
export class TandemError extends Error {
  readonly code: ErrorCode
  /** The event that it answers, if it does. */
  readonly event: string | undefined

  constructor(code: ErrorCode, message?: string, event?: string) {
    super(message ?? code)
    this.name = 'TandemError'
    this.code = code
    this.event = event
  }

  /** Reads the `{code, message}` of an ack or an `error` event. */
  static from(raw: unknown, event?: string): TandemError {
    if (raw instanceof TandemError) return raw
    const { code, message } = (typeof raw === 'object' && raw !== null ? raw : {}) as Record<string, unknown>
    return new TandemError(
      typeof code === 'string' ? code : 'internal',
      typeof message === 'string' ? message : undefined,
      event,
    )
  }
}

/** Codes that refuse a connection for good: the same credentials fail again. */
export const refusals: ReadonlySet<string> = new Set([
  'unauthorized',
  'token_expired',
  'identity_mismatch',
  'origin_not_allowed',
  'forbidden',
])

/** Codes that end a connection which was there, for good. */
export const endings: ReadonlySet<string> = new Set(['closed', 'replaced', 'disconnected'])

/**
 * WebSocket close codes (RFC 6455 §7.4.2) after which a client stays away:
 * goodbye confirmed, no valid token, token expired, forbidden, and a socket
 * whose device has connected again elsewhere.
 */
export const finalCloseCodes: ReadonlyMap<number, ErrorCode> = new Map([
  [1000, 'closed'],
  [4401, 'unauthorized'],
  [4402, 'token_expired'],
  [4403, 'forbidden'],
  [4409, 'replaced'],
  [4410, 'disconnected'],
])
