// A block holds on every node (C15, P5), with real Redis and the store that nodes
// share.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { callUser, join, refused, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { slowMongo, startMongo } from '../lib/mongo.mjs';
import { unique } from '../lib/server.mjs';

const list = (c) => c.all('getOnlineUsers').at(-1)[0];

test('C15, P5: blocked on one node, blocked on all', async (t) => {
  const mongo = await startMongo();
  atEnd(t, () => mongo.stop());
  const { nodes } = await startCluster(t, { flags: { 'ring-timeout': '1s', 'mongo-uri': mongo.uri }, allow: slowMongo });
  const [alice, bob] = [unique('alice'), unique('bob')];
  const [a, a2] = await Promise.all([join(t, nodes[0], 'json', alice), join(t, nodes[1], 'base-ws', alice)]);
  const [b, b2] = await Promise.all([join(t, nodes[1], 'json', bob), join(t, nodes[2], 'base-ws', bob)]);
  const watched = await a.ask('presence:watch', { users: [bob] });
  assert.equal(watched[0].online, true);
  for (const c of [a, a2]) await eventually('bob shows', () => list(c).includes(bob));

  await b.ask('user:block', { userId: alice });
  for (const c of [a, a2]) await eventually('bob looks offline', () => !list(c).includes(bob));
  await a.next('presence:update', (p) => p.user === bob && p.online === false);
  const { message } = await a.ask('message:send', { to: bob, text: 'hello' });
  assert.equal(message.status, 'sent');
  for (const c of [a, a2]) {
    c.send('call:user', callUser(c, b));
    const [no] = await c.next('call:unavailable');
    assert.equal(no.code, 'no_answer');
    c.send('typing', { senderId: 'x', receiverId: bob });
  }
  // Bob is not busy with them: somebody else reaches him meanwhile.
  a.send('call:user', callUser(a, b));
  const c = await join(t, nodes[0], 'json');
  const { callId } = await c.ask('call:user', callUser(c, b));
  assert.equal((await b2.next('call:incoming'))[0].callId, callId);
  await c.ask('call:end', { callId });
  await a.next('call:unavailable');
  await refused(b.ask('message:send', { to: alice, text: 'x' }), 'forbidden');
  await settled(a, a2, b, b2);
  for (const x of [b, b2]) {
    assert.ok(x.all('call:incoming').every(([e]) => e.fromId === c.user));
    x.quiet('newMessage', 'userTyping');
  }

  // A device that comes to another node later knows, and the end of it holds too.
  const late = await join(t, nodes[2], 'json', alice);
  assert.ok(!list(late).includes(bob));
  assert.deepEqual((await late.ask('presence:watch', { users: [bob] }))[0], { user: bob, online: false, devices: 0, lastSeen: null });
  await b.ask('user:unblock', { userId: alice });
  for (const x of [a, a2, late]) await eventually('bob shows again', () => list(x).includes(bob));
  a2.send('call:user', callUser(a2, b));
  assert.equal((await b.next('call:incoming', (e) => e.fromId === alice))[0].fromId, alice);
  assert.deepEqual((await b.ask('message:history', { peer: alice })).messages, [], 'what was sent meanwhile stays with its author');
});
