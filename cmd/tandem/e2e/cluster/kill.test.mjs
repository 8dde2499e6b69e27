// Nodes that die or stand still under live calls (C13, P1, P3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHAOS, LEASE, scale, startCluster } from '../lib/cluster.mjs';
import { assertFree, join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { report } from '../lib/report.mjs';
import { allHere, calls, missing } from '../lib/steady.mjs';

const CALLS = scale(50, 500);

test(`C13: kill -9 of a node with one side of ${CALLS} calls, clients come back: every call goes on, nothing acked is lost`, async (t) => {
  const cluster = await startCluster(t, { flags: { 'resume-window': '20s' } });
  const pairs = await calls(t, cluster, CALLS, cluster.nodes.slice(0, 2));
  const all = pairs.flatMap(({ a, b }) => [a, b]);
  let over = false;
  const talking = all.map((c) => c.chat(() => over, scale(100, 500)));
  await eventually('signals flow', () => all.every((c) => c.got.size >= 2));
  const began = Date.now();
  await cluster.nodes[1].die();
  await eventually('the peers saw reconnecting and back', () =>
    pairs.every(({ a }) => a.all('call:peer').some(([p]) => p.state === 'reconnecting') && a.all('call:peer').at(-1)[0].state === 'back'), 20_000).catch((e) => {
    const bad = pairs.filter(({ a }) => a.all('call:peer').at(-1)?.[0].state !== 'back');
    throw new Error(`${e.message}: ${bad.length} of ${CALLS}; ${bad[0]?.a.story()}; ${bad[0]?.b.story()}`);
  });
  await allHere(all);
  const back = Date.now() - began;
  const mark = all.map((c) => c.got.size);
  await eventually('signals flow again', () => all.every((c, i) => c.got.size >= mark[i] + 2));
  over = true;
  await Promise.all(talking);
  await Promise.all(all.map((c) => c.sync()));
  for (const { a, b } of pairs) {
    a.quiet('call:end');
    b.quiet('call:end');
    assert.equal(b.refusal, undefined, `its call was not given to ${b.user} again: ${b.refusal}`);
  }
  await eventually('every acked signal arrived', () => pairs.every(({ a, b }) => !missing(a, b).length && !missing(b, a).length), 5000).catch((e) => {
    const lost = pairs.map(({ a, b }) => [missing(a, b), missing(b, a)]).filter(([x, y]) => x.length + y.length);
    throw new Error(`${e.message}: of ${lost.length} calls (to the living, to the moved): ${JSON.stringify(lost.slice(0, 10))}`);
  });
  await cluster.onlineAre(all.map((c) => c.user), 10_000 - Math.min(9000, Date.now() - began - back));
  for (const { a, b, callId } of pairs) {
    await b.ask('call:end', { to: a.user });
    const [end] = await a.next('call:end');
    assert.deepEqual(end, { callId, reason: 'hangup' });
  }
  await assertFree(pairs[0].a, pairs[1].b);
  await assertFree(pairs[0].b, pairs[1].a);
  report('kill -9 of a node holding one side of live calls, clients return', {
    calls: CALLS, ms: back, signals: all.reduce((n, c) => n + c.acked.size, 0), resumed: all.reduce((n, c) => n + c.renewed, 0),
    checked: 'every call went on, every acked signal arrived, peers saw reconnecting then back, online set right, all free after hanging up',
  });
});

test(`C13: kill -9 of a node with one side of ${CALLS} calls, clients stay away: all end lost in time, nobody stays busy`, async (t) => {
  const cluster = await startCluster(t, { flags: { 'resume-window': '5s' } });
  const pairs = await calls(t, cluster, CALLS, cluster.nodes.slice(0, 2));
  const began = Date.now();
  for (const { b } of pairs) b.left = true;
  await cluster.nodes[1].die();
  await Promise.all(pairs.map(async ({ a, callId }) => {
    const [end] = await a.next('call:end', undefined, 5000 + LEASE + 5000);
    assert.deepEqual(end, { callId, reason: 'lost' });
  }));
  const took = Date.now() - began;
  assert.ok(took < 5000 + 5000 + LEASE, `the last one ended after ${took} ms`);
  await cluster.onlineAre(pairs.map(({ a }) => a.user), 10_000);
  for (const { a } of pairs) assert.equal(a.all('call:end').length, 1, 'told once');
  await assertFree(pairs[0].a, pairs[1].a);
  const bob = await join(t, cluster.proxy, 'json', pairs[0].b.user);
  await assertFree(pairs[0].a, bob);
  await assertFree(bob, pairs[1].a);
  report('kill -9 of a node holding one side of live calls, clients do not return', { calls: CALLS, ms: took, checked: 'every call ended lost within window and 5 s, told once; online set right, nobody busy' });
});

test(`P1: a node stands still for ${CHAOS ? '30 s' : 'longer than its lease'} and goes on: it is told that it was dead, and owns nothing twice`, async (t) => {
  const cluster = await startCluster(t, { flags: { 'resume-window': '60s' } });
  const n = scale(10, 50);
  const pairs = await calls(t, cluster, n, cluster.nodes.slice(0, 2));
  const all = pairs.flatMap(({ a, b }) => [a, b]);
  const [, frozen] = cluster.nodes;
  frozen.freeze();
  await eventually('the peers saw reconnecting', () => pairs.every(({ a }) => a.all('call:peer').some(([p]) => p.state === 'reconnecting')), 20_000);
  // Half of the clients give up on the dead line and come back elsewhere, half
  // wait for the node.
  const movers = pairs.filter((_, i) => i % 2).map(({ b }) => b);
  for (const b of movers) b.ws.terminate();
  await eventually('they are back on another node', () => movers.every((b) => b.here && b.hello.node !== 'node1'), 20_000);
  if (CHAOS) await new Promise((resolve) => setTimeout(resolve, 30_000 - LEASE)); // the fault lasts that long
  const began = Date.now();
  frozen.thaw();
  await eventually('everybody is back', () => pairs.every(({ a }) => a.all('call:peer').at(-1)[0].state === 'back') && all.every((c) => c.here), 20_000);
  const back = Date.now() - began;
  await cluster.onlineAre(all.map((c) => c.user), 10_000);
  // Each event comes once: nobody has two sessions.
  for (const { a, b, callId } of pairs) {
    await a.ask('call:signal', { callId, signal: { here: a.user } });
    await b.next('call:signal', (s) => s.signal.here === a.user);
    await b.ask('call:signal', { callId, signal: { here: b.user } });
    await a.next('call:signal', (s) => s.signal.here === b.user);
  }
  await Promise.all(all.map((c) => c.sync()));
  for (const c of all) c.quiet('call:signal', 'call:end');
  for (const { a, b, callId } of pairs) {
    await a.ask('call:end', { to: b.user });
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
  }
  await assertFree(pairs[0].a, pairs[1].b);
  report('a node frozen longer than its lease, then continued', { calls: n, frozen: CHAOS ? '30 s' : `> ${LEASE} ms`, ms: back, checked: 'it registered again, every call went on, each event came once, online set right' });
});
