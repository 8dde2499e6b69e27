// Connections that are lost and come back: real cuts, resets and half-open ones by
// a TCP proxy, and what the other party hears (C9, C10, C13).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { Proxy, WINDOWS, startTandem, unique } from '../lib/server.mjs';
import { accept, answer, assertFree, call, callUser, client, hangUp, join, peerCandidate, ring, settled, to } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

const together = { concurrency: 6 };
const LOST = WINDOWS.resume + 3000;

async function proxy(t) {
  const p = await Proxy.to(server);
  atEnd(t, () => p.close());
  return p;
}

/** A client behind a proxy; socket.io-client comes back by itself. */
async function behind(t, kind, user = unique(kind), o = {}) {
  const p = await proxy(t);
  const c = client(t, server, kind, user, { url: kind === 'json' ? p.ws : p.url, reconnect: true, ...o });
  await c.open();
  if (kind === 'base' || kind === 'ext') await c.upgraded();
  await c.sync();
  return [c, p];
}

/** Waits until a client is there again; /ws has to be told to. */
async function again(c) {
  if (c.dialect === 'json') {
    await c.open({ resume: {} });
    return { recovered: c.hello.resumed, id: c.hello.sid };
  }
  return (await c.next('(connect)'))[0];
}

const LIKE = [
  ['cut', (p) => p.cut()],
  ['reset', (p) => p.reset()],
];

