// Taking a session up again: connection state recovery of socket.io-client, and
// resume of /ws by token and last sequence number (I8, C9).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { Proxy, SECRET, WINDOWS, mintToken, startTandem, unique } from '../lib/server.mjs';
import { RawClient, assertFree, call, client, hangUp, join, settled } from '../lib/clients.mjs';

// Without stored messages receipts of any message are passed on: numbers to count.
const server = await startTandem({ secret: SECRET, flags: { 'no-chat': true } });
after(() => server.stop());

const together = { concurrency: 6 };

async function behind(t, kind, user = unique(kind), o = {}) {
  const p = await Proxy.to(server);
  atEnd(t, () => p.close());
  const c = client(t, server, kind, user, { url: kind === 'json' ? p.ws : p.url, reconnect: true, ...o });
  await c.open();
  if (kind === 'base' || kind === 'ext') await c.upgraded();
  await c.sync();
  return [c, p];
}

async function again(c) {
  if (c.dialect === 'json') {
    await c.open({ resume: {} });
    return { recovered: c.hello.resumed, id: c.hello.sid };
  }
  return (await c.next('(connect)'))[0];
}

/** Tells the user, numbered: events that must arrive. */
function tell(from, user, first, last) {
  for (let n = first; n <= last; n++) from.send('messageSeen', { messageId: `m${n}`, senderId: user });
}

const numbers = (c) => c.all('messageStatusUpdated').map(([p]) => Number(p.messageId.slice(1)));
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

describe('I8: missed events', together, () => {
  for (const kind of ['base', 'base-ws', 'base-poll', 'ext', 'ext-ws', 'json']) {
    test(`I8 ${kind}: what was missed arrives in order, once, and nothing that was there before`, async (t) => {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'json');
      tell(b, a.user, 1, 5);
      await settled(b, a);
      assert.deepEqual(numbers(a), upTo(5));
      const before = a.id;
      p.block();
      p.cut();
      tell(b, a.user, 6, 30);
      await b.sync();
      p.unblock();
      if (kind === 'json') await again(a);
      await a.next('messageStatusUpdated', (m) => m.messageId === 'm30');
      if (kind === 'json') assert.equal(a.hello.resumed, true);
      // A polling client that was not asking just then did not even notice.
      else assert.ok(a.all('(connect)').slice(1).every(([c]) => c.recovered), 'recovered');
      assert.equal(a.id, before);
      tell(b, a.user, 31, 33);
      await settled(b, a);
      assert.deepEqual(numbers(a), upTo(33));
    });

    test(`I8 ${kind}: five cuts while events stream lose none and double none`, async (t) => {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'json');
      let n = 0;
      for (let round = 0; round < 5; round++) {
        tell(b, a.user, n + 1, n + 10); // some of these are on their way in the cut
        n += 10;
        p.cut();
        tell(b, a.user, n + 1, n + 10);
        n += 10;
        if (kind === 'json') {
          await a.next('(close)');
          assert.equal((await again(a)).recovered, true, `round ${round}`);
        }
        // A polling client with no request under way does not even notice.
        await a.next('messageStatusUpdated', (p) => p.messageId === `m${n}`);
        await settled(b, a);
        assert.deepEqual(numbers(a), upTo(n), `round ${round}`);
      }
      assert.ok(a.all('(connect)').slice(1).every(([c]) => c.recovered), 'every return was a recovery');
    });
  }

  test('I8: recovery works when the last event ended in a bare string', async (t) => {
    // socket.io-client takes the last string argument for the offset.
    for (const kind of ['base-ws', 'ext']) {
      const [a, p] = await behind(t, kind);
      const b = await join(t, server, 'json');
      tell(b, a.user, 1, 2);
      b.send('typing', { senderId: 'x', receiverId: a.user });
      assert.deepEqual(await a.next('userTyping'), [b.user]);
      p.cut();
      tell(b, a.user, 3, 4);
      assert.equal((await again(a)).recovered, true);
      await settled(b, a);
      assert.deepEqual(numbers(a), upTo(4));
    }
  });

  test('I8: an extended session keeps its watches and goes on being told', async (t) => {
    for (const kind of ['ext', 'json']) {
      const [a, p] = await behind(t, kind);
      const user = unique('watched');
      await a.ask('presence:watch', { users: [user] });
      p.cut();
      if (kind === 'json') await a.next('(close)');
      assert.equal((await again(a)).recovered, true);
      await join(t, server, 'base', user);
      assert.equal((await a.next('presence:update', (s) => s.online))[0].user, user);
    }
  });

  test('I8: the online list is told again on return', async (t) => {
    for (const kind of ['base-ws', 'json']) {
      const [a, p] = await behind(t, kind);
      p.block();
      p.cut();
      a.forget();
      const b = await join(t, server, 'base');
      p.unblock();
      assert.equal((await again(a)).recovered, true);
      await a.next('getOnlineUsers', (list) => list.includes(b.user) && list.includes(a.user));
    }
  });
});

