/**
 * Windows for tests in a browser, over those of lib/server.mjs: short, but long
 * enough for a page that loads while two others encode video on two cores.
 */
export const FLAGS = Object.freeze({
  'ring-timeout': '20s',
  'resume-window': '8s',
  'offline-grace': '500ms',
  'ping-interval': '2s',
  'ping-timeout': '4s',
  'call-ping-interval': '500ms',
  'call-ping-timeout': '4s',
  'typing-expiry': '1500ms',
  'handshake-timeout': '10s',
});
