// Stored messages (M1 to M3, M6, M7): what is sent over REST, as existing front
// ends do, and what the devices of the two are told of it.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { join, refused, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { folder, rest } from '../lib/rest.mjs';

const server = await startTandem({ secret: SECRET });
after(() => server.stop());

const news = ['newMessage', 'messageStatusUpdated', 'allmessageStatusUpdated', 'reactionUpdated', 'messageDeleted'];

async function send(as, to, text, more = {}) {
  const r = await as('POST', `/api/messages/send/${to}`, { text, ...more });
  assert.equal(r.status, 201, JSON.stringify(r.body));
  return r.body;
}

describe('M1, M2: a message and its status', { concurrency: 4 }, () => {
  for (const [ka, kb] of [['base', 'base'], ['base', 'json'], ['ext', 'base-poll'], ['json', 'ext-ws']]) {
    test(`M2 ${ka} → ${kb}: sent, delivered, seen; newMessage has two arguments`, async (t) => {
      const claims = { fullName: 'Alice A.', profilePic: 'https://pics.example/a.png', password: 'hidden' };
      const a = await join(t, server, ka, unique('alice'), { claims });
      const b = await join(t, server, kb, unique('bob'));
      const third = await join(t, server, 'ext');
      const alice = rest(server, a.user, { claims });
      const message = await send(alice, b.user, 'hello', { media: 'https://media.example/x.png' });
      assert.equal(message.senderId, a.user);
      assert.equal(message.receiverId, b.user);
      assert.equal(message.message, 'hello');
      assert.equal(message.media, 'https://media.example/x.png');
      assert.equal(message.status, 'sent');
      assert.match(message._id, /^[0-9a-f]{24}$/);
      assert.equal(new Date(message.createdAt).toISOString(), message.createdAt);

      const [got, profile, ...none] = await b.next('newMessage');
      assert.deepEqual(got, message);
      assert.deepEqual(profile, { _id: a.user, fullName: 'Alice A.', profilePic: 'https://pics.example/a.png' });
      assert.deepEqual(none, []);

      // The server itself says so once a device has it, before the front end does.
      assert.deepEqual(await a.next('messageStatusUpdated'), [{ messageId: message._id, status: 'delivered' }]);
      b.send('messageDelivered', { messageId: message._id, senderId: a.user });
      b.send('messageSeen', { messageId: message._id, senderId: a.user });
      assert.deepEqual(await a.next('messageStatusUpdated'), [{ messageId: message._id, status: 'seen' }]);
      b.send('messageDelivered', { messageId: message._id, senderId: a.user });
      await settled(b, a, third);
      if (a.extended) assert.equal((await a.next('newMessage'))[0]._id, message._id, 'what it sent over REST');
      for (const c of [a, b, third]) c.quiet(...news);
      assert.equal((await alice('GET', `/api/messages/${b.user}`)).body[0].status, 'seen', 'a status never falls');
    });
  }

  test('M2: only the receiver marks', async (t) => {
    const [a, b, c] = [await join(t, server, 'base'), unique('bob'), await join(t, server, 'json')];
    const alice = rest(server, a.user);
    const m = await send(alice, b, 'x'); // bob is away: it stays sent
    for (const who of [a, c]) who.send('messageSeen', { messageId: m._id, senderId: a.user });
    await settled(a, c);
    a.quiet('messageStatusUpdated');
    assert.equal((await alice('GET', `/api/messages/${b}`)).body[0].status, 'sent');
  });

  test("1.1: the author's other devices: extended ones are told, base ones would count it as unread", async (t) => {
    const [a, b] = [await join(t, server, 'base'), await join(t, server, 'base')];
    const extended = await join(t, server, 'json', a.user);
    const b2 = await join(t, server, 'ext', b.user);
    const m = await send(rest(server, a.user), b.user, 'x');
    for (const c of [b, b2, extended]) assert.equal((await c.next('newMessage'))[0]._id, m._id);
    await settled(a, b, b2, extended);
    for (const c of [a, b, b2, extended]) c.quiet('newMessage');
  });
});

