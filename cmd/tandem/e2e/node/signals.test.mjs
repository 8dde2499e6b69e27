// Signals inside a call: trickle before and after the answer, renegotiation,
// and taking a call to another page or device (C9, C10, C11; 1.2).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { Proxy, SECRET, startTandem, unique } from '../lib/server.mjs';
import { accept, assertFree, call, callUser, candidate, client, hangUp, join, offer, pair, peerCandidate, refused, ring, settled } from '../lib/clients.mjs';

const server = await startTandem({ secret: SECRET });
after(() => server.stop());

/** What a client was given inside a call, in order, as {signal} or {candidates}. */
function inside(c, callId) {
  return c.events
    .filter((e) => ['call:signal', 'call:candidate'].includes(e.name) && e.args[0].callId === callId)
    .map((e) => (e.name === 'call:signal' ? { signal: e.args[0].signal } : { candidates: e.args[0].candidates }));
}

const accepted = (c, callId) => c.all('call:accepted').filter(([, about]) => about.callId === callId).map(([s]) => s);

for (const [ka, kb] of [['json', 'ext'], ['ext', 'json'], ['json', 'json'], ['ext-poll', 'ext-ws']]) {
  test(`C11 ${ka} ↔ ${kb}: what comes before the answer is kept and given in order`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    const [c1, c2, c3] = [1, 2, 3].map((n) => [candidate(n)]);
    await a.ask('call:candidate', { callId, candidates: c1 });
    await a.ask('call:signal', { callId, signal: { early: true } });
    await a.ask('call:candidate', { callId, candidates: c2 });
    // The callee's own, before it has answered: its peer can not use them yet.
    await b.ask('call:candidate', { callId, candidates: c3 });
    await settled(a, b);
    assert.deepEqual(inside(a, callId), []);
    assert.deepEqual(inside(b, callId), []);
    await accept(b, a, callId);
    await settled(a, b);
    assert.deepEqual(inside(b, callId), [{ candidates: c1 }, { signal: { early: true } }, { candidates: c2 }]);
    assert.deepEqual(inside(a, callId), [{ candidates: c3 }]);
    const at = a.events.findIndex((e) => e.name === 'call:accepted');
    assert.ok(at < a.events.findIndex((e) => e.name === 'call:candidate'), 'the answer comes before its candidates');
    // And after it, both ways.
    await a.ask('call:signal', { callId, signal: { renegotiate: 1 } });
    await b.ask('call:candidate', { callId, candidates: [candidate(4), candidate(5)] });
    await settled(a, b);
    assert.deepEqual(inside(b, callId).at(-1), { signal: { renegotiate: 1 } });
    assert.deepEqual(inside(a, callId).at(-1), { candidates: [candidate(4), candidate(5)] });
    await hangUp(a, b, callId);
    await refused(a.ask('call:signal', { callId, signal: {} }), 'call_ended');
    await refused(b.ask('call:candidate', { callId, candidates: [] }), 'call_ended');
  });
}

test('C11: candidates of an extended client reach a base one as its simple-peer takes them', async (t) => {
  for (const [ka, kb] of [['json', 'base'], ['base', 'json']]) {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    const [ext, base] = ka === 'json' ? [a, b] : [b, a];
    await ext.ask('call:candidate', { callId, candidates: [candidate(1), candidate(2)] });
    await settled(a, b);
    assert.deepEqual(accepted(base, callId), [], 'nothing before the answer');
    const { signal } = await accept(b, a, callId);
    await settled(a, b);
    await ext.ask('call:candidate', { callId, candidates: [candidate(3)] });
    await ext.ask('call:candidate', { callId, candidates: [candidate(3)] }); // a repetition
    const again = offer(4711, 5);
    await ext.ask('call:signal', { callId, signal: again });
    await settled(a, b);
    const want = [...(base === a ? [signal] : []), peerCandidate(1), peerCandidate(2), peerCandidate(3), again];
    assert.deepEqual(accepted(base, callId), want);
    base.quiet('call:signal', 'call:candidate', 'call:ringing', 'call:state');
    // And back: a base client's repeated call:user or call:answer is a signal.
    const event = base === a ? 'call:user' : 'call:answer';
    base.send(event, event === 'call:user' ? callUser(base, ext, peerCandidate(9)) : { to: ext.user, signal: peerCandidate(9) });
    assert.deepEqual(await ext.next('call:signal'), [{ callId, signal: peerCandidate(9) }]);
    base.forget();
    await hangUp(ext, base, callId);
    await assertFree(a, b);
  }
});

