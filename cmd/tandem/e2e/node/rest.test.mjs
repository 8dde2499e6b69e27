// The REST routes of messages and calls as existing front ends call them (M6,
// I5, 1.3): with a cookie or a bearer, and what they answer to what is wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, mintToken, startTandem, unique } from '../lib/server.mjs';
import { join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { folder, rest } from '../lib/rest.mjs';

const server = await startTandem({ secret: SECRET });
after(() => server.stop());

const wants = (r, status, code) => {
  assert.equal(r.status, status, JSON.stringify(r.body));
  assert.equal(r.body.code, code);
  assert.ok(r.body.error.length > 5, 'a sentence for people');
};

describe('M6: as front ends call them', { concurrency: 4 }, () => {
  for (const cookie of [true, false]) {
    test(`M6, I5: a conversation with ${cookie ? 'the cookie of a page' : 'a bearer'}`, async () => {
      const [a, b] = [unique('alice'), unique('bob')];
      const [alice, bob] = [rest(server, a, { cookie }), rest(server, b, { cookie })];
      assert.deepEqual((await alice('GET', `/api/messages/${b}`)).body, []);
      const first = await alice('POST', `/api/messages/send/${b}`, { text: 'hello', media: null, replyTo: null });
      assert.equal(first.status, 201);
      assert.match(first.headers.get('content-type'), /^application\/json/);
      const second = await bob('POST', `/api/messages/send/${a}`, { text: '', media: 'https://m.example/x.png', replyTo: { messageId: first.body._id, message: 'a lie' } });
      assert.deepEqual(second.body.replyTo, { messageId: first.body._id, text: 'hello' });
      const edited = await alice('PATCH', `/api/messages/${first.body._id}`, { text: 'hello!' });
      assert.equal(edited.body.message, 'hello!');
      assert.ok(edited.body.editedAt);
      for (const [as, peer] of [[alice, b], [bob, a]]) {
        const { status, body } = await as('GET', `/api/messages/${peer}`);
        assert.equal(status, 200);
        assert.deepEqual(body.map((m) => [m._id, m.senderId, m.message]), [[first.body._id, a, 'hello!'], [second.body._id, b, '']]);
      }
      assert.equal((await bob('DELETE', `/api/messages/${second.body._id}`)).status, 200);
      assert.equal((await alice('GET', `/api/messages/${b}`)).body.length, 1);
    });
  }

  test('M6: the newest of a long conversation, and pages back to its beginning', async (t) => {
    const short = await startTandem({ secret: SECRET, flags: { 'history-limit': 5 } });
    atEnd(t, () => short.stop());
    const [a, b] = [unique('alice'), unique('bob')];
    const alice = rest(short, a);
    for (let i = 0; i < 12; i++) await alice('POST', `/api/messages/send/${b}`, { text: `m${i}` });
    const pages = [];
    for (let before = ''; ;) {
      const { body } = await rest(short, b)('GET', `/api/messages/${a}${before && `?before=${before}`}`);
      if (body.length === 0) break;
      pages.push(body.map((m) => m.message));
      before = body[0]._id;
    }
    assert.deepEqual(pages, [['m7', 'm8', 'm9', 'm10', 'm11'], ['m2', 'm3', 'm4', 'm5', 'm6'], ['m0', 'm1']]);
  });

  test('M6, I5: what is wrong is said with status, code and a sentence', async () => {
    const [a, b] = [unique('alice'), unique('bob')];
    const alice = rest(server, a);
    const { body: m } = await alice('POST', `/api/messages/send/${b}`, { text: 'x' });
    wants(await alice('POST', `/api/messages/send/${b}`, {}), 400, 'bad_payload');
    wants(await alice('POST', `/api/messages/send/${b}`, { text: '   ' }), 400, 'bad_payload');
    wants(await alice('POST', `/api/messages/send/${b}`, '{"text":'), 400, 'bad_payload');
    wants(await alice('POST', `/api/messages/send/${b}`, { text: 'x', media: 'data:text/html,x' }), 400, 'bad_payload');
    wants(await alice('POST', `/api/messages/send/${b}`, { text: 'x'.repeat(20_000) }), 413, 'payload_too_large');
    wants(await alice('POST', `/api/messages/send/${b}`, { text: 'x'.repeat(100_000) }), 413, 'payload_too_large');
    wants(await alice('GET', '/api/messages/undefined'), 400, 'bad_payload');
    wants(await alice('DELETE', '/api/messages/aaaaaaaaaaaaaaaaaaaaaaaa'), 404, 'not_found');
    wants(await rest(server, unique('eve'))('DELETE', `/api/messages/${m._id}`), 403, 'forbidden');
    wants(await rest(server, b)('PATCH', `/api/messages/${m._id}`, { text: 'y' }), 403, 'forbidden');
    const bare = (headers) => alice('GET', `/api/messages/${b}`, undefined, { Authorization: '', ...headers });
    wants(await bare({}), 401, 'unauthorized');
    wants(await bare({ Authorization: 'Bearer nonsense' }), 401, 'unauthorized');
    wants(await bare({ Authorization: `Bearer ${mintToken(a, { exp: 1 })}` }), 401, 'token_expired');
    const cookie = rest(server, a, { cookie: true });
    wants(await cookie('POST', `/api/messages/send/${b}`, { text: 'forged' }, { Origin: 'https://evil.example' }), 403, 'origin_not_allowed');
    wants(await cookie('DELETE', `/api/messages/${m._id}`, undefined, { Origin: 'https://evil.example' }), 403, 'origin_not_allowed');
    wants(await cookie('POST', `/api/messages/send/${b}`, 'text=forged', { 'Content-Type': 'text/plain' }), 400, 'bad_payload');
    assert.deepEqual((await alice('GET', `/api/messages/${b}`)).body.map((x) => x.message), ['x']);
  });
});

test('C14: calls are listed, missed ones counted until they are looked at', async (t) => {
  const [a, b] = [await join(t, server, 'base'), await join(t, server, 'base')];
  const bob = rest(server, b.user, { cookie: true });
  assert.deepEqual((await bob('GET', '/api/calls')).body, { calls: [], missed: 0 });
  a.send('call:user', { to: b.user, signal: { type: 'offer' }, from: {}, fromId: a.user, callerName: 'A', isVideoCall: true });
  await b.next('call:incoming');
  a.send('call:end', { to: b.user, from: a.user });
  await b.next('call:end');
  let list;
  await eventually('the call is in the log', async () => (list = (await bob('GET', '/api/calls')).body).calls.length === 1);
  const [call] = list.calls;
  assert.equal(list.missed, 1);
  assert.deepEqual([call.caller, call.callee, call.reason, call.isVideoCall, call.missed, call.new, call.durationMs], [a.user, b.user, 'cancelled', true, true, true, 0]);
  assert.ok(new Date(call.endedAt) >= new Date(call.startedAt));
  assert.equal(call.answeredAt, undefined);
  assert.equal((await rest(server, a.user)('GET', '/api/calls')).body.missed, 0);
  assert.equal((await bob('POST', '/api/calls/seen', { until: call.endedAt })).status, 200);
  const { body } = await bob('GET', '/api/calls');
  assert.deepEqual([body.missed, body.calls[0].missed, body.calls[0].new], [0, true, false]);
});

test('M5: the file is in the data directory, for nobody else to read', async (t) => {
  const dir = folder(t);
  const own = await startTandem({ dir });
  atEnd(t, () => own.stop());
  assert.equal(statSync(path.join(dir, 'data')).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(dir, 'data', 'tandem.db')).mode & 0o777, 0o600);
  assert.ok(own.logs.some((r) => r.messages === `kept, with the log of calls, in ${path.join(dir, 'data', 'tandem.db')}`), own.tail());
});