describe('1.2: over the socket', { concurrency: 4 }, () => {
  for (const [ka, kb] of [['ext', 'ext-ws'], ['ext-poll', 'json'], ['json', 'base']]) {
    test(`M1 ${ka} → ${kb}: message:send is acknowledged with the message, once however often it is sent`, async (t) => {
      const [a, b] = [await join(t, server, ka), await join(t, server, kb)];
      const { message } = await a.ask('message:send', { to: b.user, text: 'hello', clientId: 'c1' });
      assert.deepEqual([message.senderId, message.receiverId, message.message, message.clientId], [a.user, b.user, 'hello', 'c1']);
      assert.equal((await a.ask('message:send', { to: b.user, text: 'hello', clientId: 'c1' })).message._id, message._id);
      const [got, profile] = await b.next('newMessage');
      assert.equal(got._id, message._id);
      assert.equal(profile._id, a.user);
      assert.deepEqual(await a.next('messageStatusUpdated'), [{ messageId: message._id, status: 'delivered' }]);
      for (const [payload, code] of [[undefined, 'bad_payload'], [{ to: b.user }, 'bad_payload'], [{ to: b.user, text: 'x', replyTo: 'nothing' }, 'bad_payload']]) {
        await refused(a.ask('message:send', payload), code);
      }
      await settled(a, b);
      for (const c of [a, b]) c.quiet(...news, 'error');
      assert.equal((await rest(server, b.user)('GET', `/api/messages/${a.user}`)).body.length, 1);
    });
  }

  test('O4: every send of a burst is answered: stored in its order, or rate_limited', async (t) => {
    for (const kind of ['ext-ws', 'json']) {
      const [a, b] = [await join(t, server, kind), unique('bob')];
      const all = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => a.ask('message:send', { to: b, text: `m${i}`, clientId: `c${i}` })));
      const stored = all.filter((r) => r.status === 'fulfilled').map((r) => r.value.message.message);
      for (const r of all) if (r.status === 'rejected') assert.equal(r.reason.code, 'rate_limited', String(r.reason));
      assert.ok(stored.length >= 64, `${stored.length} were stored`);
      const { body } = await rest(server, a.user)('GET', `/api/messages/${b}?limit=1000`);
      assert.deepEqual(body.map((m) => m.message), stored);
    }
  });

  test('M3: who was away gets by message:sync what was missed, with its receipts', async (t) => {
    const [a, user] = [await join(t, server, 'ext'), unique('bob')];
    const ids = [];
    for (let i = 0; i < 7; i++) ids.push((await a.ask('message:send', { to: user, text: `m${i}` })).message._id);
    const b = await join(t, server, 'ext', user);
    const got = new Map(); // the state that each has last
    let since;
    for (let more = true; more;) {
      const page = await b.ask('message:sync', { since, limit: 3 });
      for (const m of page.messages) got.set(m._id, m.status);
      for (const r of page.receipts) got.set(r.messageId, r.status);
      ({ cursor: since, more } = page);
    }
    assert.deepEqual([...got.keys()], ids);
    for (const id of ids) assert.deepEqual(await a.next('messageStatusUpdated', (p) => p.messageId === id), [{ messageId: id, status: 'delivered' }]);
  });
});

describe('M6: conversations', { concurrency: 4 }, () => {
  test('M6: unread is counted until allmessageSeen, of which the author hears', async (t) => {
    const [a, b] = [await join(t, server, 'base'), await join(t, server, 'base')];
    const [alice, bob] = [rest(server, a.user), rest(server, b.user)];
    for (let i = 0; i < 3; i++) await send(alice, b.user, `m${i}`);
    const list = async (as) => (await as('GET', '/api/conversations')).body.conversations.map((c) => [c.peer, c.lastMessage.message, c.unread]);
    assert.deepEqual(await list(bob), [[a.user, 'm2', 3]]);
    assert.deepEqual(await list(alice), [[b.user, 'm2', 0]]);
    b.send('allmessageSeen', { receiverId: b.user, senderId: a.user });
    assert.deepEqual(await a.next('allmessageStatusUpdated'), [{ senderId: a.user, receiverId: b.user, status: 'seen' }]);
    assert.deepEqual(await list(bob), [[a.user, 'm2', 0]]);
    const history = await alice('GET', `/api/messages/${b.user}`);
    assert.deepEqual(history.body.map((m) => m.status), ['seen', 'seen', 'seen']);
  });

  test('1.3: a reaction toggles, and the two people are told, nobody else', async (t) => {
    const [a, b, c] = [await join(t, server, 'base'), await join(t, server, 'json'), await join(t, server, 'ext')];
    const m = await send(rest(server, a.user), b.user, 'x');
    for (const [who, emoji, reactions] of [
      [b, '👍', [{ userId: b.user, emoji: '👍' }]],
      [b, '🎉', [{ userId: b.user, emoji: '🎉' }]],
      [a, '❤️', [{ userId: b.user, emoji: '🎉' }, { userId: a.user, emoji: '❤️' }]],
      [b, '🎉', [{ userId: a.user, emoji: '❤️' }]],
    ]) {
      const r = await rest(server, who.user)('POST', '/api/messages/react', { messageId: m._id, emoji });
      assert.equal(r.status, 200);
      assert.deepEqual(r.body.reactions, reactions);
      for (const d of [a, b]) assert.deepEqual(await d.next('reactionUpdated'), [{ messageId: m._id, reactions }]);
    }
    const r = await rest(server, c.user)('POST', '/api/messages/react', { messageId: m._id, emoji: '👍' });
    assert.equal(r.status, 403);
    await settled(a, b, c);
    for (const d of [a, b, c]) d.quiet('reactionUpdated');
  });

  test('M7: a deletion: base devices get what is left, extended ones which one', async (t) => {
    const [a, b] = [await join(t, server, 'base'), await join(t, server, 'base')];
    const [a2, b2] = [await join(t, server, 'json', a.user), await join(t, server, 'ext', b.user)];
    const [alice, bob] = [rest(server, a.user), rest(server, b.user)];
    const [first, second] = [await send(alice, b.user, 'first'), await send(alice, b.user, 'second')];
    assert.equal((await bob('DELETE', `/api/messages/${first._id}`)).status, 403);
    assert.equal((await alice('DELETE', `/api/messages/${first._id}`)).status, 200);
    assert.equal((await alice('DELETE', `/api/messages/${first._id}`)).status, 404);
    for (const c of [a, b]) {
      const args = await c.next('messageDeleted');
      assert.equal(args.length, 4);
      const [left, sender, receiver, which] = args;
      assert.deepEqual(left.map((m) => m._id), [second._id]);
      assert.deepEqual([sender, receiver, which], [a.user, b.user, { messageId: first._id }]);
    }
    for (const c of [a2, b2]) assert.deepEqual(await c.next('messageDeleted'), [{ messageId: first._id }]);
    assert.deepEqual((await bob('GET', `/api/messages/${a.user}`)).body.map((m) => m._id), [second._id]);

    // For oneself: the other side keeps it and hears nothing.
    assert.equal((await bob('DELETE', `/api/messages/${second._id}?forMe=1`)).status, 200);
    assert.deepEqual((await b2.next('messageDeleted')), [{ messageId: second._id }]);
    assert.deepEqual((await b.next('messageDeleted'))[0], []);
    assert.deepEqual((await bob('GET', `/api/messages/${a.user}`)).body, []);
    assert.equal((await alice('GET', `/api/messages/${b.user}`)).body.length, 1);
    await settled(a, b, a2, b2);
    for (const c of [a, b, a2, b2]) c.quiet('messageDeleted');
  });
});

