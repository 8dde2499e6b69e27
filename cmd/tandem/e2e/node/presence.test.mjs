// Who is online (P4, P5, GET /api/users/online).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { Proxy, SECRET, WINDOWS, mintToken, startTandem, unique } from '../lib/server.mjs';
import { callUser, client, join, refused, settled, to } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

async function behind(t, on, kind, user = unique(kind)) {
  const p = await Proxy.to(on);
  atEnd(t, () => p.close());
  const c = await client(t, on, kind, user, { url: kind === 'json' ? p.ws : p.url }).open();
  if (kind === 'base') await c.upgraded();
  return [c, p];
}

test('P4: the list holds everybody once, also who has several tabs, and loses who left', async (t) => {
  const own = await startTandem();
  atEnd(t, () => own.stop());
  const watcher = await join(t, own, 'base', 'watcher');
  assert.deepEqual(await watcher.next('getOnlineUsers'), [['watcher']]);
  const [a1, a2] = [await join(t, own, 'json', 'alice'), await join(t, own, 'base', 'alice')];
  await watcher.next('getOnlineUsers', (l) => l.length === 2);
  const b = await join(t, own, 'ext', 'bob');
  assert.deepEqual((await watcher.next('getOnlineUsers', (l) => l.includes('bob')))[0].sort(), ['alice', 'bob', 'watcher']);
  assert.deepEqual((await b.next('getOnlineUsers'))[0].sort(), ['alice', 'bob', 'watcher']);
  watcher.forget();
  a1.leave();
  b.leave();
  assert.deepEqual((await watcher.next('getOnlineUsers', (l) => !l.includes('bob')))[0].sort(), ['alice', 'watcher']);
  watcher.forget();
  a2.leave();
  assert.deepEqual(await watcher.next('getOnlineUsers', (l) => !l.includes('alice')), [['watcher']]);
});

test('P4: many changes are told as few lists, and nothing without a change', async (t) => {
  const own = await startTandem({ flags: { 'presence-interval': '400ms' } });
  atEnd(t, () => own.stop());
  const watcher = await join(t, own, 'json', 'watcher');
  const began = Date.now();
  const others = await Promise.all(Array.from({ length: 40 }, (_, i) => join(t, own, i % 2 ? 'base-ws' : 'json', `user-${i}`)));
  await watcher.next('getOnlineUsers', (l) => l.length === 41);
  const ticks = Math.ceil((Date.now() - began) / 400) + 1;
  const lists = watcher.all('getOnlineUsers').length;
  assert.ok(lists <= ticks + 1, `${lists} lists in ${ticks} intervals for 40 users`);
  // A second tab and its end change nothing that is in the list.
  watcher.forget();
  const before = watcher.all('getOnlineUsers').length;
  const tab = await join(t, own, 'json', 'user-1');
  tab.leave();
  await tab.next('(close)');
  others[0].leave(); // this does, and is told afterwards
  await watcher.next('getOnlineUsers', (l) => l.length === 40);
  assert.equal(watcher.all('getOnlineUsers').length, before + 1);
});

test('P4: above the limit, lists hold those whom a session had to do with', async (t) => {
  const own = await startTandem({ flags: { 'presence-broadcast-limit': 5 } });
  atEnd(t, () => own.stop());
  const crowd = [];
  for (let i = 0; i < 8; i++) crowd.push(await join(t, own, 'base-ws', `u${i}`));
  const late = await join(t, own, 'base', 'late');
  assert.deepEqual(await late.next('getOnlineUsers'), [[]]);
  // One whom it talks to appears when the next list is told.
  late.send('typing', { senderId: late.id, receiverId: 'u3' });
  await crowd[3].next('userTyping');
  const extra = await join(t, own, 'base-ws', 'extra');
  assert.deepEqual(await late.next('getOnlineUsers', (l) => l.length > 0), [['u3']]);
  late.forget();
  crowd[3].leave();
  assert.deepEqual(await late.next('getOnlineUsers', (l) => l.length === 0), [[]]);
  assert.deepEqual(await extra.next('getOnlineUsers'), [[]]);
  // Who was shown the whole list before is corrected.
  assert.deepEqual((await crowd[0].next('getOnlineUsers', (l) => l.length === 0)), [[]]);
  const r = await fetch(`${own.url}/api/users/online`);
  assert.deepEqual((await r.json()).sort(), ['extra', 'late', 'u0', 'u1', 'u2', 'u4', 'u5', 'u6', 'u7']);
});

