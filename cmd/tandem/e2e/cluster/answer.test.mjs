// Calls whose parties are on different nodes: who rings, who wins, and that both
// are decided once for the whole cluster (C2, C3, C8).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scale, startCluster } from '../lib/cluster.mjs';
import { answer, assertFree, call, callUser, hangUp, join, offer, ring, settled } from '../lib/clients.mjs';
import { report } from '../lib/report.mjs';
import { unique } from '../lib/server.mjs';

const ROUNDS = scale(100, 1000);

test('C2 C3: every device rings on whatever node; one answers, the others fall silent', async (t) => {
  const { nodes, proxy } = await startCluster(t);
  const bob = unique('bob');
  const a = await join(t, proxy, 'json', unique('alice'));
  const devices = await Promise.all([
    join(t, nodes[0], 'json', bob), join(t, nodes[1], 'ext-ws', bob), join(t, nodes[2], 'base-ws', bob), join(t, nodes[2], 'json', bob),
  ]);
  for (const [i, first] of devices.entries()) {
    const rest = devices.filter((d) => d !== first);
    const { callId } = await call(a, [first, ...rest]);
    for (const d of rest) assert.deepEqual(await d.next('call:end', (e) => e.callId === callId), [{ callId, reason: 'answered_elsewhere' }]);
    if (i % 2) await hangUp(a, first, callId);
    else await hangUp(first, a, callId);
    await settled(a, ...devices);
    for (const c of [a, ...devices]) c.quiet('call:end', 'call:unavailable');
  }
  // A device that connects while it rings, rings too.
  const { callId } = await ring(a, devices);
  const late = await join(t, nodes[1], 'json', bob);
  assert.equal((await late.next('call:incoming'))[0].callId, callId);
  await hangUp(a, late, callId, 'cancelled');
});

test(`C3: two devices on two nodes answer in the same moment, ${ROUNDS} times: one winner each time`, async (t) => {
  const { nodes } = await startCluster(t);
  const bob = unique('bob');
  const began = Date.now();
  const a = await join(t, nodes[0], 'json', unique('alice'));
  const [b1, b2] = await Promise.all([join(t, nodes[1], 'json', bob), join(t, nodes[2], 'json', bob)]);
  const wins = [0, 0];
  for (let i = 0; i < ROUNDS; i++) {
    const { callId } = await ring(a, [b1, b2]);
    const order = i % 2 ? [b1, b2] : [b2, b1];
    const results = await Promise.allSettled(order.map((b) => b.ask('call:answer', { callId, to: a.user, signal: answer() })));
    const won = order.filter((_, k) => results[k].status === 'fulfilled');
    assert.equal(won.length, 1, `round ${i}: ${won.length} winners`);
    assert.equal(results.find((r) => r.status === 'rejected').reason.code, 'already_answered');
    const [winner] = won;
    const loser = winner === b1 ? b2 : b1;
    wins[b1 === winner ? 0 : 1]++;
    const [, about] = await a.next('call:accepted');
    assert.equal(about.device, winner.deviceId);
    const [end] = await loser.next('call:end', (e) => e.callId === callId);
    assert.equal(end.reason, 'answered_elsewhere');
    await hangUp(i % 3 ? a : winner, i % 3 ? winner : a, callId);
    // What each was told is right to the last event, and only that.
    if (i % 20 === 19) await settled(a, b1, b2);
    for (const c of [a, b1, b2]) c.quiet('call:accepted');
    for (const c of [a, b1, b2]) c.forget();
  }
  await assertFree(a, [b1, b2]);
  report('answer from two devices on two nodes at once', { rounds: ROUNDS, ms: Date.now() - began, checked: `one winner each time (${wins.join(' to ')}), the other was told answered_elsewhere, nobody stayed busy` });
});

test(`C8: glare across nodes, ${ROUNDS} times: one call each time`, async (t) => {
  const { nodes } = await startCluster(t);
  const began = Date.now();
  const [a, b] = await Promise.all([join(t, nodes[0], 'json', unique('alice')), join(t, nodes[1], 'json', unique('bob'))]);
  let glares = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const pairs = i % 2 ? [[a, b], [b, a]] : [[b, a], [a, b]];
    const acks = await Promise.all(pairs.map(([x, y]) => x.ask('call:user', callUser(x, y, offer()))));
    const ids = new Set(acks.map((k) => k.callId));
    assert.equal(ids.size, 1, `round ${i}: ${JSON.stringify(acks)}`);
    const lost = acks.findIndex((k) => k.state === 'glare');
    assert.notEqual(lost, -1, `round ${i}: nobody was told of the glare: ${JSON.stringify(acks)}`);
    glares++;
    const [loser, winner] = pairs[lost];
    const [callId] = ids;
    await loser.next('call:incoming', (p) => p.callId === callId && p.glare === true);
    await loser.ask('call:answer', { callId, to: winner.user, signal: answer() });
    assert.equal((await winner.next('call:accepted'))[1].callId, callId);
    winner.quiet('call:incoming', 'call:end', 'call:unavailable');
    loser.quiet('call:end', 'call:unavailable');
    await hangUp(i % 3 ? a : b, i % 3 ? b : a, callId);
    for (const c of [a, b]) c.forget();
  }
  await assertFree(a, b);
  await assertFree(b, a);
  report('glare across nodes', { rounds: ROUNDS, ms: Date.now() - began, checked: `one call each time, ${glares} losers told with its id, both free afterwards` });
});
