// Limits (O4): rates, sessions, calls a minute, slow readers, connections.
import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { performance } from 'node:perf_hooks';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { RawClient, assertFree, call, callUser, client, hangUp, join, pair, refused, settled, to } from '../lib/clients.mjs';

async function start(t, flags, o = {}) {
  // Without stored messages receipts of any message are passed on: events to send.
  const server = await startTandem({ flags: { 'no-chat': true, ...flags }, ...o });
  atEnd(t, () => server.stop());
  return server;
}

describe('O4', { concurrency: 3 }, () => {
  test('O4: events over the rate are rate_limited; the socket stays, and recovers', async (t) => {
    const server = await start(t, { 'events-rate': 50, 'events-burst': 20 });
    for (const kind of ['json', 'ext', 'base-ws']) {
      const c = await join(t, server, kind);
      const b = await join(t, server, 'json');
      const results = await Promise.allSettled(Array.from({ length: 60 }, () => c.ask('messageSeen', { messageId: 'm', senderId: b.user })));
      const codes = results.filter((r) => r.status === 'rejected').map((r) => r.reason.code);
      assert.ok(codes.length >= 20 && codes.length <= 40, `${codes.length} of 60 refused`);
      assert.ok(codes.every((x) => x === 'rate_limited'), `${codes}`);
      // Tokens come back at 50 a second: asking goes through after a few tries.
      let tries = 0;
      for (;;) {
        try {
          await c.ask('messageSeen', { messageId: 'again', senderId: b.user });
          break;
        } catch (error) {
          assert.equal(error.code, 'rate_limited');
          assert.ok(++tries < 5000);
        }
      }
      c.quiet('(disconnect)', '(close)');
      const told = b.all('messageStatusUpdated').length;
      assert.ok(told >= 20 && told <= 45, `${told}`);
    }
  });

  test('O4: without acks, an extended client gets error events, a base one nothing', async (t) => {
    const server = await start(t, { 'events-rate': 0.1, 'events-burst': 5 });
    for (const [kind, want] of [['json', 10], ['ext', 10], ['base-ws', 0]]) {
      const c = await join(t, server, kind);
      for (let i = 0; i < 15; i++) c.send('messageSeen', { messageId: 'm', senderId: 'nobody' });
      await c.ask('messageSeen', { messageId: 'm', senderId: 'nobody' }).then(() => assert.fail('admitted'), (e) => assert.equal(e.code, 'rate_limited'));
      assert.equal(c.all('error').length, want);
      assert.ok(c.all('error').every(([p]) => p.code === 'rate_limited' && p.event === 'messageSeen'));
    }
  });

  test('O4: who goes on and on over the rate is closed; others are not', async (t) => {
    const server = await start(t, { 'events-rate': 1, 'events-burst': 10 });
    const other = await join(t, server, 'json');
    const j = await join(t, server, 'json');
    for (let i = 0; i < 400; i++) j.send('ping');
    assert.equal((await j.next('(close)'))[0], 4429);
    const b = await join(t, server, 'base-ws');
    for (let i = 0; i < 400; i++) b.send('messageSeen', { messageId: 'm', senderId: 'x' });
    await b.next('(disconnect)');
    await other.sync();
  });

  test('O4: too many sessions of one user', async (t) => {
    const server = await start(t, { 'sessions-per-user': 3 }, { secret: SECRET });
    const user = unique('many');
    const [a] = [await join(t, server, 'base', user), await join(t, server, 'json', user), await join(t, server, 'ext', user, { device: 'phone' })];
    for (const kind of ['base', 'base-poll', 'ext-ws']) {
      await assert.rejects(client(t, server, kind, user).open(), (e) => e.message === 'too_many_sessions' && e.data.code === 'too_many_sessions');
    }
    const j = client(t, server, 'json', user);
    await assert.rejects(j.open(), { closeCode: 4429, reason: 'too_many_sessions' });
    assert.equal((await j.next('error'))[0].code, 'too_many_sessions');
    // The same device again is no further one; others have their own.
    const again = await join(t, server, 'ext', user, { device: 'phone' });
    await again.sync();
    await join(t, server, 'base', unique('other'));
    // Room again.
    a.leave();
    await again.sync();
    const w = await join(t, server, 'json', unique('w'));
    const [s] = await w.ask('presence:watch', { users: [user] });
    if (s.devices > 2) await w.next('presence:update', (x) => x.devices === 2);
    await (await join(t, server, 'base', user)).sync();
  });

  test('O4: calls a minute, of one user over all its devices', async (t) => {
    const server = await start(t, { 'calls-per-minute': 4 });
    const user = unique('dialer');
    const [a1, a2] = [await join(t, server, 'json', user), await join(t, server, 'base', user)];
    const b = await join(t, server, 'base');
    for (let i = 0; i < 4; i++) {
      const a = i % 2 ? a1 : a2;
      a.send('call:user', callUser(a, b));
      const [{ callId }] = await b.next('call:incoming');
      await hangUp(a, b, callId, 'cancelled');
    }
    await refused(a1.ask('call:user', callUser(a1, b)), 'rate_limited');
    await refused(a2.ask('call:user', callUser(a2, b)), 'rate_limited');
    a2.send('call:user', callUser(a2, b));
    await settled(a1, a2, b);
    b.quiet('call:incoming');
    // Others may, and it may be called.
    const { callId } = await call(b, [a1, a2]);
    await hangUp(b, a1, callId);
    const c = await join(t, server, 'base');
    await assertFree(c, b);
  });

  for (const kind of ['json', 'raw']) {
    test(`O4 ${kind}: a client that never reads is cut off, can come back, and delays nobody`, async (t) => {
      const server = await start(t, { 'max-queue': 262144, 'call-ping-interval': '20s', 'call-ping-timeout': '40s', 'ping-interval': '20s', 'ping-timeout': '20s', 'resume-window': '10s' });
      const slow = kind === 'json' ? await join(t, server, 'json') : await new RawClient(t, server, unique('raw'), { auth: { tandem: 1 } }).open();
      const a = await join(t, server, 'json');
      const others = await pair(t, server, 'json', 'ext-ws');
      const [x, y] = others;
      const running = await call(x, y);
      const { callId } = await call(a, slow);
      slow.ws.pause();
      const signal = { sdp: 'x'.repeat(100_000) };
      let worst = 0;
      let sent = 0;
      for (; sent < 400 && a.all('call:peer').length === 0; sent++) {
        a.send('call:signal', { callId, signal });
        const began = performance.now();
        x.send('call:signal', { callId: running.callId, signal: { sent } });
        await y.next('call:signal');
        worst = Math.max(worst, performance.now() - began);
      }
      assert.deepEqual(await a.next('call:peer'), [{ callId, state: 'reconnecting' }], `after ${sent} signals of 100 kB`);
      // On a machine that runs four test files at once; a server that waited for
      // the slow client would take its write timeout, 10 s.
      assert.ok(worst < 3000, `another call waited ${worst} ms`);
      y.quiet('call:end', 'call:peer');
      slow.ws.resume();
      await slow.next('(close)', undefined, 10_000);
      // It comes back: to its call, one way or the other.
      if (kind === 'json') {
        await slow.open({ resume: {} });
        if (!slow.hello.resumed) await slow.ask('call:resume', { callId });
        assert.deepEqual(await a.next('call:peer'), [{ callId, state: 'back' }]);
        await hangUp(a, slow, callId);
      } else {
        const back = await new RawClient(t, server, slow.user, { auth: { tandem: 1, pid: slow.connected.pid } }).open();
        assert.deepEqual(await a.next('call:peer'), [{ callId, state: 'back' }]);
        await hangUp(a, back, callId);
      }
      await hangUp(x, y, running.callId);
    });
  }

  test('O4: slow readers cost bounded memory', async (t) => {
    const server = await start(t, { 'max-queue': 65536, 'admin-listen': '127.0.0.1:0' });
    const up = await server.waitLog((r) => / is up$/.test(r.msg));
    const admin = /^(http:\S+)\/metrics/.exec(up.operators)[1];
    const heap = async () => Number(/^go_memstats_heap_inuse_bytes (\S+)/m.exec(await (await fetch(`${admin}/metrics`)).text())[1]);
    const slow = [];
    for (let i = 0; i < 20; i++) {
      const c = await join(t, server, 'json');
      c.ws.pause();
      slow.push(c);
    }
    const a = await join(t, server, 'json');
    const before = await heap();
    const messageId = 'm'.repeat(120);
    for (let i = 0; i < 3000; i++) for (let n = 0; n < 5; n++) a.send('messageSeen', { messageId, senderId: slow[(i * 5 + n) % 20].user });
    await a.sync();
    const after = await heap();
    assert.ok(after - before < 40e6, `${((after - before) / 1e6).toFixed(1)} MB for 20 slow readers`);
  });

  test('O4: over max-connections, new ones get 503; room comes back', async (t) => {
    const server = await start(t, { 'max-connections': 10 });
    const idle = await Promise.all(Array.from({ length: 10 }, () => new Promise((resolve, reject) => {
      const s = net.connect(server.port, '127.0.0.1', () => s.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'));
      s.once('data', () => resolve(s));
      s.on('error', reject);
    })));
    const answer = await new Promise((resolve, reject) => {
      const s = net.connect(server.port, '127.0.0.1', () => s.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'));
      s.once('data', (d) => resolve(String(d)));
      s.on('error', reject);
    });
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /"code":"unavailable"/);
    for (const s of idle) s.destroy();
    // The server learns of it by and by; a client of the field tries again.
    const c = client(t, server, 'base', unique('patient'), { reconnect: true });
    c.socket.connect();
    await c.next('(connect)');
    await c.sync();
  });

  test('O4: handshakes that are never finished make room for new ones', async (t) => {
    const server = await start(t, { 'max-pending': 50, 'handshake-timeout': '20s' });
    const lazy = Array.from({ length: 200 }, () => net.connect(server.port, '127.0.0.1').on('error', () => {}));
    try {
      await Promise.all(lazy.map((s) => new Promise((resolve) => s.once('connect', resolve))));
      const closed = lazy.filter((s) => s.resume()).map((s) => new Promise((resolve) => s.once('close', () => resolve(s))));
      await Promise.race(closed); // the oldest go, long before their time is over
      for (const kind of ['base', 'json']) await (await join(t, server, kind)).sync();
    } finally {
      for (const s of lazy) s.destroy(); // the server would wait for their requests when it stops
    }
  });
});

test('O4: 200 users call each other at once', async (t) => {
  const server = await start(t, {});
  const kinds = ['base-ws', 'json', 'ext-ws', 'base-ws'];
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => join(t, server, kinds[i % 4])));
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const [a, b] = [all[i], all[199 - i]];
    for (let n = 0; n < 3; n++) {
      const { callId } = await call(a, b);
      await hangUp(b, a, callId);
    }
    b.send('call:rejected', to(a, b));
  }));
  await settled(...all);
  for (const c of all) c.quiet('call:end', 'call:rejected', 'call:unavailable');
});
