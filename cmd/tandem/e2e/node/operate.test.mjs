// The binary as operators run it: tokens from the command line, HTTPS made at
// start, draining, rings that wait for a phone to wake (C5, C9, I3, I7, O2).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import https from 'node:https';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, tandemBinary, unique } from '../lib/server.mjs';
import { accept, assertFree, call, callUser, client, hangUp, join, pair, ring, settled } from '../lib/clients.mjs';

async function start(t, o) {
  const server = await startTandem(o);
  atEnd(t, () => server.stop());
  return server;
}

describe('operating', { concurrency: 3 }, () => {
  test('I3: "tandem token" mints what the server takes', async (t) => {
    const server = await start(t, { secret: SECRET });
    const user = unique('cli');
    const { stdout } = await promisify(execFile)(tandemBinary(), ['token', '--user', user, '--name', 'Cli Ent'], { env: { JWT_SECRET: SECRET, PATH: process.env.PATH } });
    const a = await join(t, server, 'base', user, { token: stdout.trim() });
    const b = await join(t, server, 'json');
    a.send('call:user', callUser(a, b));
    const [p] = await b.next('call:incoming');
    assert.equal(p.fromId, user);
    assert.equal(p.callerName, 'Cli Ent');
  });

  test('I7: --tls-dev serves both dialects and the page over HTTPS', async (t) => {
    const server = await start(t, { secret: SECRET, flags: { 'tls-dev': true } });
    assert.match(server.url, /^https:/);
    const status = await new Promise((resolve, reject) => https.get(`${server.url}/`, { rejectUnauthorized: false }, (r) => {
      r.resume();
      resolve(r.statusCode);
    }).on('error', reject));
    assert.equal(status, 200);
    const a = await join(t, server, 'base', undefined, { io: { rejectUnauthorized: false } });
    await a.upgraded();
    const b = await join(t, server, 'json', undefined, { ws: { rejectUnauthorized: false } });
    await assertFree(a, b);
  });

  test('O2, C9: SIGTERM tells extended clients to go elsewhere, sends no DISCONNECT, and ends in time', async (t) => {
    const server = await startTandem({ flags: { 'drain-timeout': '2s' } });
    atEnd(t, () => server.stop());
    const [e, j] = await pair(t, server, 'ext', 'json');
    const b = await join(t, server, 'base');
    const { callId } = await call(e, j);
    const began = Date.now();
    const stopped = server.stop();
    for (const c of [e, j]) {
      const [p] = await c.next('server:drain');
      assert.ok(p.reconnectWithinMs > 0 && p.reconnectWithinMs <= 2000, `${p.reconnectWithinMs}`);
    }
    // To the client it is a lost transport: it would come back by itself.
    const [why] = await b.next('(disconnect)');
    assert.notEqual(why, 'io server disconnect');
    assert.equal((await j.next('(close)'))[0], 1001);
    await stopped;
    assert.ok(Date.now() - began < 2600, `${Date.now() - began} ms`);
    for (const c of [e, j]) c.quiet('call:end');
    b.quiet('server:drain');
    assert.ok(callId);
  });

  for (const kind of ['base', 'json', 'base-poll']) {
    test(`C5 ${kind}: with --offline-ring, a device that wakes up rings`, async (t) => {
      const server = await start(t, { flags: { 'offline-ring': '3s' } });
      const a = await join(t, server, 'json');
      const user = unique('asleep');
      const { callId, state } = await a.ask('call:user', callUser(a, user));
      assert.equal(state, 'ringing');
      a.quiet('call:ringing', 'call:unavailable');
      const b = await join(t, server, kind, user);
      assert.equal((await b.next('call:incoming'))[0].callId, callId);
      assert.deepEqual(await a.next('call:ringing'), [{ callId, devices: 1 }]);
      await accept(b, a, callId);
      await hangUp(b, a, callId);
    });
  }

  test('C5: cancelled while asleep: the late device gets nothing', async (t) => {
    const server = await start(t, { flags: { 'offline-ring': '3s' } });
    for (const ka of ['base', 'json']) {
      const a = await join(t, server, ka);
      const user = unique('asleep');
      a.send('call:user', callUser(a, user));
      a.send('call:end', { to: user, from: a.user });
      await a.sync();
      const b = await join(t, server, 'base', user);
      await settled(a, b);
      b.quiet('call:incoming', 'call:end');
      a.quiet('call:unavailable', 'call:end');
      await assertFree(a, b);
    }
  });

  test('C5: nobody woke up: offline, after the wait', async (t) => {
    const server = await start(t, { flags: { 'offline-ring': '400ms' } });
    for (const ka of ['base', 'ext']) {
      const a = await join(t, server, ka);
      const user = unique('asleep');
      const began = Date.now();
      a.send('call:user', callUser(a, user));
      const [p] = await a.next('call:unavailable');
      assert.equal(p.code, 'offline');
      assert.ok(Date.now() - began >= 350);
      const b = await join(t, server, 'base', user);
      await b.sync();
      b.quiet('call:incoming', 'call:end');
      await assertFree(b, a);
    }
  });

  test('4: /ws without a subprotocol is served; compression is off unless asked for', async (t) => {
    const server = await start(t, {});
    const ws = new WebSocket(`${server.ws}?userId=${unique('plain')}`, { perMessageDeflate: true });
    atEnd(t, () => ws.terminate());
    const first = await new Promise((resolve, reject) => {
      ws.once('message', (m) => resolve(JSON.parse(m)));
      ws.once('error', reject);
    });
    assert.equal(first.event, 'hello');
    assert.equal(ws.extensions, '');
    assert.equal(ws.protocol, '');
  });

  test('1.2: errors over HTTP have one shape', async (t) => {
    const server = await start(t, { secret: SECRET });
    const headers = { Origin: 'https://evil.example.net' };
    const ws = new WebSocket(server.ws, { headers });
    const [status, body] = await new Promise((resolve, reject) => {
      ws.on('error', reject);
      ws.on('unexpected-response', (_, res) => {
        let text = '';
        res.on('data', (d) => (text += d));
        res.on('end', () => resolve([res.statusCode, JSON.parse(text)]));
      });
    });
    const rest = await fetch(`${server.url}/api/users/online`, { headers });
    assert.equal(status, 403);
    assert.equal(rest.status, 403);
    assert.deepEqual(body, await rest.json());
    assert.equal(body.code, 'origin_not_allowed');
  });

  test('1: a flood of connects and goodbyes leaves nobody behind', async (t) => {
    const server = await start(t, {});
    const w = await join(t, server, 'json', 'watcher');
    for (let round = 0; round < 5; round++) {
      const all = await Promise.all(Array.from({ length: 40 }, (_, i) => join(t, server, ['base', 'json', 'base-ws', 'ext-poll'][i % 4], unique('flood'))));
      all.forEach((c) => c.leave());
      w.forget();
      const list = async () => (await fetch(`${server.url}/api/users/online`)).json();
      let now = await list();
      if (now.length > 1) [now] = await w.next('getOnlineUsers', (l) => l.length === 1);
      assert.deepEqual(now, ['watcher']);
    }
    const c = client(t, server, 'base', unique('after'));
    await c.open();
    const { callId } = await ring(c, w);
    await hangUp(c, w, callId, 'cancelled');
  });
});
