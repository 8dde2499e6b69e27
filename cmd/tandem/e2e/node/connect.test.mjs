// Who may come in, as whom, and what a connection can do before any call: both
// dialects, all transports, with and without a secret (I1, I3, I4, I5, I8, O4).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, mintToken, startTandem, unique } from '../lib/server.mjs';
import { KINDS, client, join, refused } from '../lib/clients.mjs';

const guarded = await startTandem({ secret: SECRET, flags: { 'frontend-url': 'https://app.example.com,https://other.example.com' } });
const open = await startTandem();
after(() => Promise.all([guarded.stop(), open.stop()]));

const sio = Object.keys(KINDS).filter((k) => KINDS[k].dialect === 'sio');

for (const kind of Object.keys(KINDS)) {
  test(`I1: ${kind} connects with a token and is greeted with the online list`, async (t) => {
    const c = await join(t, guarded, kind);
    const [list] = await c.next('getOnlineUsers');
    assert.ok(Array.isArray(list));
    assert.ok(list.includes(c.user), 'who connects is in the list');
    if (kind === 'json') {
      assert.equal(c.hello.user, c.user);
      assert.match(c.hello.sid, /^[\w-]{16,}$/);
      assert.match(c.hello.resumeToken, /./);
      assert.equal(c.hello.resumeWindowMs, 1500);
      assert.equal(typeof c.hello.node, 'string');
      assert.ok(Math.abs(c.hello.serverTime - Date.now()) < 60_000);
      assert.equal(c.events[0].name, 'hello', 'hello is the first frame');
      assert.equal(c.ws.protocol, 'tandem.v1');
    } else {
      assert.ok(c.socket.io.engine.transport.name === 'polling' || c.socket.io.engine.transport.name === 'websocket');
      if (!KINDS[kind].transports) await c.upgraded();
      assert.equal(c.socket.io.engine.transport.name, kind.endsWith('poll') ? 'polling' : 'websocket');
    }
  });

  test(`I4: ${kind} connects by userId where there is no secret`, async (t) => {
    const c = await join(t, open, kind);
    const [list] = await c.next('getOnlineUsers');
    assert.ok(list.includes(c.user));
  });

  test(`1: ${kind} gets acknowledgements in order, also for many at once`, async (t) => {
    const c = await join(t, guarded, kind);
    const order = [];
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        refused(c.ask('call:end', { to: 'nobody' }), 'not_in_call').then(() => order.push(i)),
      ),
    );
    assert.deepEqual(order, Array.from({ length: 50 }, (_, i) => i));
  });
}

const bad = [
  ['no token', null, 'unauthorized'],
  ['nonsense', 'nonsense', 'unauthorized'],
  ['a wrong signature', mintToken('mallory', { secret: 'another-secret-of-more-than-32-bytes-here' }), 'unauthorized'],
  ['an expired token', mintToken('late', { exp: Math.floor(Date.now() / 1000) - 3600 }), 'token_expired'],
  ['a token that is not valid yet', mintToken('early', { nbf: Math.floor(Date.now() / 1000) + 3600 }), 'unauthorized'],
  ['alg none', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"userId":"x"}').toString('base64url')}.`, 'unauthorized'],
  ['no user in the token', mintToken(undefined), 'unauthorized'],
];

for (const [what, token, code] of bad) {
  for (const kind of ['base', 'ext-poll', 'base-ws']) {
    test(`I3: ${kind} with ${what} gets connect_error ${code}`, async (t) => {
      const c = client(t, guarded, kind, 'x', { token, query: {} });
      await assert.rejects(c.open(), (error) => {
        assert.equal(error.message, code);
        assert.equal(error.data.code, code);
        assert.ok(error.data.message.length > 5);
        return true;
      });
    });
  }
  test(`I3: json with ${what} is closed with ${code}`, async (t) => {
    const c = client(t, guarded, 'json', 'x', { token, query: { auth: 'frame' } });
    const opened = c.open();
    if (!token) {
      // Nothing was shown yet: the server waits for the auth frame.
      c.ws.once('open', () => c.raw(JSON.stringify({ event: 'auth', args: [{}], id: 1 })));
    } else {
      c.ws.once('open', () => c.raw(JSON.stringify({ event: 'auth', args: [{ token }], id: 1 })));
    }
    await assert.rejects(opened, { closeCode: code === 'token_expired' ? 4402 : 4401, reason: code });
    const [p] = await c.next('error');
    assert.equal(p.code, code);
    assert.equal(p.event, 'auth');
  });
}

