// A user with several devices: all ring, one answers, the rest fall silent
// (C2, C3).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTandem, unique } from '../lib/server.mjs';
import { accept, answer, assertFree, callUser, hangUp, join, refused, ring, settled, to } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

async function user(t, ...kinds) {
  const name = unique('bob');
  return Promise.all(kinds.map((k) => join(t, server, k, name)));
}

for (const [ka, ...kinds] of [['base', 'base', 'base', 'json'], ['json', 'ext', 'base-poll', 'json'], ['ext', 'base', 'base-ws', 'base-poll']]) {
  test(`C2, C3 ${ka} → ${kinds}: all ring, one answers, the others hear answered_elsewhere`, async (t) => {
    const a = await join(t, server, ka);
    const devices = await user(t, ...kinds);
    for (let i = 0; i < devices.length; i++) {
      const { callId } = await ring(a, devices);
      const who = devices[i];
      const { about } = await accept(who, a, callId);
      assert.equal(about.device, who.deviceId);
      const others = devices.filter((d) => d !== who);
      for (const d of others) {
        assert.deepEqual(await d.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
        if (d.extended) {
          assert.deepEqual(await d.next('call:state', (p) => p.state === 'answered'), [{ callId, state: 'answered' }]);
        }
      }
      // Late answers get it again, and already_answered where they ask.
      for (const d of others) {
        d.send('call:answer', { to: a.user, signal: answer() });
        assert.deepEqual(await d.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
        await refused(d.ask('call:answer', { to: a.user, callId, signal: answer() }), 'already_answered');
        assert.deepEqual(await d.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
      }
      await settled(a, ...devices);
      a.quiet('call:accepted', 'call:end');
      who.quiet('call:end');
      await hangUp(a, who, callId);
      await settled(...devices);
      for (const d of others) d.quiet('call:end');
      a.forget();
      devices.forEach((d) => d.forget());
    }
    await assertFree(a, devices);
    await assertFree(devices[0], a);
  });
}

test('C3: a reject of one device silences the others', async (t) => {
  for (const ka of ['base', 'json']) {
    const a = await join(t, server, ka);
    const devices = await user(t, 'base', 'json', 'ext');
    for (const who of devices) {
      const { callId } = await ring(a, devices);
      who.send('call:rejected', to(a, who));
      assert.deepEqual(await a.next('call:rejected'), [{ callId, reason: 'rejected' }]);
      for (const d of devices.filter((x) => x !== who)) {
        const [p] = await d.next('call:end');
        assert.equal(p.callId, callId);
        assert.equal(p.reason, 'rejected');
      }
      await settled(a, ...devices);
      who.quiet('call:end', 'call:rejected');
    }
    await assertFree(a, devices);
  }
});

test('C2: cancel silences all devices', async (t) => {
  const a = await join(t, server, 'base');
  const devices = await user(t, 'base', 'base-poll', 'json', 'ext-ws');
  const { callId } = await ring(a, devices);
  a.send('call:end', to(devices[0], a));
  for (const d of devices) assert.deepEqual(await d.next('call:end'), [{ callId, reason: 'cancelled' }]);
  await assertFree(a, devices);
});

test('C2: a device that connects while the call rings, rings too, and may answer', async (t) => {
  for (const kind of ['base', 'base-poll', 'json', 'ext']) {
    const a = await join(t, server, 'base');
    const [first] = await user(t, 'base');
    const signal = { type: 'offer', sdp: `v=0\r\no=- ${kind.length} 2 IN IP4 127.0.0.1\r\n` };
    const { callId } = await ring(a, first, { signal });
    a.send('call:user', callUser(a, first, { type: 'candidate', candidate: { candidate: 'x' } }));
    await first.next('call:incoming');
    const late = await join(t, server, kind, first.user);
    const [p] = await late.next('call:incoming');
    assert.equal(p.callId, callId);
    assert.deepEqual(p.signal, signal);
    // The candidates that were sent already come with it, in order.
    assert.deepEqual((await late.next('call:incoming'))[0].signal, { type: 'candidate', candidate: { candidate: 'x' } });
    await accept(late, a, callId);
    assert.deepEqual(await first.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
    await hangUp(late, a, callId);
    // One that connects now rings for nothing.
    const [last] = [await join(t, server, kind, first.user)];
    await last.sync();
    last.quiet('call:incoming');
    await assertFree(a, [first, late, last]);
  }
});

test('C2: devices of both users see call:state; a base one sees none of it', async (t) => {
  const [a1, a2, a3] = await user(t, 'json', 'ext', 'base');
  const [b1, b2, b3] = await user(t, 'ext', 'json', 'base');
  const { callId } = await ring(a1, [b1, b2, b3]);
  await settled(a2, a3);
  a2.quiet('call:incoming', 'call:end');
  a3.quiet('call:incoming', 'call:end');
  await accept(b1, a1, callId);
  for (const c of [a1, a2, b1, b2]) {
    assert.equal((await c.next('call:state', (s) => s.callId === callId && s.state === 'answered'))[0].callId, callId);
  }
  b1.send('call:end', { callId });
  for (const c of [a1, a2, b1, b2]) {
    assert.deepEqual(await c.next('call:state', (s) => s.state === 'ended'), [{ callId, state: 'ended', reason: 'hangup' }]);
  }
  await settled(a2, a3, b2, b3);
  a2.quiet('call:end');
  a3.quiet('call:end', 'call:state');
  assert.deepEqual([b2, b3].map((c) => c.all('call:end').length), [1, 1], 'answered_elsewhere and nothing more');
  b3.quiet('call:state');
});

test('C3: two devices answer at the same moment, 200 rounds: exactly one wins each', async (t) => {
  const a = await join(t, server, 'base-ws');
  const sets = [await user(t, 'base-ws', 'base-ws'), await user(t, 'json', 'ext-ws'), await user(t, 'base', 'json'), await user(t, 'ext', 'base-poll')];
  const wins = new Map();
  for (let i = 0; i < 200; i++) {
    const devices = sets[i % sets.length];
    const order = i % 8 < 4 ? devices : [...devices].reverse();
    const { callId } = await ring(a, devices);
    const signals = new Map(order.map((d) => [d, answer()]));
    for (const d of order) d.send('call:answer', { to: a.user, signal: signals.get(d) });
    const [signal, about] = await a.next('call:accepted');
    const winner = devices.find((d) => signals.get(d).sdp === signal.sdp);
    assert.ok(winner, 'the accepted signal is that of a device');
    assert.equal(about.device, winner.deviceId);
    const loser = devices.find((d) => d !== winner);
    assert.deepEqual(await loser.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
    await settled(...devices, a);
    a.quiet('call:accepted', 'call:signal', 'call:end');
    winner.quiet('call:end');
    // Told by the machine, and again for its late answer: never anything else.
    assert.ok(loser.all('call:end').every(([p]) => p.callId !== callId || p.reason === 'answered_elsewhere'));
    loser.forget();
    wins.set(winner, (wins.get(winner) ?? 0) + 1);
    await hangUp(a, winner, callId);
    devices.forEach((d) => d.forget());
  }
  assert.equal([...wins.values()].reduce((x, y) => x + y), 200);
});

test('C4: the other device of a user in a call is not rung by third people', async (t) => {
  const a = await join(t, server, 'base');
  const c = await join(t, server, 'base');
  const [b1, b2] = await user(t, 'base', 'json');
  const { callId } = await ring(a, [b1, b2]);
  await accept(b2, a, callId);
  await b1.next('call:end');
  c.send('call:user', callUser(c, b1));
  assert.equal((await c.next('call:unavailable'))[0].code, 'busy');
  await settled(b1, b2);
  b1.quiet('call:incoming');
  b2.quiet('call:incoming');
  // A device of the busy user that connects is not rung, either.
  const b3 = await join(t, server, 'base', b1.user);
  await b3.sync();
  b3.quiet('call:incoming', 'call:end');
  await hangUp(a, b2, callId);
});