describe('I8: rights', together, () => {
  test('I8: a pid with the token of another user is no session', async (t) => {
    const user = unique('alice');
    const a = await new RawClient(t, server, user).open();
    const b = await join(t, server, 'json');
    const { callId } = await call(a, b);
    a.ws.terminate();
    await b.next('call:peer');
    const eve = unique('eve');
    const thief = new RawClient(t, server, eve, { auth: { pid: a.connected.pid } });
    await thief.open();
    assert.notEqual(thief.connected.sid, a.connected.sid);
    assert.notEqual(thief.connected.pid, a.connected.pid);
    await thief.sync();
    thief.quiet('call:accepted', 'call:end');
    // Alice herself still can.
    const back = await new RawClient(t, server, user, { auth: { pid: a.connected.pid } }).open();
    assert.equal(back.connected.sid, a.connected.sid);
    assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
    await hangUp(b, back, callId);
  });

  test('I8: a pid without a token, or with an expired one, is refused', async (t) => {
    const user = unique('alice');
    const a = await new RawClient(t, server, user).open();
    a.ws.terminate();
    for (const token of [undefined, 'nonsense', mintToken(user, { exp: 1000 })]) {
      const c = new RawClient(t, server, user, { auth: { pid: a.connected.pid } });
      c.auth.token = token;
      await assert.rejects(c.open(), /^Error: 44\{"message":"(unauthorized|token_expired)"/);
    }
  });

  test('I8: taking a session over closes its old socket', async (t) => {
    const user = unique('alice');
    const a = await new RawClient(t, server, user).open();
    const b = await join(t, server, 'json');
    const { callId } = await call(a, b);
    const c = await new RawClient(t, server, user, { auth: { pid: a.connected.pid } }).open();
    assert.equal(c.connected.sid, a.connected.sid);
    await a.next('(close)');
    await settled(c, b);
    b.quiet('call:end');
    await hangUp(b, c, callId);
  });

  test('I8: a base session is not recovered as an extended one', async (t) => {
    const user = unique('alice');
    const a = await new RawClient(t, server, user).open();
    a.ws.terminate();
    const c = await new RawClient(t, server, user, { auth: { pid: a.connected.pid, tandem: 1 } }).open();
    assert.notEqual(c.connected.sid, a.connected.sid);
  });

  test('I8 json: the token of a hello is good once', async (t) => {
    const [a, p] = await behind(t, 'json');
    const first = a.hello.resumeToken;
    const sid = a.id;
    p.cut();
    await a.next('(close)');
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, true);
    assert.equal(a.id, sid);
    assert.notEqual(a.hello.resumeToken, first);
    await a.sync(); // the server knows now that it has read its hello: until then the first is good
    // Somebody who saw the first one, even with a token of the user.
    const thief = client(t, server, 'json', a.user);
    await thief.open({ resume: { token: first, lastSeq: 0 } });
    assert.equal(thief.hello.resumed, false);
    assert.notEqual(thief.id, sid);
    await a.sync();
    a.quiet('(close)');
    // The fresh one is good still.
    p.cut();
    await a.next('(close)');
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, true);
    assert.equal(a.id, sid);
  });

  test('I8 json: another user\'s token is refused, and does not spend it', async (t) => {
    const [a, p] = await behind(t, 'json');
    const b = await join(t, server, 'base');
    const { callId } = await call(a, b);
    p.cut();
    await a.next('(close)');
    const eve = client(t, server, 'json', unique('eve'));
    await eve.open({ resume: { token: a.hello.resumeToken, lastSeq: 0 } });
    assert.equal(eve.hello.resumed, false);
    assert.equal(eve.hello.user, eve.user);
    await eve.sync();
    eve.quiet('call:accepted', 'call:state');
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, true);
    await hangUp(b, a, callId);
  });

  test('I8 json: no token at all gets nothing by a resume token', async (t) => {
    const [a, p] = await behind(t, 'json');
    p.cut();
    const c = client(t, server, 'json', a.user, { token: null, query: { auth: 'frame' } });
    const opened = c.open({ resume: { token: a.hello.resumeToken, lastSeq: 0 } });
    c.ws.once('open', () => c.send('auth', {}));
    await assert.rejects(opened, { closeCode: 4401 });
  });

  test('I8 json: resume inside the auth frame', async (t) => {
    const [a, p] = await behind(t, 'json');
    const b = await join(t, server, 'json');
    tell(b, a.user, 1, 3);
    await settled(b, a);
    p.cut();
    await a.next('(close)');
    tell(b, a.user, 4, 6);
    await b.sync();
    const c = client(t, server, 'json', a.user, { token: null, query: {} });
    c.lastSeq = 0;
    const opened = c.open();
    c.ws.once('open', () => c.send('auth', { token: mintToken(a.user), resume: { token: a.hello.resumeToken, lastSeq: a.lastSeq } }));
    await opened;
    assert.equal(c.hello.resumed, true);
    assert.equal(c.id, a.id);
    await settled(b, c);
    assert.deepEqual(numbers(c), [4, 5, 6]);
  });

  test('I8 json: nonsense for a resume token is a new session', async (t) => {
    for (const token of ['x', 'x.y', '.', '\u0000', 'a'.repeat(5000), `${'A'.repeat(20)}.${'B'.repeat(22)}`]) {
      const c = client(t, server, 'json', unique('x'));
      await c.open({ resume: { token, lastSeq: 3 } });
      assert.equal(c.hello.resumed, false);
    }
    const [a, p] = await behind(t, 'json');
    p.cut();
    await a.next('(close)');
    await a.open({ resume: { lastSeq: 1_000_000 } }); // a number that never was
    assert.equal(a.hello.resumed, false);
  });

  test('I8 json: a confirmed seq is forgotten; older ones start anew', async (t) => {
    const [a, p] = await behind(t, 'json');
    const b = await join(t, server, 'json');
    tell(b, a.user, 1, 10);
    await settled(b, a);
    a.send('seq', a.lastSeq);
    await a.sync();
    p.cut();
    await a.next('(close)');
    tell(b, a.user, 11, 12);
    await b.sync();
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, true);
    await settled(b, a);
    assert.deepEqual(numbers(a), upTo(12));
    p.cut();
    await a.next('(close)');
    await a.open({ resume: { lastSeq: 1 } });
    assert.equal(a.hello.resumed, false, 'what came after 1 is not kept any more');
  });

  test('I8 json: resuming while the old socket lives closes it with 4409', async (t) => {
    const a = await join(t, server, 'json');
    const b = await join(t, server, 'ext');
    const { callId } = await call(a, b);
    const c = client(t, server, 'json', a.user);
    c.lastSeq = a.lastSeq;
    await c.open({ resume: { token: a.hello.resumeToken, lastSeq: a.lastSeq } });
    assert.equal(c.hello.resumed, true);
    assert.equal(c.id, a.id);
    assert.equal((await a.next('(close)'))[0], 4409);
    await settled(c, b);
    b.quiet('call:end', 'call:peer');
    await hangUp(b, c, callId);
    await assertFree(c, b);
  });

  test('I8 json: more missed than is kept starts anew, and says so', async (t) => {
    const [a, p] = await behind(t, 'json');
    const b = await join(t, server, 'json');
    p.block();
    p.cut();
    await a.next('(close)');
    tell(b, a.user, 1, 1500); // 1024 events are kept
    await b.sync();
    p.unblock();
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, false);
    await a.sync();
  });

  test('I8: more missed than is kept is not recovered, and says so', async (t) => {
    const [a, p] = await behind(t, 'base-ws');
    const b = await join(t, server, 'json');
    tell(b, a.user, 1, 1);
    await settled(b, a);
    p.block();
    p.cut();
    tell(b, a.user, 2, 1500);
    await b.sync();
    p.unblock();
    assert.equal((await again(a)).recovered, false);
    await a.sync();
    assert.deepEqual(numbers(a), [1]);
  });

  test('C9 json: the window is what hello says', async (t) => {
    const [a, p] = await behind(t, 'json');
    const watcher = await join(t, server, 'json');
    await watcher.ask('presence:watch', { users: [a.user] });
    assert.equal(a.hello.resumeWindowMs, WINDOWS.resume);
    p.cut();
    await a.next('(close)');
    await watcher.next('presence:update', (s) => !s.online);
    // Offline after the grace, and yet the session waits for its client.
    await a.open({ resume: {} });
    assert.equal(a.hello.resumed, true);
    await watcher.next('presence:update', (s) => s.online);
  });
});
