// Typing and receipts (M4, the receipts of 1.1, I1).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, WINDOWS, startTandem, unique } from '../lib/server.mjs';
import { join, pair, refused, settled } from '../lib/clients.mjs';

// Without stored messages receipts are passed on as they come; with them:
// messages.test.mjs.
const server = await startTandem({ secret: SECRET, flags: { 'no-chat': true } });
after(() => server.stop());

const PAIRS = [['base', 'base'], ['base', 'json'], ['json', 'base-poll'], ['ext', 'ext-ws']];

describe('M4: typing', { concurrency: 4 }, () => {
  for (const [ka, kb] of PAIRS) {
    test(`M4 ${ka} → ${kb}: typing and stopTyping are relayed as a bare user id`, async (t) => {
      const [a, b] = await pair(t, server, ka, kb);
      const b2 = await join(t, server, 'base', b.user);
      const a2 = await join(t, server, 'base', a.user);
      // Front ends name their socket id, and may name anybody.
      for (const senderId of [a.id, 'somebody-else', undefined, null, 17]) {
        a.send('typing', { senderId, receiverId: b.user });
        for (const c of [b, b2]) assert.deepEqual(await c.next('userTyping'), [a.user]);
        a.send('stopTyping', { senderId, receiverId: b.user });
        for (const c of [b, b2]) assert.deepEqual(await c.next('userStopTyping'), [a.user]);
      }
      await settled(a, b, b2, a2);
      for (const c of [a, a2, b, b2]) c.quiet('userTyping', 'userStopTyping', 'error');
    });

    test(`M4 ${ka} → ${kb}: typing that is not stopped expires by itself`, async (t) => {
      const [a, b] = await pair(t, server, ka, kb);
      const began = Date.now();
      a.send('typing', { senderId: a.id, receiverId: b.user });
      await b.next('userTyping');
      assert.deepEqual(await b.next('userStopTyping'), [a.user]);
      const took = Date.now() - began;
      assert.ok(took >= WINDOWS.typing - 60 && took < WINDOWS.typing + 1000, `${took} ms`);
    });
  }

  test('M4: typing again prolongs it', async (t) => {
    const [a, b] = await pair(t, server, 'base', 'json');
    const began = Date.now();
    let last = began;
    // Keys until three expiries are over, each a third of one after the last.
    await new Promise((resolve) => {
      const keys = setInterval(() => {
        a.send('typing', { senderId: a.id, receiverId: b.user });
        last = Date.now();
        if (last - began > 2 * WINDOWS.typing) {
          clearInterval(keys);
          resolve();
        }
      }, WINDOWS.typing / 4);
    });
    await settled(a, b);
    b.quiet('userStopTyping');
    await b.next('userStopTyping');
    assert.ok(Date.now() - last >= WINDOWS.typing - 100);
  });

  test('M4: typing ends when the typist goes, vanishes or is gone', async (t) => {
    const b = await join(t, server, 'json');
    for (const end of [(a) => a.leave(), (a) => a.ws.terminate(), (a) => a.ws.close(1000)]) {
      const a = await join(t, server, 'json');
      a.send('typing', { receiverId: b.user });
      await b.next('userTyping');
      const began = Date.now();
      end(a);
      assert.deepEqual(await b.next('userStopTyping'), [a.user]);
      assert.ok(Date.now() - began < WINDOWS.typing - 100, 'not by the expiry');
    }
  });

  test('M4: typing to nobody, to oneself, with broken payloads', async (t) => {
    const [a, b] = await pair(t, server, 'base', 'base');
    a.send('typing', { senderId: a.id, receiverId: unique('nobody') });
    for (const p of [undefined, null, 17, 'x', [], {}, { receiverId: null }, { receiverId: 17 }, { receiverId: '' }, { receiverId: 'x'.repeat(500) }]) {
      a.send('typing', p);
      a.send('stopTyping', p);
      await refused(a.ask('typing', p), 'bad_payload');
    }
    a.send('typing', { senderId: a.id, receiverId: b.user });
    assert.deepEqual(await b.next('userTyping'), [a.user]);
  });

  test('M4: over the rate, typing is dropped silently and nothing else suffers', async (t) => {
    const strict = await startTandem({ flags: { 'typing-rate': 5, 'typing-expiry': '60s', 'no-chat': true } });
    atEnd(t, () => strict.stop());
    for (const kind of ['base', 'json']) {
      const [a, b] = await pair(t, strict, kind, 'json');
      for (let i = 0; i < 200; i++) a.send(i % 2 ? 'stopTyping' : 'typing', { senderId: a.id, receiverId: b.user });
      a.send('messageSeen', { messageId: 'after', senderId: b.user });
      await b.next('messageStatusUpdated'); // came after all of them
      await settled(a, b);
      const told = b.all('userTyping').length + b.all('userStopTyping').length;
      assert.ok(told >= 5 && told <= 40, `${told} of 200 at 5 a second`);
      a.quiet('error', '(close)', '(disconnect)');
    }
  });
});

describe('1.1: receipts', { concurrency: 4 }, () => {
  for (const [ka, kb] of PAIRS) {
    test(`1.1 ${ka} → ${kb}: receipts reach the author's devices, and nobody else`, async (t) => {
      const [reader, author] = await pair(t, server, ka, kb);
      const [author2, third, reader2] = [
        await join(t, server, 'base', author.user), await join(t, server, 'json'), await join(t, server, 'ext', reader.user),
      ];
      reader.send('messageDelivered', { messageId: 'm1', senderId: author.user });
      reader.send('messageSeen', { messageId: 'm1', senderId: author.user });
      reader.send('allmessageSeen', { receiverId: 'forged', senderId: author.user });
      for (const c of [author, author2]) {
        assert.deepEqual(await c.next('messageStatusUpdated'), [{ messageId: 'm1', status: 'delivered' }]);
        assert.deepEqual(await c.next('messageStatusUpdated'), [{ messageId: 'm1', status: 'seen' }]);
        assert.deepEqual(await c.next('allmessageStatusUpdated'), [{ senderId: author.user, receiverId: reader.user, status: 'seen' }]);
      }
      await settled(reader, third, reader2, author, author2);
      for (const c of [third, reader, reader2, author, author2]) c.quiet('messageStatusUpdated', 'allmessageStatusUpdated');
    });
  }

  test('1.1: broken receipts are bad_payload', async (t) => {
    const [a, b] = await pair(t, server, 'base', 'json');
    for (const p of [undefined, null, 1, [], {}, { messageId: 'm' }, { senderId: b.user }, { messageId: 7, senderId: b.user }, { messageId: 'm', senderId: {} },
      { messageId: 'x'.repeat(200), senderId: b.user }]) {
      for (const event of ['messageDelivered', 'messageSeen']) await refused(a.ask(event, p), 'bad_payload');
    }
    await refused(a.ask('allmessageSeen', {}), 'bad_payload');
    await settled(a, b);
    b.quiet('messageStatusUpdated', 'allmessageStatusUpdated');
  });
});