describe('M1: what is stored stays', { concurrency: 2 }, () => {
  test('M1: messages outlive a restart', async (t) => {
    const dir = folder(t);
    const [alice, bob] = [unique('alice'), unique('bob')];
    const first = await startTandem({ secret: SECRET, dir });
    atEnd(t, () => first.stop());
    const sent = [];
    for (let i = 0; i < 5; i++) sent.push(await send(rest(first, alice), bob, `m${i}`, i ? { replyTo: { messageId: sent[i - 1]._id, message: 'x' } } : {}));
    await first.stop();
    const second = await startTandem({ secret: SECRET, dir });
    atEnd(t, () => second.stop());
    const history = await rest(second, bob)('GET', `/api/messages/${alice}`);
    assert.deepEqual(history.body, sent);
    assert.deepEqual(history.body[3].replyTo, { messageId: sent[2]._id, text: 'm2' });
    // Who comes back is shown as the author's device was told.
    const b = await join(t, second, 'base', bob);
    const a = await join(t, second, 'base', alice);
    b.send('allmessageSeen', { receiverId: bob, senderId: alice });
    assert.deepEqual(await a.next('allmessageStatusUpdated'), [{ senderId: alice, receiverId: bob, status: 'seen' }]);
  });

  test('M1: kill -9 while many send: every message that was acked is there, once', async (t) => {
    const dir = folder(t);
    const first = await startTandem({ secret: SECRET, dir });
    atEnd(t, () => first.stop({ check: false, signal: 'SIGKILL' }));
    const people = Array.from({ length: 8 }, () => [unique('a'), unique('b')]);
    const acked = new Map(people.map(([a]) => [a, []]));
    const asked = new Map(people.map(([a]) => [a, 0]));
    let dead = false;
    const writers = people.map(async ([a, b]) => {
      const as = rest(first, a);
      for (let i = 0; !dead; i++) {
        asked.set(a, i + 1);
        const r = await as('POST', `/api/messages/send/${b}`, { text: `m${i}`, clientId: `c${i}` }).catch(() => undefined);
        if (!r) return; // killed meanwhile
        assert.equal(r.status, 201);
        acked.get(a).push(r.body._id);
      }
    });
    await eventually('each has sent a hundred', () => [...acked.values()].every((ids) => ids.length >= 100));
    await first.stop({ check: false, signal: 'SIGKILL' });
    dead = true;
    await Promise.all(writers);

    const second = await startTandem({ secret: SECRET, dir });
    atEnd(t, () => second.stop());
    for (const [a, b] of people) {
      const as = rest(second, a);
      const read = async () => {
        const all = [];
        for (let before = ''; ; before = all[0]._id) {
          const { body } = await as('GET', `/api/messages/${b}?limit=100&before=${before}`);
          all.unshift(...body);
          if (body.length < 100) return all;
        }
      };
      const there = await read();
      const ids = there.map((m) => m._id);
      assert.equal(new Set(ids).size, ids.length, 'each once');
      // The last one may be stored without its answer having come back.
      assert.deepEqual(ids.slice(0, acked.get(a).length), acked.get(a));
      assert.ok(ids.length <= asked.get(a));
      assert.deepEqual(there.map((m) => m.message), ids.map((_, i) => `m${i}`));
      // A client that heard nothing asks again: it is the same message.
      const last = asked.get(a) - 1;
      const again = await as('POST', `/api/messages/send/${b}`, { text: `m${last}`, clientId: `c${last}` });
      assert.equal(again.status, 201);
      assert.equal((await read()).length, asked.get(a));
    }
  });
});
