// The life of a call between every two kinds of clients, with the payloads of
// the base profile to the letter (DESIGN 1.1; C1, C3, C4, C5, C6, C7).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SECRET, WINDOWS, startTandem, unique } from '../lib/server.mjs';
import { accept, answer, assertFree, call, callUser, hangUp, join, offer, pair, refused, ring, settled, to } from '../lib/clients.mjs';

const server = await startTandem({ secret: SECRET });
after(() => server.stop());

const PAIRS = [
  ['base', 'base'],
  ['base', 'ext'],
  ['ext', 'base'],
  ['json', 'base'],
  ['base', 'json'],
  ['json', 'ext-ws'],
  ['json', 'json'],
  ['base-poll', 'base-ws'],
  ['ext-poll', 'json'],
];

// What we may add to an event of the base profile: front ends that exist read
// named fields and leading arguments only.
const ADDED = ['callId', 'expiresAt', 'peerExtended', 'glare', 'waiting', 'metadata'];

function without(object, fields) {
  return Object.fromEntries(Object.entries(object).filter(([k]) => !fields.includes(k)));
}

for (const [ka, kb] of PAIRS) {
  test(`C1 ${ka} → ${kb}: ring, answer, hang up, payloads to the letter`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const signal = { ...offer(), nested: { '\u00fcml\u00e4ut': ['\ud83d\udcde', 1.50, null, true, '</script>', '\u0000', '\\'] } };
    const payload = callUser(a, b, signal, { isVideoCall: true });
    const before = Date.now();
    a.send('call:user', payload);
    const [incoming] = await b.next('call:incoming');
    assert.deepEqual(without(incoming, ADDED), {
      from: payload.from, signal, callerName: payload.callerName, isVideoCall: true, fromId: a.user,
    });
    assert.equal(typeof incoming.callId, 'string');
    assert.ok(incoming.callId.length >= 20, 'an id that can not be guessed');
    const left = incoming.expiresAt - before;
    assert.ok(left > WINDOWS.ring - 500 && left < WINDOWS.ring + 1000, `expiresAt in ${left} ms`);
    const { callId } = incoming;
    if (a.extended) assert.deepEqual(await a.next('call:ringing'), [{ callId, devices: 1 }]);

    const reply = answer();
    b.send('call:answer', { to: a.user, signal: reply, from: b.user });
    const args = await a.next('call:accepted');
    assert.equal(args.length, 2);
    assert.deepEqual(args[0], reply, 'the first argument is the bare signal');
    assert.deepEqual(without(args[1], ['extended']), { callId, by: b.user, device: b.deviceId });
    for (const c of [a, b]) {
      if (c.extended) {
        await c.next('call:state', (s) => s.callId === callId && s.state === 'answered');
      }
    }

    // A base client hangs up without an id.
    a.send('call:end', to(b, a));
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
    for (const c of [a, b]) {
      if (c.extended) {
        assert.deepEqual(await c.next('call:state', (s) => s.state === 'ended'), [{ callId, state: 'ended', reason: 'hangup' }]);
      }
    }
    await settled(a, b);
    a.quiet('call:end', 'call:rejected', 'call:unavailable', 'call:accepted', 'error');
    b.quiet('call:end', 'call:rejected', 'call:incoming', 'error');
    for (const c of [a, b]) {
      if (c.extended) continue;
      const told = new Set(c.events.map((e) => e.name).filter((n) => !n.startsWith('(')));
      for (const name of told) {
        assert.ok(['getOnlineUsers', 'call:incoming', 'call:accepted', 'call:end'].includes(name), `a base client was told ${name}`);
      }
    }
    await assertFree(b, a);
  });

  test(`C3 ${ka} → ${kb}: decline`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b, { isVideoCall: false });
    b.send('call:rejected', to(a, b));
    assert.deepEqual(await a.next('call:rejected'), [{ callId, reason: 'rejected' }]);
    await settled(a, b);
    a.quiet('call:end', 'call:unavailable');
    b.quiet('call:end', 'call:rejected');
    await assertFree(a, b);
  });

  test(`C7 ${ka} → ${kb}: cancel`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    a.send('call:end', to(b, a));
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'cancelled' }]);
    await settled(a, b);
    a.quiet('call:end', 'call:rejected', 'call:unavailable');
    await assertFree(b, a);
  });
}