test('M5, 1.3: without messages the routes are not_configured, or the back end\'s', async (t) => {
  const dir = folder(t);
  const off = await startTandem({ secret: SECRET, dir, flags: { 'no-chat': true } });
  atEnd(t, () => off.stop());
  const alice = rest(off, 'alice');
  wants(await alice('GET', '/api/messages/bob'), 501, 'not_configured');
  wants(await alice('POST', '/api/messages/send/bob', { text: 'x' }), 501, 'not_configured');
  wants(await alice('GET', '/api/calls'), 501, 'not_configured');
  assert.equal(existsSync(path.join(dir, 'data')), false);

  const backend = http.createServer((req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ backend: `${req.method} ${req.url}` }));
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  atEnd(t, () => {
    backend.closeAllConnections();
    backend.close();
  });
  const flags = { 'backend-url': `http://127.0.0.1:${backend.address().port}` };
  const proxied = await startTandem({ secret: SECRET, flags: { ...flags, 'no-chat': true } });
  const own = await startTandem({ secret: SECRET, flags });
  atEnd(t, () => Promise.all([proxied.stop(), own.stop()]));
  for (const [method, where, body] of [
    ['GET', '/api/messages/bob'], ['POST', '/api/messages/send/bob', { text: 'x' }], ['POST', '/api/messages/react', {}], ['DELETE', '/api/messages/x'],
  ]) {
    assert.deepEqual((await rest(proxied, 'alice')(method, where, body)).body, { backend: `${method} ${where}` });
    assert.equal((await rest(own, 'alice')(method, where, body)).body.backend, undefined, `${method} ${where} is Tandem's`);
  }
  assert.deepEqual((await rest(own, 'alice')('POST', '/api/messages/upload', {})).body, { backend: 'POST /api/messages/upload' });
});