for (const kind of ['base', 'ext', 'base-poll']) {
  test(`I1: ${kind} with a query.userId of somebody else gets identity_mismatch`, async (t) => {
    const c = client(t, guarded, kind, unique('eve'), { query: { userId: 'somebody-else' } });
    await assert.rejects(c.open(), (error) => error.message === 'identity_mismatch' && error.data.code === 'identity_mismatch');
  });
}

test('I1: json with a userId of somebody else is closed with identity_mismatch', async (t) => {
  const c = client(t, guarded, 'json', unique('eve'), { query: { userId: 'somebody-else' } });
  await assert.rejects(c.open(), { closeCode: 4403, reason: 'identity_mismatch' });
  assert.equal((await c.next('error'))[0].code, 'identity_mismatch');
});

for (const word of ['undefined', 'null', '']) {
  test(`I1: query.userId "${word}", as front ends send before they know, contradicts no token`, async (t) => {
    const c = await join(t, guarded, 'base', unique('user'), { query: { userId: word } });
    const [list] = await c.next('getOnlineUsers');
    assert.ok(list.includes(c.user));
    assert.ok(!list.includes(word));
  });
  test(`I4: query.userId "${word}" is nobody where there is no secret`, async (t) => {
    const c = client(t, open, 'base', 'x', { query: { userId: word } });
    await assert.rejects(c.open(), (error) => error.message === 'unauthorized' && error.data.code === 'unauthorized');
  });
}

for (const kind of [...sio, 'json']) {
  test(`I1: ${kind} with Authorization: Bearer`, async (t) => {
    const user = unique('bearer');
    const c = await join(t, guarded, kind, user, {
      token: null, query: {}, headers: { Authorization: `Bearer ${mintToken(user)}` },
    });
    assert.ok((await c.next('getOnlineUsers'))[0].includes(user));
  });

  test(`I5: ${kind} with the cookie jwt and an allowed Origin`, async (t) => {
    const user = unique('cookie');
    const c = await join(t, guarded, kind, user, {
      token: null, query: {}, headers: { Cookie: `theme=dark; jwt=${mintToken(user)}; x=1`, Origin: 'https://app.example.com' },
    });
    assert.ok((await c.next('getOnlineUsers'))[0].includes(user));
  });

  test(`I5: ${kind} with the cookie jwt and a foreign Origin stays outside`, async (t) => {
    const user = unique('cookie');
    const c = client(t, guarded, kind, user, {
      token: null, query: {}, headers: { Cookie: `jwt=${mintToken(user)}`, Origin: 'https://evil.example.net' },
    });
    await assert.rejects(c.open());
    c.quiet('getOnlineUsers');
  });
}

test('I5: a WebSocket with the cookie and no Origin stays outside', async (t) => {
  const user = unique('cookie');
  const headers = { Cookie: `jwt=${mintToken(user)}` };
  const c = client(t, guarded, 'base-ws', user, { token: null, query: {}, headers });
  await assert.rejects(c.open(), (error) => error.data?.code === 'origin_not_allowed');
  const j = client(t, guarded, 'json', user, { token: null, query: {}, headers });
  await assert.rejects(j.open(), { closeCode: 4403, reason: 'origin_not_allowed' });
});

test('I1: auth.token comes before Authorization, and that before the cookie', async (t) => {
  const [one, two, three] = ['one', 'two', 'three'].map((n) => unique(n));
  const headers = { Authorization: `Bearer ${mintToken(two)}`, Cookie: `jwt=${mintToken(three)}`, Origin: 'https://app.example.com' };
  const c = await join(t, guarded, 'base-ws', one, { headers });
  assert.ok((await c.next('getOnlineUsers'))[0].includes(one));
  const d = await join(t, guarded, 'base-ws', two, { headers, token: null });
  assert.ok((await d.next('getOnlineUsers'))[0].includes(two));
});

