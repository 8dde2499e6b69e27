// Ten thousand connections that never finish their handshake: they cost bounded
// memory, are closed when their time is over, and disturb nobody ("Bad input",
// O4). In a file of its own, since it needs most of the files that a process
// may open.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { test } from 'node:test';
import WebSocket from 'ws';
import { atEnd } from '../lib/atend.mjs';
import { mintToken, SECRET, startTandem, unique } from '../lib/server.mjs';
import { assertFree, call, client, hangUp, join, pair, settled } from '../lib/clients.mjs';

const upgrade = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
  + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** Where each of them stops. */
const HALFWAY = [
  '', // connected, and silent
  'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: a hea', // in the middle of its headers
  upgrade('/ws?auth=frame'), // upgraded, and never says who it is
  upgrade('/socket.io/?EIO=4&transport=websocket'), // the same, never connects to the namespace
];

test('O4: 10,000 connections that never finish their handshake', async (t) => {
  const server = await startTandem({ secret: SECRET, flags: { 'handshake-timeout': '4s', 'admin-listen': '127.0.0.1:0' } });
  atEnd(t, () => server.stop());
  const up = await server.waitLog((r) => / is up$/.test(r.msg));
  const admin = /^(http:\S+)\/metrics/.exec(up.operators)[1];
  const memory = async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${admin}/metrics`)).text())[1]);

  const [a, b] = await pair(t, server, 'base-ws', 'json');
  const { callId } = await call(a, b);
  const before = await memory();

  // A system that allows a process fewer files gets as many as it can open.
  const files = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  const n = Math.min(10_000, files === 'unlimited' ? Infinity : Number(files) - 500);
  const closed = [];
  const lazy = [];
  atEnd(t, () => lazy.forEach((s) => s.destroy()));
  while (lazy.length < n) {
    // Some at a time: what is held up to scrutiny is the server, not the backlog of its port.
    const some = Array.from({ length: Math.min(250, n - lazy.length) }, (_, i) => {
      const s = net.connect(server.port, '127.0.0.1');
      s.on('error', () => {}); // close follows
      s.resume();
      closed.push(new Promise((resolve) => s.once('close', resolve)));
      lazy.push(s);
      return new Promise((resolve) => {
        s.once('close', resolve);
        s.once('connect', () => {
          s.write(HALFWAY[i % HALFWAY.length]);
          resolve();
        });
      });
    });
    await Promise.all(some);
  }
  const grown = (await memory()) - before;
  assert.ok(grown < 200e6, `${(grown / 1e6).toFixed(0)} MB for ${n} of them`);

  // Those who are there notice nothing, and whoever comes gets in.
  await settled(a, b);
  for (const kind of ['base-ws', 'json']) {
    const c = client(t, server, kind, unique(kind));
    await c.open();
    await c.sync();
  }
  // The server closes every one of them.
  await Promise.all(closed);
  await settled(a, b);
  a.quiet('(disconnect)', 'call:end');
  b.quiet('(close)', 'call:end', 'call:peer');
  await hangUp(b, a, callId);
  await assertFree(a, await join(t, server, 'json'));
});

test('O4: more Socket.IO handshakes than may be unfinished: the oldest give way, whoever comes gets in', async (t) => {
  const most = 40;
  const server = await startTandem({ secret: SECRET, flags: { 'max-pending': most, 'handshake-timeout': '1m' } });
  atEnd(t, () => server.stop());
  const [a, b] = await pair(t, server, 'base-poll', 'ext');
  const { callId } = await call(a, b);

  const polling = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const sids = [];
  const flood = async (n) => {
    for (let i = 0; i < n; i++) {
      const r = await fetch(polling);
      assert.equal(r.status, 200, 'nobody is kept out');
      sids.push(JSON.parse((await r.text()).slice(1)).sid);
    }
  };
  // Over WebSocket: closed so that a client of good faith comes back.
  const first = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`);
  const gone = new Promise((resolve, reject) => first.once('close', resolve).once('error', reject));
  await new Promise((resolve) => first.once('message', resolve));
  await flood(3 * most);
  assert.equal(await gone, 1001);

  // In the middle of it people come, by every transport.
  for (const kind of ['base', 'base-ws', 'base-poll', 'json']) {
    await (await join(t, server, kind, unique(kind))).sync();
    await flood(most);
  }
  // Those that gave way are over, the last ones may still finish.
  const post = (sid) => fetch(`${polling}&sid=${sid}`, { method: 'POST', body: `40{"token":"${mintToken(unique('late'))}"}` });
  assert.deepEqual(await (await post(sids[0])).json(), { code: 1, message: 'Session ID unknown' });
  const last = sids.at(-1);
  assert.equal((await post(last)).status, 200);
  assert.match(await (await fetch(`${polling}&sid=${last}`)).text(), /^40\{"sid":/);

  await settled(a, b);
  a.quiet('(disconnect)', 'call:end');
  b.quiet('(disconnect)', 'call:end', 'call:peer');
  await hangUp(b, a, callId);
});
