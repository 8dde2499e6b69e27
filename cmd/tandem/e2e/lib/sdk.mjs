// The SDK as apps use it, bundled from its sources, over sockets that a test can
// cut.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import WebSocket from 'ws';
import { atEnd } from './atend.mjs';
import { mintToken } from './server.mjs';

const source = fileURLToPath(new URL('../../../../web/client/src/index.ts', import.meta.url));

async function load() {
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-sdk-'));
  try {
    const outfile = path.join(dir, 'sdk.mjs');
    await build({ entryPoints: [source], outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' });
    return await import(pathToFileURL(outfile));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const { Tandem, TandemError } = await load();

/**
 * A client of the SDK. c.cut() breaks its socket, c.end() stops it as a closed
 * page does.
 */
export function app(t, server, user, { cursor, deviceId = `${user}-${Math.random().toString(36).slice(2)}` } = {}) {
  let socket;
  const c = new Tandem({
    url: server.url,
    token: () => mintToken(user),
    device: { id: deviceId, copied: false },
    backoff: { min: 20, max: 300 },
    createSocket(url, protocols) {
      socket = new WebSocket(url, protocols);
      socket.on('error', () => {}); // close follows
      return socket;
    },
  });
  c.messages.cursor = cursor;
  c.cut = () => socket?.terminate();
  c.end = () => {
    c.close();
    socket?.terminate();
  };
  atEnd(t, () => c.end());
  return c;
}