test('I3: claim sub is the user where there is no userId; numbers are ids', async (t) => {
  const user = unique('sub');
  const c = await join(t, guarded, 'base-ws', user, { token: mintToken(undefined, { sub: user }) });
  assert.ok((await c.next('getOnlineUsers'))[0].includes(user));
  const n = await join(t, guarded, 'base-ws', '900719925474', { token: mintToken(900719925474) });
  assert.ok((await n.next('getOnlineUsers'))[0].includes('900719925474'));
});

test('I3: json signs in by an auth frame, which is acknowledged', async (t) => {
  const user = unique('framed');
  const c = client(t, guarded, 'json', user, { token: null, query: {} });
  const opened = c.open();
  c.ws.once('open', () => c.raw(JSON.stringify({ event: 'auth', args: [{ token: mintToken(user), deviceId: 'phone' }], id: 41 })));
  await opened;
  assert.equal(c.hello.user, user);
  assert.equal(c.hello.device, 'phone');
  assert.deepEqual((await c.next('(stray ack)'))[0], { ack: 41, args: [{}] });
});

test('O4: a json client that shows nothing is closed when the handshake time is over', async (t) => {
  const strict = await startTandem({ secret: SECRET, flags: { 'handshake-timeout': '500ms' } });
  atEnd(t, () => strict.stop());
  const c = client(t, strict, 'json', 'silent', { token: null, query: {} });
  const began = Date.now();
  await assert.rejects(c.open(), { closeCode: 4408 });
  assert.ok(Date.now() - began >= 450);
});

test('O4: an event before auth is refused and closes the socket', async (t) => {
  const c = client(t, guarded, 'json', 'hasty', { token: null, query: {} });
  const opened = c.open();
  c.ws.once('open', () => c.send('call:user', { to: 'x', signal: {} }));
  await assert.rejects(opened, { closeCode: 4401 });
  const [p] = await c.next('error');
  assert.equal(p.code, 'unauthorized');
});

test('I3: an extended session hears auth:expiring and lives on with a fresh token', async (t) => {
  const user = unique('refresh');
  const soon = () => Math.floor(Date.now() / 1000) + 30;
  for (const kind of ['ext', 'json']) {
    const c = await join(t, guarded, kind, user, { token: mintToken(user, { exp: soon() }), device: kind });
    const [p] = await c.next('auth:expiring');
    assert.ok(p.inMs > 0 && p.inMs <= 30_000, `${p.inMs}`);
    const reply = await c.ask('auth:refresh', { token: mintToken(user) });
    assert.ok(reply.expiresAt > Date.now() + 3_000_000);
    await refused(c.ask('auth:refresh', { token: mintToken('somebody-else') }), 'identity_mismatch');
    await refused(c.ask('auth:refresh', { token: 'nonsense' }), 'unauthorized');
    await c.sync();
  }
});

test('I3: a session whose token runs out is closed', async (t) => {
  const strict = await startTandem({ secret: SECRET, flags: { 'token-leeway': '0s' } });
  atEnd(t, () => strict.stop());
  const in2s = () => ({ exp: Math.floor(Date.now() / 1000) + 2 });
  const [b, j] = await Promise.all([
    join(t, strict, 'base-ws', unique('base'), { claims: in2s() }),
    join(t, strict, 'json', unique('json'), { claims: in2s() }),
  ]);
  assert.deepEqual(await b.next('(disconnect)'), ['io server disconnect']);
  assert.deepEqual((await j.next('(close)')), [4402, 'token_expired']);
});

test('1: two tabs of one user are two sessions; one leaving keeps the user online', async (t) => {
  const user = unique('tabs');
  const [a, b, other] = [await join(t, guarded, 'base', user), await join(t, guarded, 'base', user), await join(t, guarded, 'ext')];
  assert.notEqual(a.id, b.id);
  const [[state]] = [await other.ask('presence:watch', { users: [user] })];
  assert.deepEqual(state, { user, online: true, devices: 2, lastSeen: null });
  a.leave();
  const [p] = await other.next('presence:update');
  assert.deepEqual(p, { user, online: true, devices: 1, lastSeen: null });
  await b.sync();
});

