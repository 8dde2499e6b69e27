// Who may call and message whom is asked of the site's back end (C15): a small
// one over HTTP that checks signatures as Standard Webhooks has it.
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, beforeEach, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { callUser, join, refused, settled } from '../lib/clients.mjs';
import { rest } from '../lib/rest.mjs';

const KEY = Buffer.from('the key of the site, shared by both');
const asked = [];
let judge; // (question, response) => answer, or undefined where it answers itself

const backend = http.createServer(async (req, res) => {
  const parts = [];
  for await (const p of req) parts.push(p);
  const body = Buffer.concat(parts).toString();
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = req.headers;
  const want = `v1,${createHmac('sha256', KEY).update(`${id}.${at}.${body}`).digest('base64')}`;
  const good = signature?.length === want.length && timingSafeEqual(Buffer.from(signature), Buffer.from(want));
  if (!good || Math.abs(Date.now() / 1000 - at) > 60) return res.writeHead(401).end();
  const question = JSON.parse(body);
  asked.push(question);
  const answer = await judge(question, res);
  if (answer) res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}).listen(0, '127.0.0.1');
await once(backend, 'listening');

const flags = { 'permit-url': `http://127.0.0.1:${backend.address().port}/may`, 'permit-timeout': '500ms', 'permit-ttl': '1m' };
const env = { TANDEM_PERMIT_SECRET: `whsec_${KEY.toString('base64')}` };
const server = await startTandem({ secret: SECRET, flags, env });
after(async () => {
  try {
    await server.stop();
  } finally {
    backend.closeAllConnections();
    backend.close();
  }
});
beforeEach(() => {
  asked.length = 0;
  judge = () => ({ allow: true });
});

for (const kind of ['base', 'ext', 'json']) {
  test(`C15 ${kind}: a call rings if the back end says so, and is refused in its words if not`, async (t) => {
    const [a, b, c] = [await join(t, server, kind), await join(t, server, 'base'), await join(t, server, 'json')];
    judge = ({ to }) => (to === b.user ? { allow: true } : { allow: false, code: 'forbidden', message: 'You two are no friends.' });
    a.send('call:user', callUser(a, c));
    const [no] = await a.next('call:unavailable');
    assert.deepEqual([no.reason, no.code], ['You two are no friends.', 'forbidden']);
    if (a.extended) await refused(a.ask('call:user', callUser(a, c)), 'forbidden');
    a.send('call:user', callUser(a, b));
    const [incoming] = await b.next('call:incoming');
    assert.equal(incoming.fromId, a.user);
    c.quiet('call:incoming');
    assert.deepEqual(asked, [
      { type: 'permission', action: 'call', from: a.user, to: c.user },
      { type: 'permission', action: 'call', from: a.user, to: b.user },
    ], 'each is asked once');
  });
}

test('C15: messages of both ways are asked for', async (t) => {
  const [a, b] = [await join(t, server, 'json'), await join(t, server, 'base')];
  judge = ({ from }) => (from === a.user ? { allow: true } : { allow: false, code: 'not_found', message: 'There is no such person.' });
  await a.ask('message:send', { to: b.user, text: 'one' });
  assert.equal((await rest(server, a.user)('POST', `/api/messages/send/${b.user}`, { text: 'two' })).status, 201);
  assert.deepEqual((await Promise.all([b.next('newMessage'), b.next('newMessage')])).map(([m]) => m.message), ['one', 'two']);
  const no = await rest(server, b.user)('POST', `/api/messages/send/${a.user}`, { text: 'no' });
  assert.deepEqual([no.status, no.body.code, no.body.error], [404, 'not_found', 'There is no such person.']);
  assert.deepEqual((await a.next('newMessage'))[0].message, 'two', 'what it sent over REST');
  a.quiet('newMessage');
  assert.deepEqual(asked.map(({ action, from }) => [action, from]), [['message', a.user], ['message', b.user]]);
});

test('C15: the caller hangs up while it is asked, and nobody rings', async (t) => {
  const [a, b] = [await join(t, server, 'base'), await join(t, server, 'json')];
  const came = new Promise((resolve) => {
    judge = (_, res) => resolve(res);
  });
  a.send('call:user', callUser(a, b));
  const res = await came;
  a.send('call:end', { to: b.user, from: a.user });
  await settled(a);
  res.end('{"allow":true}');
  judge = () => ({ allow: true });
  await settled(a, b);
  b.quiet('call:incoming');
  await b.ask('call:user', callUser(b, a)); // a is not busy
  await a.next('call:incoming');
});

test('C15: a dead end is left alone: calls are refused at once', async (t) => {
  const dead = await startTandem({ secret: SECRET, flags, env });
  atEnd(t, () => dead.stop());
  dead.allow((r) => r.msg === 'who may call or message whom can not be asked');
  judge = () => undefined; // it takes its time
  const [a, b] = [await join(t, dead, 'json'), await join(t, dead, 'base')];
  const many = Array.from({ length: 5 }, () => unique('nobody'));
  const sends = await Promise.all(many.map((to) => rest(dead, a.user)('POST', `/api/messages/send/${to}`, { text: 'x' })));
  assert.deepEqual(sends.map((r) => [r.status, r.body.code]), many.map(() => [503, 'unavailable']));
  const began = Date.now();
  await refused(a.ask('call:user', callUser(a, b)), 'unavailable');
  assert.ok(Date.now() - began < 400, 'nobody waits for it any more');
  b.quiet('call:incoming');
});
