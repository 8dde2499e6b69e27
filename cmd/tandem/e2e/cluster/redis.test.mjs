// Redis dies, comes back empty, stands still, or is hard to reach, under live
// sessions and calls (P7); and nodes are hard to reach for each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scale, startCluster } from '../lib/cluster.mjs';
import { assertFree, call, callUser, hangUp, join, refused } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { report } from '../lib/report.mjs';
import { calls, missing, steady } from '../lib/steady.mjs';

const SESSIONS = scale(200, 2000);
const CALLS = scale(20, 200);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A cluster with calls across nodes, calls within one, and sessions that are just there. */
async function populated(t, sessions, n, options) {
  const cluster = await startCluster(t, options);
  const { nodes } = cluster;
  const across = await calls(t, cluster, n, nodes);
  const local = await calls(t, cluster, 5, [nodes[0], nodes[0]]);
  const idle = [];
  while (idle.length < sessions - 2 * n - 10) {
    idle.push(...(await Promise.all(Array.from({ length: 20 }, (_, k) => steady(t, cluster.proxy, undefined, { first: nodes[k % nodes.length] })))));
  }
  const all = [...across, ...local].flatMap(({ a, b }) => [a, b]).concat(idle);
  await cluster.onlineAre(all.map((c) => c.user), 10_000);
  return { cluster, across, local, idle, all };
}

/** Calls are as they were, in both directions; and new ones can be made. */
async function whole({ cluster, across, local, idle, all }, ms) {
  for (const c of all) {
    assert.equal(c.outages.length, 0, `${c.who} had to connect again`);
    c.quiet('call:end', '(close)');
  }
  await eventually('events pass between nodes', async () => {
    const [{ a, callId }] = across;
    return a.ask('call:signal', { callId, signal: { probe: 1 } }).then(() => true, () => false);
  }, ms);
  await cluster.onlineAre(all.map((c) => c.user), ms);
  for (const { a, b, callId } of [...across, ...local]) {
    for (const [x, y] of [[a, b], [b, a]]) {
      await x.ask('call:signal', { callId, signal: { after: x.user } });
      await y.next('call:signal', (s) => s.signal.after === x.user);
    }
  }
  await assertFree(idle[0], idle[1]);
}

/** Everybody hangs up; nobody is busy then. */
async function over({ across, local }) {
  for (const { a, b, callId } of [...across, ...local]) {
    await a.ask('call:end', { to: b.user });
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
  }
  await assertFree(across[0].a, across[1].b);
  await assertFree(local[0].b, local[1].a);
}

test(`P7: Redis killed and started empty under ${SESSIONS} sessions and ${CALLS} calls: local traffic goes on, the rest says unavailable, all is back`, async (t) => {
  const world = await populated(t, SESSIONS, CALLS);
  const { cluster, across, local, idle, all } = world;
  await cluster.redis.kill();
  await eventually('every node has noticed', async () => {
    const ready = await Promise.all(cluster.nodes.map(async (n) => (await fetch(`${n.url}/readyz`)).json()));
    return ready.every((r) => r.status === 'degraded');
  });
  let slowest = 0;
  for (let i = 0; i < 20; i++) {
    for (const { a, b, callId } of local) {
      const began = Date.now();
      await a.ask('call:signal', { callId, signal: { i } });
      await b.next('call:signal', (s) => s.signal.i === i);
      slowest = Math.max(slowest, Date.now() - began);
    }
  }
  assert.ok(slowest < 500, `local traffic took ${slowest} ms`);
  let refusal = 0;
  for (const [from, to] of [[idle[0], idle[1]], [idle[2], idle[3]]]) {
    const began = Date.now();
    await refused(from.ask('call:user', callUser(from, to)), 'unavailable');
    refusal = Math.max(refusal, Date.now() - began);
  }
  assert.ok(refusal < 1000, `unavailable took ${refusal} ms`);
  const began = Date.now();
  await cluster.redis.start();
  await cluster.onlineAre(all.map((c) => c.user), 5000);
  await eventually('every call has its parties again', async () => {
    const answers = await Promise.allSettled(across.map(({ a, callId }) => a.ask('call:signal', { callId, signal: { again: 1 } })));
    return answers.every((x) => x.status === 'fulfilled');
  }, 5000 - (Date.now() - began));
  const back = Date.now() - began;
  assert.ok(back < 5000, `it took ${back} ms`);
  await whole(world, 2000);
  await over(world);
  report('Redis killed and restarted empty', { sessions: SESSIONS, calls: CALLS, ms: back, 'slowest local signal, ms': slowest, 'unavailable after, ms': refusal, checked: 'local traffic went on, others were told unavailable, all back, no client had to reconnect' });
});

const FROZEN = scale(3000, 10_000);