test('C4: busy is said to the asking device only, with the sentence that front ends compare', async (t) => {
  for (const [ka, kb, kc] of [['base', 'base', 'base'], ['json', 'base', 'ext'], ['base', 'json', 'json']]) {
    const [a, b] = await pair(t, server, ka, kb);
    const user = unique('carol');
    const [c, tab] = [await join(t, server, kc, user), await join(t, server, 'base', user)];
    const { callId } = await ring(a, b);
    for (const callee of [b, a]) { // both users are busy from the ring on
      c.send('call:user', callUser(c, callee));
      const [p] = await c.next('call:unavailable');
      assert.equal(p.reason, 'User is currently on another call');
      assert.equal(p.code, 'busy');
      assert.deepEqual(Object.keys(p).sort(), ['callId', 'code', 'reason']);
      assert.notEqual(p.callId, callId);
    }
    await settled(c, tab, a, b);
    tab.quiet('call:unavailable');
    b.quiet('call:incoming', 'call:end');
    a.quiet('call:incoming', 'call:end');
    // The call was not touched.
    await accept(b, a, callId);
    c.send('call:user', callUser(c, b));
    assert.equal((await c.next('call:unavailable'))[0].code, 'busy');
    await hangUp(a, b, callId);
    await assertFree(c, b);
    await assertFree(c, a);
  }
});

test('C4: busy with an acknowledgement is an error besides', async (t) => {
  for (const k of ['ext', 'json']) {
    const [a, b] = await pair(t, server, 'base', 'base');
    const c = await join(t, server, k);
    await ring(a, b);
    await refused(c.ask('call:user', callUser(c, b)), 'busy');
    assert.equal((await c.next('call:unavailable'))[0].code, 'busy');
  }
});

test('C5: a user who is not there is offline, at once', async (t) => {
  for (const k of ['base', 'ext', 'json']) {
    const a = await join(t, server, k);
    a.send('call:user', callUser(a, unique('nobody')));
    const [p] = await a.next('call:unavailable');
    assert.equal(p.code, 'offline');
    assert.equal(typeof p.reason, 'string');
    assert.equal(typeof p.callId, 'string');
    if (k !== 'base') {
      await refused(a.ask('call:user', callUser(a, unique('nobody'))), 'offline');
      assert.equal((await a.next('call:unavailable'))[0].code, 'offline');
    }
    const b = await join(t, server, 'base');
    await assertFree(a, b);
  }
});

test('C6: no answer ends for everybody when the ring is over', async (t) => {
  await Promise.all([['base', 'base'], ['json', 'base'], ['base', 'json'], ['ext-poll', 'ext']].map(async ([ka, kb]) => {
    const [a, b] = await pair(t, server, ka, kb);
    const began = Date.now();
    const { callId } = await ring(a, b);
    const [p] = await a.next('call:unavailable', undefined, WINDOWS.ring + 3000);
    const took = Date.now() - began;
    assert.ok(took > WINDOWS.ring - 200 && took < WINDOWS.ring + 1500, `${took} ms`);
    assert.equal(p.code, 'no_answer');
    assert.equal(p.callId, callId);
    assert.ok(p.reason.length > 5);
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'no_answer' }]);
    await settled(a, b);
    a.quiet('call:end', 'call:rejected');
    // Late Accept.
    if (b.extended) {
      await refused(b.ask('call:answer', { callId, to: a.user, signal: answer() }), 'call_ended');
    } else {
      b.send('call:answer', { to: a.user, signal: answer() });
      await settled(b, a);
    }
    a.quiet('call:accepted');
    await assertFree(b, a);
  }));
});

test('C6: ringFor shortens one ring', async (t) => {
  const [a, b] = await pair(t, server, 'json', 'base');
  const began = Date.now();
  await ring(a, b, { ringFor: 200 });
  const [p] = await a.next('call:unavailable');
  assert.equal(p.code, 'no_answer');
  assert.ok(Date.now() - began < WINDOWS.ring - 300);
});

test('C1: call:user with an ack names the call; an own callId is an idempotency key', async (t) => {
  for (const k of ['ext', 'json']) {
    const [a, b] = await pair(t, server, k, 'base');
    const mine = unique('my-call');
    const payload = callUser(a, b, offer(), { callId: mine });
    const first = await a.ask('call:user', payload);
    assert.equal(first.state, 'ringing');
    const [incoming] = await b.next('call:incoming');
    assert.equal(incoming.callId, first.callId);
    assert.notEqual(first.callId, mine, 'the id is the server\'s');
    assert.deepEqual(await a.ask('call:user', payload), first);
    await settled(a, b);
    b.quiet('call:incoming');
    await hangUp(a, b, first.callId, 'cancelled');
    const again = await a.ask('call:user', payload);
    assert.deepEqual(again, { callId: first.callId, state: 'ended' }, 'an ended call is not rung again');
    await settled(a, b);
    b.quiet('call:incoming');
  }
});

