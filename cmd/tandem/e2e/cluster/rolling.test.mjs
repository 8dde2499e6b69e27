// A new release: every node is drained and started again, one after the other,
// under live calls (O2).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scale, startCluster } from '../lib/cluster.mjs';
import { assertFree } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { report } from '../lib/report.mjs';
import { allHere, calls, missing, steady } from '../lib/steady.mjs';

const SESSIONS = scale(100, 1000);
const CALLS = scale(10, 100);

test(`O2: rolling restart of three nodes under ${SESSIONS} sessions and ${CALLS} calls: no call and no acked event is lost`, async (t) => {
  const cluster = await startCluster(t, { flags: { 'resume-window': '20s', 'drain-timeout': '6s' } });
  const pairs = await calls(t, cluster, CALLS, cluster.nodes);
  const people = pairs.flatMap(({ a, b }) => [a, b]);
  const idle = await Promise.all(Array.from({ length: SESSIONS - 2 * CALLS }, () => steady(t, cluster.proxy)));
  const all = [...people, ...idle];
  let stop = false;
  const chats = people.map((c) => c.chat(() => stop, 100));
  const began = Date.now();
  for (let i = 0; i < cluster.nodes.length; i++) {
    await cluster.nodes[i].stop();
    await cluster.startNode(i);
    await allHere(all);
    const mark = people.map((c) => c.got.size);
    await eventually('signals flow', () => people.every((c, k) => c.got.size > mark[k] + 3)).catch((e) => {
      throw new Error(`${e.message} after node${i}: ${pairs.filter((_, k) => people[2 * k].got.size <= mark[2 * k] + 3).map(({ a, b }) => `${a.hello.node} and ${b.hello.node}: to a ${missing(a, b)} of ${[...b.acked].length}, refused ${JSON.stringify([...(b.refused ?? [])])}; to b ${missing(b, a)} of ${[...a.acked].length}, refused ${JSON.stringify([...(a.refused ?? [])])}; b: ${b.story()}`).slice(0, 2)}`);
    });
    await cluster.behindProxy();
  }
  const took = Date.now() - began;
  stop = true;
  await Promise.all(chats);
  await Promise.all(all.map((c) => c.sync()));
  for (const c of all) c.quiet('call:end', 'call:unavailable');
  const lost = () => pairs.map(({ a, b }) => [missing(a, b), missing(b, a)]).filter(([x, y]) => x.length + y.length);
  await eventually('every acked signal arrived', () => lost().length === 0, 5000).catch((e) => {
    throw new Error(`${e.message}: ${JSON.stringify(lost().slice(0, 5))}`);
  });
  const longest = Math.max(...all.flatMap((c) => c.outages));
  assert.ok(longest < 5000, `a client was away for ${longest} ms`);
  // A node that goes away in the middle of a handshake may have taken the session.
  const anew = all.reduce((n, c) => n + c.renewed, 0);
  assert.ok(anew <= SESSIONS / 20, `${anew} sessions were not taken along`);
  await cluster.onlineAre(all.map((c) => c.user), 10_000);
  for (const { a, b, callId } of pairs) {
    await a.ask('call:end', { to: b.user });
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
  }
  await assertFree(pairs[0].a, pairs[1].b);
  // Nobody is mourned: operators would look for what is lost.
  const logs = [...cluster.gone, ...cluster.nodes].flatMap((n) => n.logs);
  assert.equal(logs.filter((r) => r.msg === 'a node is gone' && r.left).length > 0, true, 'the nodes say who left');
  assert.deepEqual(logs.filter((r) => /^a node died/.test(r.msg) || r.msg === 'a node is gone' && !r.left), []);
  report('rolling restart of three nodes', {
    sessions: SESSIONS, calls: CALLS, ms: took, signals: people.reduce((n, c) => n + c.acked.size, 0), moves: all.reduce((n, c) => n + c.resumed, 0), 'new sessions': anew, 'longest away, ms': longest,
    checked: 'no call ended, every acked signal arrived, online set right',
  });
});
