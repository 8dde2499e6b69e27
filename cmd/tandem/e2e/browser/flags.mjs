/**
 * Windows for tests in a browser, over those of lib/server.mjs: none runs out
 * by itself while pages load and encode video on a machine that has other things
 * to do. Tests of what happens when one does set their own.
 */
export const FLAGS = Object.freeze({
  'ring-timeout': '2m',
  'resume-window': '30s',
  'offline-grace': '500ms',
  'ping-interval': '2s',
  'ping-timeout': '4s',
  'call-ping-interval': '500ms',
  'call-ping-timeout': '4s',
  'typing-expiry': '6s',
  'handshake-timeout': '30s',
});
