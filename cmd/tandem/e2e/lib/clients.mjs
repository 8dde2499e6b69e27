// Clients as people have them: socket.io-client in the base and the extended
// profile, and the plain JSON dialect, behind one small interface (recorder.mjs)
// so that a test can put any kind on either side of a call. sync() of each comes
// back when the server has handled all that the client sent and the client has
// all that was queued for it until then.
import { atEnd } from './atend.mjs';
import { JSONClient } from './jsonws.mjs';
import { mintToken, unique } from './server.mjs';
import { SocketIOClient } from './socketio.mjs';

export * from './calls.mjs';
export { Refused } from './recorder.mjs';
export { JSONClient } from './jsonws.mjs';
export { RawClient, SocketIOClient } from './socketio.mjs';

/** Every kind of client. */
export const KINDS = Object.freeze({
  base: { dialect: 'sio' }, // polling first, then the upgrade: the default
  'base-ws': { dialect: 'sio', transports: ['websocket'] },
  'base-poll': { dialect: 'sio', transports: ['polling'] },
  ext: { dialect: 'sio', extended: true },
  'ext-ws': { dialect: 'sio', extended: true, transports: ['websocket'] },
  'ext-poll': { dialect: 'sio', extended: true, transports: ['polling'] },
  json: { dialect: 'json', extended: true },
});

/**
 * Makes a client that is not connected yet; the test's end closes it. With a
 * server that has a secret it gets a token, unless o.token says otherwise
 * (null: none).
 */
export function client(t, server, kind, user, o = {}) {
  const options = { ...KINDS[kind], kind, user, ...o };
  if (options.token === undefined && server.options.secret) options.token = mintToken(user, o.claims);
  if (options.token === null) delete options.token;
  const c = options.dialect === 'json' ? new JSONClient(server, options) : new SocketIOClient(server, options);
  atEnd(t, () => c.close());
  return c;
}

/** client(), connected. A user that is not named gets a name of its own. */
export function join(t, server, kind, user = unique(kind), o = {}) {
  return client(t, server, kind, user, o).open();
}

/** Two clients of two new users. */
export async function pair(t, server, callerKind, calleeKind, o = {}) {
  const [a, b] = await Promise.all([
    join(t, server, callerKind, unique('alice'), o.caller),
    join(t, server, calleeKind, unique('bob'), o.callee),
  ]);
  return [a, b];
}