test('C1: another caller\'s key is another call', async (t) => {
  const [a, b] = await pair(t, server, 'json', 'base');
  const [c, d] = await pair(t, server, 'json', 'base');
  const [x, y] = [
    await a.ask('call:user', callUser(a, b, offer(), { callId: 'same-key' })),
    await c.ask('call:user', callUser(c, d, offer(), { callId: 'same-key' })),
  ];
  assert.notEqual(x.callId, y.callId);
});

test('C7: who is no party gets not_in_call and changes nothing', async (t) => {
  const [a, b] = await pair(t, server, 'base', 'json');
  const { callId } = await ring(a, b);
  for (const k of ['ext', 'json']) {
    const eve = await join(t, server, k);
    const attempts = () => [
      ['call:answer', { callId, to: a.user, signal: answer() }],
      ['call:end', { callId, to: a.user }],
      ['call:end', to(b, a)],
      ['call:rejected', { callId, to: a.user }],
      ['call:rejected', to(a, b)],
      ['call:signal', { callId, signal: { x: 1 } }],
      ['call:candidate', { callId, candidates: [] }],
      ['call:resume', { callId }],
      ['call:handoff', { callId }],
      ['call:transfer', { callId, to: eve.user }],
    ];
    for (const [event, p] of attempts()) {
      await refused(eve.ask(event, p), 'not_in_call');
      // A forged sender does not help.
      await refused(eve.ask(event, { ...p, from: b.user, fromId: a.user }), 'not_in_call');
    }
    // Without an ack an extended client gets an error event, with the event's name.
    eve.send('call:end', { callId });
    const [p] = await eve.next('error');
    assert.deepEqual(Object.keys(p).sort(), ['code', 'event', 'message']);
    assert.equal(p.code, 'not_in_call');
    assert.equal(p.event, 'call:end');
  }
  await settled(a, b);
  a.quiet('call:accepted', 'call:rejected', 'call:end');
  b.quiet('call:end');
  await accept(b, a, callId);
  await hangUp(b, a, callId);
});

test('C7: an id that nobody has is not_in_call, too', async (t) => {
  const a = await join(t, server, 'json');
  await refused(a.ask('call:answer', { callId: 'no-such-call', to: 'x', signal: {} }), 'not_in_call');
  await refused(a.ask('call:resume', { callId: 'no-such-call' }), 'not_in_call');
});

test('C4: calling oneself is refused and makes nobody busy', async (t) => {
  const user = unique('alone');
  const [a, tab, b] = [await join(t, server, 'json', user), await join(t, server, 'base', user), await join(t, server, 'base')];
  await refused(a.ask('call:user', callUser(a, user)), 'bad_payload');
  await settled(a, tab);
  tab.quiet('call:incoming');
  await assertFree(b, [a, tab]);
});

test('C1: fifty calls one after the other between two base clients', async (t) => {
  const [a, b] = await pair(t, server, 'base', 'base');
  const ids = new Set();
  for (let i = 0; i < 50; i++) {
    const [x, y] = i % 2 ? [a, b] : [b, a];
    const { callId } = await call(x, y);
    ids.add(callId);
    await hangUp(i % 3 ? x : y, i % 3 ? y : x, callId);
  }
  assert.equal(ids.size, 50);
});

test('C1: metadata and the caller\'s kind reach an extended callee', async (t) => {
  const [a, b] = await pair(t, server, 'ext', 'json');
  const { incoming } = await ring(a, b, { metadata: { topic: 'lunch', n: [1, 2] } });
  assert.deepEqual(incoming[0].metadata, { topic: 'lunch', n: [1, 2] });
});

test('C15: call:invite answers not_configured while there is no SFU', async (t) => {
  const a = await join(t, server, 'json');
  await refused(a.ask('call:invite', { callId: 'x', to: 'y' }), 'not_configured');
  const { iceServers, ttl } = await a.ask('ice:servers');
  assert.ok(Array.isArray(iceServers) && ttl > 0);
});