test('C11: 256 are kept, what is beyond goes to devices that are there', async (t) => {
  const [a, b] = await pair(t, server, 'json', 'json');
  const { callId } = await ring(a, b);
  for (let n = 1; n <= 300; n++) a.send('call:candidate', { callId, candidates: [candidate(n)] });
  await settled(a, b);
  const early = inside(b, callId).length;
  assert.equal(early, 300 - 256, 'beyond the limit they are forwarded at once');
  await accept(b, a, callId);
  await settled(a, b);
  const all = inside(b, callId).map((x) => x.candidates[0].candidate);
  assert.equal(new Set(all).size, 300, 'none is lost');
  assert.equal(all.length, 300, 'none comes twice');
  assert.deepEqual(all.slice(early), Array.from({ length: 256 }, (_, i) => candidate(i + 1).candidate));
  await hangUp(a, b, callId);
});

test('1.1: signals are opaque and pass unaltered', async (t) => {
  const odd = ['a bare string', 17, 1.5e300, true, [], [[]], {}, { a: null }, { '\u2028': '\ud83d\ude00', 'k"\\': ['\t'] },
    { sdp: 'x'.repeat(100_000), type: 'offer' }];
  for (const [ka, kb] of [['base', 'base'], ['json', 'base-poll'], ['base', 'json']]) {
    const [a, b] = await pair(t, server, ka, kb);
    for (const signal of odd) {
      a.send('call:user', callUser(a, b, signal));
      const [p] = await b.next('call:incoming');
      assert.deepEqual(p.signal, signal);
      const { callId } = p;
      await accept(b, a, callId, signal);
      await hangUp(a, b, callId);
    }
  }
});

test('C10: a renegotiation of the same media session is no new call', async (t) => {
  for (const [ka, kb] of [['base', 'base'], ['base', 'json'], ['json', 'base']]) {
    const [a, b] = await pair(t, server, ka, kb);
    const o = offer(990);
    const { callId } = await call(a, b, { signal: o });
    const again = offer(990, 3, 'a=x\r\n');
    a.send('call:user', callUser(a, b, again));
    if (b.extended) assert.deepEqual(await b.next('call:signal'), [{ callId, signal: again }]);
    else assert.deepEqual((await b.next('call:accepted'))[0], again);
    await settled(a, b);
    b.quiet('call:incoming', 'call:end');
    await hangUp(a, b, callId);
  }
});

