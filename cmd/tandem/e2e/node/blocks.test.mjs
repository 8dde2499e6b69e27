// Blocking somebody (C15, P5), with the real clients: the blocked one is told
// nothing, and reaches nobody.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { callUser, join, refused, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { rest } from '../lib/rest.mjs';
import { app } from '../lib/sdk.mjs';

const server = await startTandem({ secret: SECRET, flags: { 'ring-timeout': '1s' } });
after(() => server.stop());

const list = (c) => c.all('getOnlineUsers').at(-1)[0];

describe('C15: blocked', { concurrency: 3 }, () => {
  for (const kind of ['base', 'base-poll', 'ext', 'json']) {
    test(`C15, P5 ${kind}: calls ring nowhere, messages stay with their author, typing is dropped, the other one looks offline`, async (t) => {
      const [a, b] = [await join(t, server, kind), await join(t, server, 'json')];
      const tab = await join(t, server, 'base', b.user);
      await eventually('b shows as online', () => list(a).includes(b.user));
      await b.ask('user:block', { userId: a.user });
      await eventually('who blocked looks offline', () => !list(a).includes(b.user));
      assert.ok(list(b).includes(a.user), 'but sees the other one');

      a.send('call:user', callUser(a, b));
      const [no] = await a.next('call:unavailable');
      assert.deepEqual([no.code, no.reason], ['no_answer', 'User did not answer']);
      a.send('typing', { senderId: a.id, receiverId: b.user });
      const sent = await rest(server, a.user)('POST', `/api/messages/send/${b.user}`, { text: 'hello' });
      assert.deepEqual([sent.status, sent.body.status], [201, 'sent']);
      await settled(a, b, tab);
      for (const c of [b, tab]) c.quiet('call:incoming', 'call:end', 'call:state', 'newMessage', 'userTyping', 'userStopTyping');
      a.quiet('messageStatusUpdated');
      const bob = rest(server, b.user);
      assert.deepEqual((await bob('GET', `/api/messages/${a.user}`)).body, []);
      assert.equal((await rest(server, a.user)('GET', `/api/messages/${b.user}`)).body.length, 1);
      const log = (await bob('GET', '/api/calls')).body;
      assert.deepEqual([log.calls, log.missed], [[], 0]);
      const mine = (await rest(server, a.user)('GET', '/api/calls')).body.calls;
      assert.deepEqual(mine.map((c) => [c.callee, c.reason]), [[b.user, 'no_answer']]);
      assert.ok(!(await rest(server, a.user)('GET', '/api/users/online')).body.includes(b.user));

      // The other way round it is said plainly.
      await refused(b.ask('call:user', callUser(b, a)), 'forbidden');
      await refused(b.ask('message:send', { to: a.user, text: 'x' }), 'forbidden');
      const [why] = await b.next('call:unavailable');
      assert.equal(why.reason, 'You have blocked this user.');

      await b.ask('user:unblock', { userId: a.user });
      await eventually('b shows again', () => list(a).includes(b.user));
      a.send('typing', { senderId: a.id, receiverId: b.user });
      assert.deepEqual((await tab.next('userTyping')).slice(0, 1), [a.user]);
      a.send('call:user', callUser(a, b));
      assert.equal((await tab.next('call:incoming'))[0].fromId, a.user);
    });
  }
});

test('C15: lists over the socket and REST are one, and other devices hear of it', async (t) => {
  const a = await join(t, server, 'json');
  const other = await join(t, server, 'ext', a.user);
  const [x, y] = [unique('x'), unique('y')].sort();
  const alice = rest(server, a.user, { cookie: true });
  assert.deepEqual((await alice('POST', '/api/blocks', { userId: y })).body, { userId: y, blocked: true });
  await a.ask('user:block', { userId: x });
  assert.deepEqual((await other.ask('user:blocks')).users, [x, y]);
  assert.deepEqual((await alice('GET', '/api/blocks')).body, { users: [x, y] });
  assert.deepEqual((await alice('DELETE', `/api/blocks/${y}`)).body, { userId: y, blocked: false });
  for (const [userId, blocked] of [[y, true], [x, true], [y, false]]) {
    assert.deepEqual((await other.next('user:blocked'))[0], { userId, blocked });
  }
  await refused(a.ask('user:block', { userId: a.user }), 'bad_payload');
  await refused(a.ask('user:block', {}), 'bad_payload');
});

test('C15: where no messages are kept nobody is blocked', async (t) => {
  const bare = await startTandem({ secret: SECRET, flags: { 'no-chat': true } });
  atEnd(t, () => bare.stop());
  const a = await join(t, bare, 'json');
  for (const ev of ['user:block', 'user:unblock', 'user:blocks']) await refused(a.ask(ev, { userId: 'x' }), 'not_configured');
  assert.equal((await rest(bare, a.user)('GET', '/api/blocks')).status, 501);
});

test('C15: the SDK blocks, and its other tab knows', async (t) => {
  const [user, eve] = [unique('alice'), unique('eve')];
  const [one, two] = [app(t, server, user), app(t, server, user)];
  await Promise.all([one.connect(), two.connect()]);
  await one.blocks.block(eve);
  assert.deepEqual([...one.blocks.users], [eve]);
  await eventually('the other tab knows', () => two.blocks.users.has(eve));
  assert.deepEqual(await two.blocks.list(), [eve]);
  one.cut();
  await one.blocks.unblock(eve); // sent again after the loss
  await eventually('the other tab knows', () => !two.blocks.users.has(eve));
});