test('C9: the same deviceId again replaces the older session', async (t) => {
  const user = unique('again');
  const first = await join(t, guarded, 'json', user, { device: 'phone' });
  const second = await join(t, guarded, 'json', user, { device: 'phone' });
  assert.deepEqual((await first.next('(close)'))[0], 4409);
  await second.sync();
  const third = await join(t, guarded, 'ext-ws', user, { device: 'phone' });
  assert.deepEqual((await second.next('(close)'))[0], 4409);
  await third.sync();
});

test('1: a namespace that does not exist is refused', async (t) => {
  const c = await join(t, guarded, 'base');
  const other = c.socket.io.socket('/admin');
  atEnd(t, () => other.disconnect());
  const error = await new Promise((resolve) => {
    other.once('connect_error', resolve);
    other.connect();
  });
  assert.equal(error.message, 'Invalid namespace');
  await c.sync();
});

test('I4: without a secret, marks of a proxy or a foreign Host refuse', async (t) => {
  for (const headers of [{ 'X-Forwarded-For': '203.0.113.9' }, { Forwarded: 'for=203.0.113.9' }, { Via: '1.1 x' }]) {
    const c = client(t, open, 'base-ws', unique('far'), { headers });
    await assert.rejects(c.open(), (error) => error.message === 'forbidden' && error.data.code === 'forbidden');
    const j = client(t, open, 'json', unique('far'), { headers });
    await assert.rejects(j.open(), { closeCode: 4403 });
  }
  const c = client(t, open, 'json', unique('rebind'), { headers: { Host: 'rebound.example.com' } });
  await assert.rejects(c.open(), { closeCode: 4403 });
});

test('I2: what a callee is shown comes from the token, not from the payload', async (t) => {
  const user = unique('alice');
  const alice = await join(t, guarded, 'base', user, { claims: { fullName: 'Alice A.', profilePic: 'https://example.com/a.png' } });
  const bob = await join(t, guarded, 'base');
  alice.send('call:user', {
    to: bob.user, signal: { sdp: 'x' }, fromId: 'mallory', callerName: 'The Bank', isVideoCall: false,
    from: { _id: 'mallory', fullName: 'The Bank', profilePic: 'javascript:alert(1)', gender: 'x', password: 'y', username: 'al\u202eice' },
  });
  const [p] = await bob.next('call:incoming');
  assert.equal(p.fromId, user);
  assert.equal(p.callerName, 'Alice A.');
  assert.deepEqual(p.from, { _id: user, fullName: 'Alice A.', profilePic: 'https://example.com/a.png', gender: 'x', username: 'alice' });
});

test('I2: without claims the payload is shown, pictures of http(s) only', async (t) => {
  const [alice, bob] = [await join(t, open, 'base'), await join(t, open, 'json')];
  alice.send('call:user', {
    to: bob.user, signal: { sdp: 'x' }, callerName: 'Alice', isVideoCall: false,
    from: { _id: 'mallory', fullName: 'Alice', profilePic: 'data:text/html,x' },
  });
  const [p] = await bob.next('call:incoming');
  assert.deepEqual(p.from, { _id: alice.user, fullName: 'Alice' });
  assert.equal(p.callerName, 'Alice');
});

test('C15: a token without "call" in can may not place calls', async (t) => {
  const a = await join(t, guarded, 'ext', unique('mute'), { claims: { can: ['message'] } });
  const b = await join(t, guarded, 'base');
  await refused(a.ask('call:user', { to: b.user, signal: { sdp: 'x' } }), 'forbidden');
  const [p] = await a.next('call:unavailable');
  assert.equal(p.code, 'forbidden');
  await b.sync();
  b.quiet('call:incoming');
});

test('1: /ws without an upgrade answers 426', async () => {
  const r = await fetch(guarded.url + '/ws');
  assert.equal(r.status, 426);
});