test(`P7: Redis stands still for ${FROZEN / 1000} s: nothing acked is lost, no client notices`, async (t) => {
  const world = await populated(t, scale(60, 400), scale(10, 100));
  const { cluster, across, local } = world;
  let stop = false;
  const people = across.flatMap(({ a, b }) => [a, b]);
  const chats = people.map((c) => c.chat(() => stop));
  cluster.redis.freeze();
  const began = Date.now();
  while (Date.now() - began < FROZEN) {
    for (const { a, b, callId } of local) {
      const i = Math.random();
      await a.ask('call:signal', { callId, signal: { i } });
      await b.next('call:signal', (s) => s.signal.i === i);
    }
    await pause(50);
  }
  cluster.redis.thaw();
  const thawed = Date.now();
  const mark = people.map((c) => c.got.size);
  await eventually('signals flow again', () => people.every((c, i) => c.got.size > mark[i] + 2), 8000);
  const back = Date.now() - thawed;
  stop = true;
  await Promise.all(chats);
  await eventually('every acked signal arrived', () => across.every(({ a, b }) => !missing(a, b).length && !missing(b, a).length));
  await whole(world, 5000);
  await over(world);
  report('Redis frozen', { frozen: `${FROZEN / 1000} s`, calls: across.length, ms: back, signals: people.reduce((n, c) => n + c.acked.size, 0), checked: 'local traffic went on, every acked signal arrived, no client had to reconnect' });
});

const DISTURBED = [
  ['reset', (lines) => lines.forEach((l) => l.reset())],
  ['cut', (lines) => lines.forEach((l) => l.cut())],
  ['standing still for a second', async (lines) => {
    lines.forEach((l) => l.freeze());
    await pause(1000);
    lines.forEach((l) => l.thaw());
  }],
];
const LINES = [
  ['connections between nodes and Redis', { line: true }, (cluster) => [cluster.line]],
  ['connections between nodes', { trunks: true }, (cluster) => cluster.trunks],
];

for (const [which, options, lines, how, disturb] of LINES.flatMap((l) => DISTURBED.map((d) => [...l, ...d]))) {
  const rounds = scale(3, 20);
  test(`P3 P7: ${which}, ${how}, ${rounds} times: nothing acked is lost`, async (t) => {
    const world = await populated(t, 40, 10, options);
    const { cluster, across } = world;
    let stop = false;
    const people = across.flatMap(({ a, b }) => [a, b]);
    const chats = people.map((c) => c.chat(() => stop, 50));
    const began = Date.now();
    for (let i = 0; i < rounds; i++) {
      const mark = people.map((c) => c.got.size);
      await eventually('signals flow', () => people.every((c, k) => c.got.size > mark[k] + 3));
      await disturb(lines(cluster));
    }
    const mark = people.map((c) => c.got.size);
    await eventually('signals flow again', () => people.every((c, k) => c.got.size > mark[k] + 3));
    stop = true;
    await Promise.all(chats);
    await eventually('every acked signal arrived', () => across.every(({ a, b }) => !missing(a, b).length && !missing(b, a).length));
    await whole(world, 5000);
    await over(world);
    report(`${which}: ${how}`, { times: rounds, calls: across.length, ms: Date.now() - began, signals: people.reduce((n, c) => n + c.acked.size, 0), checked: 'every acked signal arrived, no client had to reconnect' });
  });
}

const DELAY = 20;
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

for (const direct of [true, false]) {
  test(`P3 P7: Redis is ${DELAY} ms away, nodes reach each other ${direct ? 'directly' : 'through it only'}: all goes on, as much later`, async (t) => {
    const cluster = await startCluster(t, { line: true, trunks: true });
    const { nodes } = cluster;
    cluster.line.delay(DELAY);
    if (!direct) {
      for (const trunk of cluster.trunks) {
        trunk.block();
        trunk.cut();
      }
    }
    const setups = [];
    const typing = [];
    for (let i = 0; i < scale(3, 20); i++) {
      const [a, b] = await Promise.all(nodes.slice(0, 2).map((n) => join(t, n, 'json')));
      const c = await join(t, nodes[2], 'base-ws', b.user);
      const began = performance.now();
      const { callId } = await call(a, [b, c]);
      setups.push(performance.now() - began);
      for (let n = 0; n < 10; n++) {
        await pause(5 * DELAY); // so that nothing of the one before is on its way
        const sent = performance.now();
        a.send(n % 2 ? 'stopTyping' : 'typing', { receiverId: b.user });
        await b.next(n % 2 ? 'userStopTyping' : 'userTyping');
        typing.push(performance.now() - sent);
      }
      // It comes back on another node, twice, and has what it missed.
      for (const [k, node] of [nodes[2], nodes[0]].entries()) {
        b.ws.terminate();
        await b.next('(close)');
        await a.ask('call:signal', { callId, signal: { k } });
        await b.open({ resume: {}, url: node.ws });
        assert.equal(b.hello.resumed, true);
        await b.next('call:signal', (x) => x.k === k || x.signal?.k === k);
        await b.ask('call:signal', { callId, signal: { k } });
        await a.next('call:signal', (x) => x.signal.k === k);
      }
      await hangUp(b, a, callId);
      for (const x of [a, b, c]) x.leave();
    }
    for (const n of nodes) assert.equal((await (await fetch(`${n.url}/readyz`)).json()).status, 'ready');
    // To Redis and from there; a machine that has more to do may add to it, but not
    // as much as a queue that grows.
    const hop = direct ? 0 : 2 * DELAY;
    const took = median(typing);
    assert.ok(took >= hop && took < hop + 3 * DELAY, `typing took ${took} ms`);
    report(`Redis ${DELAY} ms away, ${direct ? 'nodes reach each other' : 'all through it'}`, { calls: setups.length, 'typing, ms': Math.round(took), 'call set-up with its answer, ms': Math.round(median(setups)), checked: 'calls, typing and sessions that move work, nobody is degraded' });
  });
}
