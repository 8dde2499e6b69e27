/**
 * @tandem-rtc/client: calls, messages, presence and typing over a Tandem server.
 */
export { Tandem, type ClientEvents, type TandemOptions } from './tandem.js'
export { Call } from './call.js'
export type { CallEvents, CallState, CallTiming, Party } from './call-types.js'
export type { Calls } from './calls.js'
export { Connection, SUBPROTOCOL, type ConnectionOptions, type ConnectionState, type SocketLike } from './connection.js'
export { Backoff, type BackoffOptions } from './backoff.js'
export { claimDevice, type DeviceIdentity } from './device.js'
export { TandemError, finalCloseCodes, refusals, type ClientCode, type ErrorCode, type ServerCode } from './errors.js'
export { LiveCallMemory, type LiveCall } from './memory.js'
export type { Messages, Outgoing } from './messages.js'
export type { Presence } from './presence.js'
export type { Typing } from './typing.js'
export { browserMedia, listDevices, onDeviceChange, type Device, type DeviceChoice, type MediaSource } from './rtc/media.js'
export { StatsReader, type CallStats, type Quality } from './rtc/stats.js'
export { parseSignal, type Description, type ParsedSignal, type PeerMedia } from './rtc/signals.js'
export * from './events.js'