describe('P5', { concurrency: 6 }, () => {
  for (const kind of ['ext', 'json', 'ext-poll']) {
    test(`P5 ${kind}: presence:watch gives a snapshot, then changes of those users only`, async (t) => {
      const w = await join(t, server, kind);
      const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((n) => unique(n));
      const a = await join(t, server, 'base', alice);
      const snapshot = await w.ask('presence:watch', { users: [alice, bob, alice] });
      assert.deepEqual(snapshot.slice(0, 2), [
        { user: alice, online: true, devices: 1, lastSeen: null },
        { user: bob, online: false, devices: 0, lastSeen: null },
      ]);
      await join(t, server, 'json', carol);
      const b = await join(t, server, 'json', bob);
      assert.deepEqual(await w.next('presence:update'), [{ user: bob, online: true, devices: 1, lastSeen: null }]);
      const before = Date.now();
      b.leave();
      const [gone] = await w.next('presence:update');
      assert.equal(gone.user, bob);
      assert.equal(gone.online, false);
      assert.equal(gone.devices, 0);
      assert.ok(gone.lastSeen >= before - 1000 && gone.lastSeen <= Date.now() + 1000, 'last seen in ms since 1970');
      // Last seen is kept, for others too.
      const [state] = await (await join(t, server, 'json')).ask('presence:watch', { users: [bob] });
      assert.deepEqual(state, gone);
      // Without interest nothing more comes.
      assert.deepEqual(await w.ask('presence:unwatch', { users: [bob] }), []);
      await join(t, server, 'json', bob);
      a.leave();
      assert.equal((await w.next('presence:update'))[0].user, alice, 'bob\'s return would have come before');
      w.quiet('presence:update');
    });
  }

  test('P5: vanished is offline after the grace, clean at once', async (t) => {
    for (const kind of ['base', 'json']) {
      const w = await join(t, server, 'json');
      const [v, p] = await behind(t, server, kind);
      await w.ask('presence:watch', { users: [v.user] });
      let began = Date.now();
      p.cut();
      const [first] = await w.next('presence:update');
      assert.deepEqual([first.online, first.devices], [true, 0], 'still online in the grace');
      const [second] = await w.next('presence:update');
      const took = Date.now() - began;
      assert.equal(second.online, false);
      assert.ok(took >= WINDOWS.grace - 50, `${took} ms`);
      const c = await join(t, server, kind, v.user);
      await w.next('presence:update', (s) => s.online);
      began = Date.now();
      c.leave();
      assert.equal((await w.next('presence:update'))[0].online, false);
      assert.ok(Date.now() - began < WINDOWS.grace - 50, 'at once');
    }
  });

  test('P5: who is back within the grace was never offline', async (t) => {
    const w = await join(t, server, 'json');
    const user = unique('quick');
    const [, p] = await behind(t, server, 'base', user);
    await w.ask('presence:watch', { users: [user] });
    p.cut();
    await w.next('presence:update', (s) => s.devices === 0);
    const c = await join(t, server, 'base', user);
    await w.next('presence:update', (s) => s.devices === 1);
    c.leave();
    await w.next('presence:update', (s) => !s.online);
    assert.equal(w.all('presence:update').filter(([s]) => !s.online).length, 1);
  });

  test('P5: the watch ends with the session; bad lists are refused', async (t) => {
    const w = await join(t, server, 'json');
    for (const p of [undefined, null, [], 'x', {}, { users: 'x' }, { users: [1] }, { users: [''] }, { users: [null] }, { users: Array(501).fill('u') }]) {
      await refused(w.ask('presence:watch', p), 'bad_payload');
    }
    assert.deepEqual(await w.ask('presence:watch', { users: [] }), []);
    for (let i = 0; i < 4; i++) await w.ask('presence:watch', { users: Array.from({ length: 500 }, (_, n) => `w-${i}-${n}`) });
    await refused(w.ask('presence:watch', { users: ['one-too-many'] }), 'rate_limited');
  });

  test('P5: a base client has no presence:watch', async (t) => {
    const c = await join(t, server, 'base');
    await refused(c.ask('presence:watch', { users: ['x'] }), 'unknown_event');
  });
});

test('P4: GET /api/users/online is an array, or pages', async (t) => {
  const own = await startTandem({ secret: SECRET, flags: { 'frontend-url': 'https://app.example.com' } });
  atEnd(t, () => own.stop());
  const users = Array.from({ length: 7 }, (_, i) => `user-${i}`);
  for (const u of users) await join(t, own, 'json', u);
  const headers = { Authorization: `Bearer ${mintToken('user-0')}` };
  const all = await fetch(`${own.url}/api/users/online`, { headers });
  assert.equal(all.status, 200);
  assert.match(all.headers.get('content-type'), /^application\/json/);
  assert.deepEqual((await all.json()).sort(), users);
  const paged = [];
  let page = '';
  do {
    const r = await (await fetch(`${own.url}/api/users/online?limit=3&page=${encodeURIComponent(page)}`, { headers })).json();
    assert.ok(r.users.length <= 3);
    paged.push(...r.users);
    page = r.next;
  } while (page);
  assert.deepEqual(paged, users);
  // By cookie, as front ends do.
  const cookie = await fetch(`${own.url}/api/users/online`, { headers: { Cookie: `jwt=${mintToken('user-0')}`, Origin: 'https://app.example.com' } });
  assert.equal(cookie.status, 200);
  assert.equal(cookie.headers.get('access-control-allow-origin'), 'https://app.example.com');
  assert.equal(cookie.headers.get('access-control-allow-credentials'), 'true');
  for (const [init, status, code] of [
    [{}, 401, 'unauthorized'],
    [{ headers: { Authorization: 'Bearer x' } }, 401, 'unauthorized'],
    [{ headers: { Cookie: `jwt=${mintToken('user-0')}`, Origin: 'https://evil.example.net' } }, 403, 'origin_not_allowed'],
    [{ method: 'POST', headers }, 405, 'method_not_allowed'],
  ]) {
    const r = await fetch(`${own.url}/api/users/online`, init);
    assert.equal(r.status, status);
    const body = await r.json();
    assert.equal(body.code, code);
    assert.ok(body.error.length > 3, 'a sentence for people');
  }
  const bad = await fetch(`${own.url}/api/users/online?limit=0`, { headers });
  assert.equal(bad.status, 400);
});

test('P5: a call between two people goes on while one of them shows as offline', async (t) => {
  // The grace is shorter than the resume window here.
  const [a, p] = await behind(t, server, 'json');
  const b = await join(t, server, 'json');
  await b.ask('presence:watch', { users: [a.user] });
  a.send('call:user', callUser(a, b));
  const [{ callId }] = await b.next('call:incoming');
  p.cut();
  await b.next('presence:update', (s) => !s.online);
  await a.open({ resume: {} });
  assert.equal(a.hello.resumed, true);
  a.send('call:end', to(b, a));
  assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'cancelled' }]);
  await settled(a, b);
});