describe('C9: a lost connection', together, () => {
  for (const kind of ['base', 'base-ws', 'ext', 'ext-ws', 'json']) {
    for (const [how, lose] of LIKE) {
      test(`C9 ${kind}, ${how} in a call: reconnecting, back, the call goes on`, async (t) => {
        const [a, p] = await behind(t, kind);
        const b = await join(t, server, 'json');
        const b2 = await join(t, server, 'base', b.user); // its other device
        const { callId } = await call(a, [b, b2]);
        await b2.next('call:end');
        const before = a.id;
        p.block();
        lose(p);
        assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
        p.unblock();
        const { recovered, id } = await again(a);
        assert.equal(recovered, true, 'the session is recovered');
        assert.equal(id, before, 'it is the same session');
        assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
        await settled(a, b, b2);
        for (const c of [a, b, b2]) c.quiet('call:end', 'call:incoming', 'call:accepted', 'call:unavailable');
        await hangUp(b, a, callId);
        await assertFree(a, b);
      });
    }

    test(`C9 ${kind}, cut while it rings somebody: the ring goes on, the answer reaches it`, async (t) => {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'ext');
      const { callId } = await ring(a, b);
      p.block();
      p.cut();
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      const signal = answer();
      b.send('call:answer', { callId, to: a.user, signal });
      b.send('call:signal', { callId, signal: peerCandidate(1) });
      await b.sync();
      b.quiet('call:end');
      p.unblock();
      await again(a);
      const [got, about] = await a.next('call:accepted');
      assert.deepEqual(got, signal);
      assert.equal(about.callId, callId);
      if (a.extended) assert.deepEqual((await a.next('call:signal'))[0], { callId, signal: peerCandidate(1) });
      else assert.deepEqual((await a.next('call:accepted'))[0], peerCandidate(1));
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
      await settled(a, b);
      a.quiet('call:accepted', 'call:signal');
      await hangUp(a, b, callId);
    });

    test(`C9 ${kind}, cut while it is rung: it rings on and is not rung twice`, async (t) => {
      const [b, p] = await behind(t, kind);
      const a = await join(t, server, 'base');
      const { callId } = await ring(a, b);
      p.cut();
      assert.equal((await again(b)).recovered, true);
      await settled(b, a);
      b.quiet('call:incoming', 'call:end');
      await accept(b, a, callId);
      await hangUp(a, b, callId);
    });

    test(`C5 ${kind}, cut while it is rung and cancelled meanwhile: the end is there, no ghost ring`, async (t) => {
      const [b, p] = await behind(t, kind);
      const a = await join(t, server, 'base');
      const { callId } = await ring(a, b);
      p.block();
      p.cut();
      a.send('call:end', to(b, a));
      await a.sync();
      p.unblock();
      await again(b);
      assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'cancelled' }]);
      await settled(b, a);
      b.quiet('call:incoming', 'call:end');
      await assertFree(a, b);
    });

    test(`C9 ${kind}, away for longer than the window: lost for everybody`, async (t) => {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'json');
      const { callId } = await call(a, b);
      p.block();
      p.cut();
      await b.next('call:peer');
      assert.deepEqual(await b.next('call:end', undefined, LOST), [{ callId, reason: 'lost' }]);
      await assertFree(await join(t, server, 'base'), b);
      // It comes back too late: not the same session, and told (C13).
      p.unblock();
      const old = a.id;
      if (kind === 'json') {
        await a.open({ resume: {} });
        assert.equal(a.hello.resumed, false);
      } else {
        const { recovered } = await again(a);
        assert.equal(recovered, false);
      }
      assert.notEqual(a.id, old);
      if (kind !== 'json') { // a json client without deviceId is a new device
        assert.deepEqual(await a.next('call:end'), [{ callId, reason: 'lost' }]);
      }
      await assertFree(a, b);
      await assertFree(b, a);
    });
  }

  test('C9: a base peer hears nothing of reconnecting and back', async (t) => {
    const [a, p] = await behind(t, 'base');
    const b = await join(t, server, 'base');
    const { callId } = await call(a, b);
    p.cut();
    assert.equal((await again(a)).recovered, true);
    await settled(a, b);
    assert.deepEqual(b.events.filter((e) => !e.taken && !['getOnlineUsers', '(connect)'].includes(e.name)), []);
    await hangUp(a, b, callId);
  });

  test('C9: both parties lost at once come back into their call', async (t) => {
    const [a, p] = await behind(t, 'ext');
    const [b, q] = await behind(t, 'json');
    const { callId } = await call(a, b);
    p.block();
    q.block();
    p.cut();
    q.cut();
    p.unblock();
    assert.equal((await again(a)).recovered, true);
    q.unblock();
    assert.equal((await again(b)).recovered, true);
    await settled(a, b);
    for (const c of [a, b]) c.quiet('call:end');
    await hangUp(a, b, callId);
    await assertFree(b, a);
  });

  for (const kind of ['json', 'ext', 'base-ws']) {
    test(`C13 ${kind}: with a deviceId, a new session of the device is told of the call that was lost`, async (t) => {
      const [a, p] = await behind(t, kind, unique('phone'), { device: 'phone-1' });
      const b = await join(t, server, 'base');
      const { callId } = await call(a, b);
      p.block();
      p.cut();
      assert.deepEqual(await b.next('call:end', undefined, LOST), [{ callId, reason: 'lost' }]);
      p.unblock();
      if (kind === 'json') await a.open();
      else await again(a); // its session may have outlived the call by a moment: it is told either way
      assert.deepEqual(await a.next('call:end'), [{ callId, reason: 'lost' }]);
      await assertFree(a, b);
    });
  }

  test('C9: a deviceId that comes back with a new socket has its call; the peer sees it', async (t) => {
    const [a, p] = await behind(t, 'json', unique('phone'), { device: 'phone-2' });
    const b = await join(t, server, 'ext');
    const { callId } = await call(a, b);
    p.block();
    p.cut();
    assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
    p.unblock();
    await a.open(); // no resume: a reloaded page
    assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
    const { call: c } = await a.ask('call:resume', { callId });
    assert.equal(c.callId, callId);
    assert.equal(c.state, 'answered');
    await hangUp(a, b, callId);
  });

  test('C10: a vanished caller with a new page redials: the old call ends, the new one rings', async (t) => {
    for (const kb of ['base', 'json']) {
      const [a, p] = await behind(t, 'base', unique('alice'), { reconnect: false });
      const b = await join(t, server, kb);
      const old = await call(a, b);
      p.cut();
      const page = await join(t, server, 'base', a.user);
      const { callId } = await ring(page, b);
      assert.notEqual(callId, old.callId);
      const [end] = await b.next('call:end');
      assert.equal(end.callId, old.callId);
      await accept(b, page, callId);
      await hangUp(page, b, callId);
      page.quiet('call:unavailable');
      await assertFree(b, page);
    }
  });

  test('C10: a vanished callee with a new page calls back at once', async (t) => {
    const a = await join(t, server, 'base');
    const [b, p] = await behind(t, 'base', unique('bob'), { reconnect: false });
    const old = await call(a, b);
    p.cut();
    const page = await join(t, server, 'base', b.user);
    const { callId } = await ring(page, a);
    assert.equal((await a.next('call:end'))[0].callId, old.callId);
    await accept(a, page, callId);
    await hangUp(a, page, callId);
  });

  test('C4: nobody stays busy with somebody who vanished while ringing', async (t) => {
    const [a, p] = await behind(t, 'base', unique('alice'), { reconnect: false });
    const b = await join(t, server, 'base');
    const { callId } = await ring(a, b);
    p.cut();
    const [end] = await b.next('call:end', undefined, LOST);
    assert.equal(end.callId, callId);
    const c = await join(t, server, 'base');
    await assertFree(c, b);
    await assertFree(b, c);
    // The vanished one is offline by now.
    b.send('call:user', callUser(b, a));
    assert.equal((await b.next('call:unavailable'))[0].code, 'offline');
  });

  test('C5: a user who vanished a moment ago is rung, not refused, and the ring waits for it', async (t) => {
    const [b, p] = await behind(t, 'base');
    const a = await join(t, server, 'json');
    p.block();
    p.cut();
    const watch = await join(t, server, 'json');
    // The server has noticed when it counts no device any more.
    const seen = await watch.ask('presence:watch', { users: [b.user] });
    if (seen[0].devices > 0) await watch.next('presence:update', (s) => s.devices === 0);
    const { callId, state } = await a.ask('call:user', callUser(a, b));
    assert.equal(state, 'ringing');
    p.unblock();
    await again(b);
    assert.equal((await b.next('call:incoming'))[0].callId, callId);
    await accept(b, a, callId);
    await hangUp(a, b, callId);
  });
});

