// Messages on many nodes with one MongoDB (M1 to M3, M5).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { scale, startCluster } from '../lib/cluster.mjs';
import { join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { slowMongo, startMongo } from '../lib/mongo.mjs';
import { rest } from '../lib/rest.mjs';
import { app } from '../lib/sdk.mjs';
import { unique } from '../lib/server.mjs';

async function clusterWithMongo(t, nodes) {
  const mongo = await startMongo();
  atEnd(t, () => mongo.stop());
  return startCluster(t, {
    nodes,
    flags: { 'mongo-uri': mongo.uri, 'events-rate': '100000', 'events-burst': '100000' },
    allow: slowMongo,
  });
}

test('M1, M2, M3: sent on one node, delivered and seen on another, caught up on a third', async (t) => {
  const { nodes } = await clusterWithMongo(t, 3);
  const [alice, bob] = [unique('alice'), unique('bob')];
  const a = await join(t, nodes[0], 'json', alice);
  const b = await join(t, nodes[1], 'base', bob);
  const { message } = await a.ask('message:send', { to: bob, text: 'hello', clientId: 'c1' });
  const [got] = await b.next('newMessage');
  assert.deepEqual(got, message);
  assert.deepEqual(await a.next('messageStatusUpdated'), [{ messageId: message._id, status: 'delivered' }]);
  b.send('messageSeen', { messageId: message._id, senderId: alice });
  assert.deepEqual(await a.next('messageStatusUpdated'), [{ messageId: message._id, status: 'seen' }]);
  const again = await (await join(t, nodes[2], 'json', alice)).ask('message:send', { to: bob, text: 'hello', clientId: 'c1' });
  assert.equal(again.message._id, message._id, 'the same message from whatever node');

  const third = await join(t, nodes[2], 'json', bob);
  const first = await third.ask('message:sync', { since: '' });
  assert.deepEqual(first.messages.map((m) => [m.message, m.status]), [['hello', 'seen']]);
  assert.equal((await rest(nodes[2], bob)('POST', '/api/messages/react', { messageId: message._id, emoji: '👍' })).status, 200);
  const [news] = await a.next('reactionUpdated');
  assert.deepEqual(news.reactions, [{ userId: bob, emoji: '👍' }]);
  const next = await third.ask('message:sync', { since: first.cursor });
  assert.deepEqual(next.messages.map((m) => m.reactions.length), [1]);
  assert.equal((await rest(nodes[1], alice)('DELETE', `/api/messages/${message._id}`)).status, 200);
  const last = await third.ask('message:sync', { since: next.cursor });
  assert.deepEqual(last.deleted, [message._id]);
  for (const n of nodes) assert.deepEqual((await rest(n, bob)('GET', `/api/messages/${alice}`)).body, []);
});

const RANK = { sent: 0, delivered: 1, seen: 2 };
const SENDS = scale(240, 600); // FerretDB goes through all messages for each

test(`M1: kill -9 of a node during ${SENDS} sends: every acked message is there once, on every node, and its receiver has it`, async (t) => {
  const cluster = await clusterWithMongo(t, 3);
  const people = Array.from({ length: 4 }, () => [unique('a'), unique('b')]);
  const each = SENDS / people.length;
  let acked = 0;
  const told = new Map();
  const receivers = [];
  for (const [, b] of people) {
    const c = app(t, cluster.proxy, b, { cursor: '' });
    c.messages.on('message', (m) => told.set(m._id, m.message));
    await c.connect();
    await c.messages.sync();
    receivers.push(c);
  }
  const writing = people.map(async ([a, b]) => {
    const c = app(t, cluster.proxy, a);
    await c.connect();
    const sent = [];
    for (let i = 0; i < each; i += 3) {
      sent.push(...await Promise.all([0, 1, 2].map((k) => c.messages.send(b, { text: `m${i + k}` }))));
      acked += 3;
    }
    return sent;
  });
  for (const [share, n] of [[0.2, 0], [0.6, 1]]) {
    await eventually('some are stored', () => acked >= SENDS * share, scale(60_000, 200_000));
    await cluster.nodes[n].die();
    await cluster.startNode(n);
  }
  const sent = await Promise.all(writing);
  for (const [i, [a, b]] of people.entries()) {
    for (const node of cluster.nodes) {
      const { body } = await rest(node, a)('GET', `/api/messages/${b}?limit=5000`);
      assert.equal(body.length, each, 'each once');
      assert.deepEqual(new Set(body.map((m) => m._id)), new Set(sent[i].map((m) => m._id)), 'every one that was acked');
      assert.deepEqual(body.map((m) => m.message).sort(), Array.from({ length: each }, (_, k) => `m${k}`).sort());
    }
    const c = await join(t, cluster.nodes[2], 'json', b);
    const statuses = new Map();
    for (let since = '', more = true; more;) {
      const page = await c.ask('message:sync', { since, limit: 50 });
      for (const m of page.messages) {
        const before = statuses.get(m._id);
        assert.ok(!before || RANK[m.status] > RANK[before], `told twice, and nothing had changed: ${before}, ${m.status}`);
        statuses.set(m._id, m.status);
      }
      ({ cursor: since, more } = page);
    }
    assert.equal(statuses.size, each, 'sync has them all');
  }
  // Of what a node had acknowledged and not told yet when it died the receivers
  // hear when they ask.
  for (const c of receivers) await c.messages.sync();
  assert.deepEqual(sent.flat().filter((m) => !told.has(m._id)), [], 'the receivers have them all');
});
