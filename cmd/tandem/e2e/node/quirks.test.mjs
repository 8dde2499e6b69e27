// What front ends that exist do, and shall get away with (C3, C7, C9, C10, C12;
// the list of quirks of the base profile).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTandem, unique } from '../lib/server.mjs';
import { accept, answer, assertFree, call, callUser, hangUp, join, offer, pair, peerCandidate, refused, ring, settled, to } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

const KINDS = [['base', 'base'], ['base', 'ext'], ['json', 'base'], ['base-poll', 'json']];

for (const [ka, kb] of KINDS) {
  const what = `${ka} → ${kb}`;

  test(`C7 ${what}: call:end with a wrong or missing "to" ends the sender's own call only`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const [x, y] = await pair(t, server, 'base', 'base');
    const other = await call(x, y);
    const forms = [
      to(x, a), // somebody else's name
      { from: a.user },
      {},
      { to: null },
      { to: 17 },
      { to: 'nobody at all', from: 'nobody' },
      { to: a.user, from: b.user }, // turned round
    ];
    for (const form of forms) {
      const { callId } = await call(a, b);
      a.send('call:end', form);
      assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }], JSON.stringify(form));
      const ringing = await ring(a, b);
      a.send('call:end', form);
      assert.deepEqual(await b.next('call:end'), [{ callId: ringing.callId, reason: 'cancelled' }], JSON.stringify(form));
    }
    // No argument at all.
    const { callId } = await call(a, b);
    a.send('call:end');
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
    await settled(x, y);
    x.quiet('call:end');
    y.quiet('call:end');
    await hangUp(x, y, other.callId);
    await assertFree(a, b);
  });

  test(`C3 ${what}: call:rejected after call:end is a no-op`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    await hangUp(a, b, callId, 'cancelled');
    b.send('call:rejected', to(a, b));
    await settled(b, a);
    a.quiet('call:rejected', 'call:end');
    // It does not hurt the next call between others either.
    const c = await join(t, server, 'base');
    const second = await ring(c, b);
    b.send('call:rejected', to(a, b));
    await settled(b, c, a);
    c.quiet('call:rejected');
    await accept(b, c, second.callId);
    await hangUp(c, b, second.callId);
    await assertFree(a, b);
  });

  test(`C3 ${what}: call:rejected and call:end in an answered call are a hang-up`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    for (const event of ['call:rejected', 'call:end']) {
      for (const [x, y] of [[b, a], [a, b]]) {
        const { callId } = await call(a, b);
        x.send(event, to(y, x));
        assert.deepEqual(await y.next('call:end'), [{ callId, reason: 'hangup' }], event);
        await settled(a, b);
        y.quiet('call:rejected', 'call:end');
        x.quiet('call:rejected', 'call:end');
      }
    }
    await assertFree(a, b);
  });

  test(`C7 ${what}: a third person's call:end and call:rejected change nothing`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const third = await join(t, server, 'base');
    const { callId } = await ring(a, b);
    for (const [x, y] of [[a, b], [b, a]]) {
      third.send('call:end', to(x, y));
      third.send('call:rejected', to(x, y));
      third.send('call:end', { to: x.user, from: y.user, callId });
    }
    await settled(third, a, b);
    for (const c of [a, b]) c.quiet('call:end', 'call:rejected', 'call:unavailable');
    await accept(b, a, callId);
    third.send('call:end', to(a, b));
    third.send('call:rejected', to(b, a));
    await settled(third, a, b);
    for (const c of [a, b]) c.quiet('call:end', 'call:rejected');
    await hangUp(b, a, callId);
  });

  test(`C10 ${what}: a repeated call:user stays one call, each signal told once`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const o = offer();
    const { callId } = await ring(a, b, { signal: o });
    a.send('call:user', callUser(a, b, o)); // the same again
    a.send('call:user', callUser(a, b, o));
    const trickled = [peerCandidate(1), peerCandidate(2)];
    for (const c of trickled) a.send('call:user', callUser(a, b, c));
    a.send('call:user', callUser(a, b, trickled[0])); // a repeated candidate
    for (const c of trickled) {
      const [p] = await b.next('call:incoming');
      assert.deepEqual(p.signal, c);
      assert.equal(p.callId, callId);
    }
    await settled(a, b);
    b.quiet('call:incoming', 'call:end');
    a.quiet('call:unavailable');
    await accept(b, a, callId);
    await hangUp(a, b, callId);
    await assertFree(a, b);
  });

  test(`C10 ${what}: a page that was reloaded while it rang dials again`, async (t) => {
    const user = unique('alice');
    const first = await join(t, server, ka, user);
    const b = await join(t, server, kb);
    const old = await ring(first, b);
    // The reload: a clean goodbye, then a new socket.
    first.leave();
    assert.deepEqual(await b.next('call:end'), [{ callId: old.callId, reason: 'cancelled' }]);
    const second = await join(t, server, ka, user);
    const { callId } = await call(second, b);
    assert.notEqual(callId, old.callId);
    await hangUp(b, second, callId);
    await assertFree(second, b);
  });

  test(`C10 ${what}: a device that silently left an answered call rings anew, the old call ends for the other`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const c = await join(t, server, 'base');
    const old = await call(a, b);
    // To somebody else, without call:end.
    const next = await ring(a, c);
    const [p] = await b.next('call:end');
    assert.equal(p.callId, old.callId);
    assert.equal(p.reason, 'superseded');
    await accept(c, a, next.callId);
    await hangUp(c, a, next.callId);
    // And to the same one, with a new media session.
    const again = await call(a, b);
    const redial = await ring(a, b);
    assert.notEqual(redial.callId, again.callId);
    assert.equal((await b.next('call:end'))[0].callId, again.callId);
    await accept(b, a, redial.callId);
    await hangUp(a, b, redial.callId);
    await settled(a, b);
    a.quiet('call:unavailable', 'call:end');
    await assertFree(a, b);
  });

  test(`C10 ${what}: the callee that left an answered call silently may ring the caller`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const old = await call(a, b);
    const redial = await ring(b, a);
    assert.equal((await a.next('call:end', (p) => p.callId === old.callId))[0].reason, 'superseded');
    await accept(a, b, redial.callId);
    await hangUp(a, b, redial.callId);
    await assertFree(a, b);
  });

  test(`C3 ${what}: a late Accept is told that it is over and makes no call`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    a.send('call:end', to(b, a));
    await a.sync();
    b.send('call:answer', { to: a.user, signal: answer() });
    await settled(b, a);
    a.quiet('call:accepted', 'call:end');
    const told = b.all('call:end').map(([p]) => p);
    assert.ok(told.length >= 1 && told.every((p) => p.callId === callId && p.reason === 'cancelled'), JSON.stringify(told));
    b.forget();
    if (b.extended) await refused(b.ask('call:answer', { callId, signal: answer() }), 'call_ended');
    await assertFree(a, b);
  });

  test(`C3 ${what}: a second answer of the same device is not told twice`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const c = await call(a, b);
    b.send('call:answer', { to: a.user, signal: c.answer });
    b.send('call:answer', { to: a.user, signal: c.answer });
    await settled(b, a);
    a.quiet('call:accepted', 'call:signal', 'call:end');
    await hangUp(a, b, c.callId);
  });

  test(`C10 ${what}: trickled answers arrive once each, in order`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await call(a, b);
    const more = [1, 2, 3, 4].map(peerCandidate);
    for (const c of more) b.send('call:answer', { to: a.user, signal: c });
    b.send('call:answer', { to: a.user, signal: more[0] });
    await settled(b, a);
    const got = a.extended ? a.all('call:signal').map(([p]) => p.signal) : a.all('call:accepted').slice(1).map(([s]) => s);
    assert.deepEqual(got, more);
    a.forget();
    await hangUp(a, b, callId);
  });

  test(`C12 ${what}: doubled and late endings are nothing`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await call(a, b);
    for (let i = 0; i < 3; i++) {
      a.send('call:end', to(b, a));
      b.send('call:end', to(a, b));
      b.send('call:rejected', to(a, b));
      a.send('call:rejected', to(b, a));
    }
    await settled(a, b);
    const ends = [...a.all('call:end'), ...b.all('call:end')].map(([p]) => p.callId);
    assert.ok(ends.length >= 1 && ends.length <= 2 && ends.every((id) => id === callId), JSON.stringify(ends));
    a.forget();
    b.forget();
    await assertFree(a, b);
    await assertFree(b, a);
  });
}

