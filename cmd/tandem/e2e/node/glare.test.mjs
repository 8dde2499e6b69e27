// Two people who ring each other (C8).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTandem } from '../lib/server.mjs';
import { accept, answer, assertFree, callUser, hangUp, join, offer, pair, peerCandidate, refused, ring, settled, to } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

const PAIRS = [['base', 'base'], ['base', 'json'], ['json', 'base'], ['ext', 'json'], ['base-poll', 'ext'], ['json', 'json']];

for (const [ka, kb] of PAIRS) {
  // The first of the pair rings first: its claim is the earlier one.
  test(`C8 ${ka} rings ${kb} first: one call, the winner's; base devices never get call:end`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    const won = await ring(a, b);
    if (b.extended) {
      // The loser's ack names the winning call and says why.
      assert.deepEqual(await b.ask('call:user', callUser(b, a)), { callId: won.callId, state: 'glare' });
    } else {
      b.send('call:user', callUser(b, a));
    }
    if (b.extended) {
      const [p] = await b.next('call:incoming');
      assert.equal(p.callId, won.callId);
      assert.equal(p.glare, true);
      assert.deepEqual(p.signal, won.signal);
      assert.equal(p.fromId, a.user);
    }
    // A base device rings with that call already, and gets no signal twice (1.1).
    await settled(a, b);
    b.quiet('call:incoming');
    a.quiet('call:incoming', 'call:end', 'call:unavailable');
    b.quiet('call:end', 'call:unavailable', 'call:rejected');
    // The loser answers, as an extended client does without asking.
    await accept(b, a, won.callId);
    await settled(a, b);
    for (const c of [a, b]) c.quiet('call:end', 'call:rejected', 'call:unavailable');
    await hangUp(b, a, won.callId);
    await assertFree(a, b);
    await assertFree(b, a);
  });

  test(`C8 ${ka} and ${kb} in the same moment, 25 rounds: one call each time`, async (t) => {
    const [a, b] = await pair(t, server, ka, kb);
    for (let i = 0; i < 25; i++) {
      a.forget();
      b.forget();
      const offers = new Map([[a, offer()], [b, offer()]]);
      for (const [x, y] of i % 2 ? [[a, b], [b, a]] : [[b, a], [a, b]]) x.send('call:user', callUser(x, y, offers.get(x)));
      await settled(a, b);
      const told = [a, b].map((c) => c.events.filter((e) => e.name === 'call:incoming' && !e.taken).map((e) => e.args[0]));
      const winner = told[1].length ? a : b;
      const loser = winner === a ? b : a;
      const at = told[loser === a ? 0 : 1];
      assert.equal(told[winner === a ? 0 : 1].length, 0, 'the winner is not rung');
      assert.ok(at.length >= 1, 'the loser is rung');
      assert.equal(new Set(at.map((p) => p.callId)).size, 1);
      assert.equal(at.length, loser.extended ? 2 : 1, `rung ${at.length} times`);
      if (loser.extended) assert.equal(at.at(-1).glare, true);
      for (const p of at) assert.deepEqual(p.signal, offers.get(winner));
      for (const c of [a, b]) c.quiet('call:unavailable', 'call:rejected', 'call:end');
      const { callId } = at[0];
      loser.forget();
      await accept(loser, winner, callId);
      await hangUp(i % 3 ? winner : loser, i % 3 ? loser : winner, callId);
      await settled(a, b);
      for (const c of [a, b]) c.quiet('call:end', 'call:unavailable', 'call:rejected');
    }
    await assertFree(a, b);
    await assertFree(b, a);
  });
}

test('C8: a base winner is given one answer, also if the loser answers twice', async (t) => {
  for (const kb of ['base', 'base-poll']) {
    const [a, b] = await pair(t, server, 'base', kb);
    const won = await ring(a, b);
    b.send('call:user', callUser(b, a));
    await settled(b, a);
    const signal = answer();
    b.send('call:answer', { to: a.user, signal });
    b.send('call:answer', { to: a.user, signal: answer() }); // of a second peer for the same offer
    assert.deepEqual((await a.next('call:accepted'))[0], signal);
    await settled(b, a);
    a.quiet('call:accepted', 'call:end');
    await hangUp(a, b, won.callId);
  }
});

test('C8: trickled candidates of the winner are not told again with the glare', async (t) => {
  const [a, b] = await pair(t, server, 'base', 'json');
  const { callId } = await ring(a, b);
  a.send('call:user', callUser(a, b, peerCandidate(1)));
  await b.next('call:incoming');
  b.send('call:user', callUser(b, a));
  const [p] = await b.next('call:incoming');
  assert.equal(p.glare, true);
  await settled(b, a);
  b.quiet('call:incoming');
  await accept(b, a, callId);
  await hangUp(a, b, callId);
});

test('C8: a second call:user of the loser does not ring it a second time', async (t) => {
  const [a, b] = await pair(t, server, 'base', 'json');
  const { callId } = await ring(a, b);
  const o = offer();
  const first = await b.ask('call:user', callUser(b, a, o));
  assert.deepEqual(await b.ask('call:user', callUser(b, a, o)), first);
  assert.equal((await b.next('call:incoming'))[0].glare, true);
  await settled(a, b);
  b.quiet('call:incoming');
  a.quiet('call:incoming', 'call:end');
  await hangUp(a, b, callId, 'cancelled');
  await assertFree(b, a);
});

test('C8: the winner cancels after a glare, both are free', async (t) => {
  for (const [ka, kb] of [['base', 'base'], ['json', 'ext']]) {
    const [a, b] = await pair(t, server, ka, kb);
    const { callId } = await ring(a, b);
    b.send('call:user', callUser(b, a));
    await settled(b, a);
    b.forget();
    await hangUp(a, b, callId, 'cancelled');
    await assertFree(b, a);
    // And the loser declines.
    const second = await ring(b, a);
    a.send('call:user', callUser(a, b));
    await settled(a, b);
    a.forget();
    a.send('call:rejected', to(b, a));
    assert.equal((await b.next('call:rejected'))[0].callId, second.callId);
    await assertFree(a, b);
  }
});

test('C8: another device of the loser rings on and may answer', async (t) => {
  const [a, b1] = await pair(t, server, 'base', 'json');
  const b2 = await join(t, server, 'base', b1.user);
  const { callId } = await ring(a, [b1, b2]);
  assert.equal((await b1.ask('call:user', callUser(b1, a))).callId, callId);
  await b1.next('call:incoming');
  await settled(a, b1, b2);
  b2.quiet('call:incoming', 'call:end');
  await accept(b2, a, callId);
  assert.deepEqual(await b1.next('call:end'), [{ callId, reason: 'answered_elsewhere' }]);
  await refused(b1.ask('call:answer', { callId, signal: answer() }), 'already_answered');
  await hangUp(b2, a, callId);
  await assertFree(b1, a);
});
