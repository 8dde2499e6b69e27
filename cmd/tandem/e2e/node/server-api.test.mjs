// What back ends do over /api/server (M9), as the real clients of their users see
// it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { callUser, join } from '../lib/clients.mjs';

const KEY = 'the key of a back end';
const server = await startTandem({ secret: SECRET, env: { TANDEM_SERVER_KEYS: `another key of one,${KEY}` } });
after(() => server.stop());

async function api(method, where, body, key = KEY) {
  const r = await fetch(`${server.url}/api/server${where}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return { status: r.status, body: await r.json() };
}

test('M9: an event of a back end reaches every device of a user, with all its arguments', async (t) => {
  const user = unique('ann');
  const devices = await Promise.all(['base', 'base-poll', 'ext', 'json'].map((kind) => join(t, server, kind, user)));
  const other = await join(t, server, 'json');
  const r = await api('POST', '/emit', { to: [user, unique('nobody')], event: 'order:paid', args: [{ id: 7, tags: ['a', null] }, 'two'] });
  assert.equal(r.status, 200);
  assert.equal(r.body.devices, 4);
  for (const d of devices) assert.deepEqual((await d.next('order:paid')).slice(0, 2), [{ id: 7, tags: ['a', null] }, 'two']);
  await api('POST', '/emit', { all: true, event: 'maintenance', args: [{ minutes: 5 }] });
  for (const d of [...devices, other]) assert.deepEqual((await d.next('maintenance'))[0], { minutes: 5 });
  other.quiet('order:paid');
});

test('M9: a key that is wrong, or none, does nothing', async (t) => {
  const a = await join(t, server, 'json');
  for (const key of ['', 'the key of a back enD', SECRET]) {
    const r = await api('POST', '/emit', { to: a.user, event: 'x' }, key);
    assert.equal(r.status, 401);
    assert.equal(r.body.code, 'unauthorized');
  }
  await api('POST', '/emit', { to: a.user, event: 'y' });
  await a.next('y');
  a.quiet('x');
});

test('M9: a back end sees where a user is, ends a call, and ends sessions for good', async (t) => {
  const [a, b] = [await join(t, server, 'json'), await join(t, server, 'base')];
  await a.ask('call:user', callUser(a, b));
  await b.next('call:incoming');
  const seen = await api('GET', `/users/${b.user}`);
  assert.equal(seen.body.online, true);
  assert.equal(seen.body.devices.length, 1);
  assert.deepEqual(seen.body.calls.map(({ state, role, peer }) => ({ state, role, peer })), [{ state: 'ringing', role: 'callee', peer: a.user }]);
  assert.equal((await api('POST', `/calls/${seen.body.calls[0].callId}/end`)).status, 200);
  await b.next('call:end');
  const gone = await api('POST', '/disconnect', { user: b.user });
  assert.equal(gone.body.devices, 1);
  assert.deepEqual(await b.next('(disconnect)'), ['io server disconnect'], 'after that socket.io-client stays away');
  assert.equal((await api('GET', `/users/${b.user}`)).body.online, false);
});