test('C4: a second tab of a user in a call is busy for its own user', async (t) => {
  const user = unique('alice');
  const [tab1, tab2] = [await join(t, server, 'base', user), await join(t, server, 'base', user)];
  const [b, c] = await pair(t, server, 'base', 'base');
  const { callId } = await call(tab1, b);
  tab2.send('call:user', callUser(tab2, c));
  assert.equal((await tab2.next('call:unavailable'))[0].code, 'busy');
  tab2.send('call:user', callUser(tab2, b));
  assert.equal((await tab2.next('call:unavailable'))[0].code, 'busy');
  // What the second tab says about the first one's call is ignored.
  tab2.send('call:end', to(b, tab2));
  tab2.send('call:rejected', to(b, tab2));
  await settled(tab2, c, b, tab1);
  c.quiet('call:incoming');
  b.quiet('call:end', 'call:incoming');
  tab1.quiet('call:end', 'call:unavailable');
  // The second tab leaving does not hurt it either.
  tab2.leave();
  await settled(tab1, b);
  b.quiet('call:end');
  await hangUp(tab1, b, callId);
  await assertFree(tab1, b);
});

test('C3: in an answered call, another device of the callee can not end it', async (t) => {
  const user = unique('bob');
  const a = await join(t, server, 'base');
  const [b1, b2] = [await join(t, server, 'base', user), await join(t, server, 'base', user)];
  const { callId } = await call(a, [b1, b2]);
  assert.deepEqual(await b2.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
  for (const event of ['call:end', 'call:rejected']) b2.send(event, to(a, b2));
  b2.send('call:end', {});
  await settled(b2, a, b1);
  a.quiet('call:end', 'call:rejected');
  b1.quiet('call:end');
  await hangUp(b1, a, callId);
});

test('C12: endings out of nowhere, answers out of nowhere', async (t) => {
  for (const k of ['base', 'base-poll']) {
    const [a, b] = await pair(t, server, k, 'base');
    a.send('call:end', to(b, a));
    a.send('call:rejected', to(b, a));
    a.send('call:answer', { to: b.user, signal: answer() });
    a.send('call:end', {});
    a.send('call:user', callUser(a, b, peerCandidate(1))); // a candidate of no call never rings
    await settled(a, b);
    b.quiet('call:end', 'call:rejected', 'call:accepted', 'call:incoming');
    await assertFree(a, b);
  }
});

test('C10: simple-peer with trickle: the whole conversation of two base clients', async (t) => {
  const [a, b] = await pair(t, server, 'base', 'base');
  const o = offer();
  const outgoing = [o, peerCandidate(1), peerCandidate(2)];
  for (const s of outgoing) a.send('call:user', callUser(a, b, s));
  const incoming = [];
  for (let i = 0; i < 3; i++) incoming.push((await b.next('call:incoming'))[0]);
  assert.deepEqual(incoming.map((p) => p.signal), outgoing);
  assert.equal(new Set(incoming.map((p) => p.callId)).size, 1);
  const answers = [answer(), peerCandidate(11), peerCandidate(12)];
  for (const s of answers) b.send('call:answer', { to: a.user, signal: s });
  const got = [];
  for (let i = 0; i < 3; i++) got.push((await a.next('call:accepted'))[0]);
  assert.deepEqual(got, answers);
  // Late candidates of the caller still go out as call:user.
  a.send('call:user', callUser(a, b, peerCandidate(3)));
  // To a base device a signal inside the call comes as call:accepted: it is the
  // one event whose handler feeds its peer.
  assert.deepEqual((await b.next('call:accepted'))[0], peerCandidate(3));
  // A renegotiation: the same media session, a higher version.
  const again = offer(/o=- (\d+)/.exec(o.sdp)[1], 3);
  a.send('call:user', callUser(a, b, again));
  assert.deepEqual((await b.next('call:accepted'))[0], again);
  await settled(a, b);
  b.quiet('call:incoming', 'call:end');
  await hangUp(b, a, incoming[0].callId);
  await assertFree(a, b);
});