describe('C9: half-open connections', together, () => {
  for (const kind of ['base', 'base-ws', 'ext-ws', 'json', 'base-poll']) {
    test(`C9 ${kind}: silence in a call is noticed by the faster pings`, async (t) => {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'ext');
      const { callId } = await call(a, b);
      const began = Date.now();
      p.freeze();
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      const took = Date.now() - began;
      assert.ok(took < WINDOWS.callPingTimeout + WINDOWS.callPing + 700, `noticed after ${took} ms`);
      p.cut(); // the network is back, with the dead connections gone
      p.thaw();
      const { recovered } = await again(a);
      assert.equal(recovered, true);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
      await hangUp(b, a, callId);
      await assertFree(a, b);
    });

    test(`C9 ${kind}: silence without a call is noticed by the ordinary pings`, async (t) => {
      const [a, p] = await behind(t, kind, unique('idle'), { reconnect: false });
      const b = await join(t, server, 'json');
      await b.ask('presence:watch', { users: [a.user] });
      const began = Date.now();
      p.freeze();
      const [s] = await b.next('presence:update', (x) => !x.online, WINDOWS.ping + WINDOWS.pingTimeout + WINDOWS.grace + 2500);
      const took = Date.now() - began;
      assert.ok(took > WINDOWS.pingTimeout - 100, `${took} ms`);
      assert.equal(s.user, a.user);
    });
  }

  test('C9: a short freeze is no loss', async (t) => {
    const [a, p] = await behind(t, 'ext-ws');
    const b = await join(t, server, 'json');
    const { callId } = await call(a, b);
    p.freeze();
    b.send('call:signal', { callId, signal: { n: 1 } });
    await b.sync();
    p.thaw();
    assert.deepEqual((await a.next('call:signal'))[0].signal, { n: 1 });
    await settled(a, b);
    b.quiet('call:peer');
    a.quiet('(disconnect)');
    await hangUp(a, b, callId);
  });
});