describe('call:resume', { concurrency: 4 }, () => {
  for (const kind of ['json', 'ext']) {
    test(`1.2 ${kind}: a reloaded page of the same device takes its call with what waited for it`, async (t) => {
      const user = unique('phone');
      const p = await Proxy.to(server);
      atEnd(t, () => p.close());
      const a = client(t, server, kind, user, { device: 'phone', url: kind === 'json' ? p.ws : p.url });
      await a.open();
      const b = await join(t, server, 'json');
      const { callId } = await call(a, b);
      p.cut();
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      await b.ask('call:signal', { callId, signal: { n: 1 } });
      await b.ask('call:candidate', { callId, candidates: [candidate(1)] });
      await b.ask('call:signal', { callId, signal: { n: 2 } });
      const page = await join(t, server, kind, user, { device: 'phone' });
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
      const { call: info, pending } = await page.ask('call:resume', { callId });
      assert.equal(info.callId, callId);
      assert.equal(info.state, 'answered');
      assert.equal(info.role, 'caller');
      assert.equal(info.peer.id, b.user);
      assert.deepEqual(pending, [
        { event: 'call:signal', args: [{ callId, signal: { n: 1 } }] },
        { event: 'call:candidate', args: [{ callId, candidates: [candidate(1)] }] },
        { event: 'call:signal', args: [{ callId, signal: { n: 2 } }] },
      ]);
      await settled(page, b);
      page.quiet('call:signal', 'call:candidate', 'call:end');
      // A second time nothing waits any more.
      assert.deepEqual((await page.ask('call:resume', { callId })).pending, []);
      await b.ask('call:signal', { callId, signal: { n: 3 } });
      assert.deepEqual(await page.next('call:signal'), [{ callId, signal: { n: 3 } }]);
      await hangUp(page, b, callId);
      await refused(page.ask('call:resume', { callId }), 'call_ended');
      await assertFree(page, b);
    });
  }

  test('1.2: another device of the user takes the call of a vanished one', async (t) => {
    for (const side of ['caller', 'callee']) {
      const user = unique('roaming');
      const p = await Proxy.to(server);
      atEnd(t, () => p.close());
      const first = client(t, server, 'json', user, { url: p.ws });
      await first.open();
      const b = await join(t, server, 'ext');
      const { callId } = side === 'caller' ? await call(first, b) : await call(b, first);
      p.block();
      p.cut();
      await b.next('call:peer', (s) => s.state === 'reconnecting');
      const second = await join(t, server, 'ext', user);
      const { call: info } = await second.ask('call:resume', { callId });
      assert.equal(info.role, side);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
      // The old one comes back: the call is not its own any more.
      p.unblock();
      await first.open({ resume: {} });
      assert.deepEqual(await first.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
      await refused(first.ask('call:signal', { callId, signal: { x: 1 } }), 'not_in_call');
      await refused(first.ask('call:end', { callId }), 'not_in_call');
      await settled(first, b, second);
      b.quiet('call:end');
      await hangUp(b, second, callId);
      await assertFree(second, b);
    }
  });

  test('1.2: call:handoff moves a living side to the asking device', async (t) => {
    const user = unique('mover');
    const [laptop, phone] = [await join(t, server, 'ext', user), await join(t, server, 'json', user)];
    const b = await join(t, server, 'base');
    const { callId } = await call(laptop, b);
    const { call: info } = await phone.ask('call:handoff', { callId });
    assert.equal(info.callId, callId);
    assert.deepEqual(await laptop.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
    await settled(laptop, b);
    b.quiet('call:end');
    // Signals go to and come from the phone now: a new media session.
    const o = offer();
    await phone.ask('call:signal', { callId, signal: o });
    assert.deepEqual((await b.next('call:accepted'))[0], o);
    await refused(laptop.ask('call:signal', { callId, signal: o }), 'not_in_call');
    laptop.leave();
    await settled(phone, b);
    b.quiet('call:end');
    await hangUp(phone, b, callId);
    await assertFree(phone, b);
  });

  test('1.2: handoff and resume of a call that rings, of a stranger, of nothing', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'json');
    const { callId } = await ring(a, b);
    await refused(a.ask('call:handoff', { callId }), 'not_answered');
    await refused(b.ask('call:handoff', { callId }), 'not_answered');
    await refused(b.ask('call:resume', { callId }), 'not_answered');
    await refused(a.ask('call:resume', {}), 'bad_payload');
    await refused(a.ask('call:handoff', {}), 'bad_payload');
    const { call: info } = await a.ask('call:resume', { callId });
    assert.equal(info.state, 'ringing');
    await accept(b, a, callId);
    await hangUp(a, b, callId);
  });

  test('1.2: a blind transfer sends the other party to a third user', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'ext');
    const c = await join(t, server, 'base');
    const { callId } = await call(a, b);
    const reply = await a.ask('call:transfer', { callId, to: c.user });
    assert.equal(reply.state, 'ended');
    const [p] = await b.next('call:transfer');
    assert.deepEqual(p, { callId, to: c.user, by: a.user, isVideoCall: true });
    assert.equal((await b.next('call:state', (s) => s.state === 'ended'))[0].reason, 'transferred');
    const next = await ring(b, c);
    await accept(c, b, next.callId);
    await settled(a, b, c);
    await assertFree(a, await join(t, server, 'base'));
    await hangUp(c, b, next.callId);
  });

  test('1.2: transfers that make no sense are refused and change nothing', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'json');
    const c = await join(t, server, 'ext');
    const first = await call(a, b);
    await refused(a.ask('call:transfer', { callId: first.callId, withCallId: 'no-such' }), 'not_in_call');
    await refused(a.ask('call:transfer', { callId: first.callId, to: a.user }), 'bad_payload');
    await refused(a.ask('call:transfer', { callId: first.callId, to: b.user }), 'bad_payload');
    await refused(c.ask('call:transfer', { callId: first.callId, to: c.user }), 'not_in_call');
    await refused(a.ask('call:transfer', { callId: first.callId }), 'bad_payload');
    await settled(a, b);
    b.quiet('call:transfer', 'call:end');
    await hangUp(a, b, first.callId);
  });

  test('1.2: a base party can not be transferred and its call goes on', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'base');
    const { callId } = await call(a, b);
    await refused(a.ask('call:transfer', { callId, to: unique('carol') }), 'not_configured');
    await settled(a, b);
    b.quiet('call:end');
    await hangUp(a, b, callId);
  });
});

describe('call waiting', () => {
  test('C4: --call-waiting rings a busy user with waiting:true, and attended transfer works', async (t) => {
    const other = await startTandem({ flags: { 'call-waiting': true } });
    atEnd(t, () => other.stop());
    const [a, b, c] = [await join(t, other, 'json'), await join(t, other, 'json'), await join(t, other, 'ext')];
    const first = await call(a, b);
    c.send('call:user', callUser(c, b));
    const [p] = await b.next('call:incoming');
    assert.equal(p.waiting, true);
    c.quiet('call:unavailable');
    await accept(b, c, p.callId);
    // b holds both: it joins a and c.
    const reply = await b.ask('call:transfer', { callId: first.callId, withCallId: p.callId });
    assert.equal(reply.state, 'ended');
    assert.equal((await a.next('call:transfer'))[0].to, c.user);
    for (const x of [a, b, c]) await x.next('call:state', (s) => s.state === 'ended' && s.reason === 'transferred');
    const next = await call(a, c);
    await hangUp(c, a, next.callId);
    await assertFree(a, b);
  });
});
