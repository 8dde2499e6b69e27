// Standing in front of an existing back end (DESIGN 1.3): the front end has one
// address for everything, with the back end's cookie as identity.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, mintToken, startTandem, unique } from '../lib/server.mjs';
import { assertFree, client } from '../lib/clients.mjs';

// A back end as such front ends have it: sign-in sets the cookie jwt.
const seen = [];
const backend = http.createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8');
  req.on('data', (d) => (body += d));
  req.on('end', () => {
    seen.push({ method: req.method, url: req.url, headers: req.headers, body });
    const url = new URL(req.url, 'http://backend');
    if (url.pathname === '/api/auth/login') {
      const { user } = JSON.parse(body);
      res.setHeader('Set-Cookie', [`jwt=${mintToken(user)}; HttpOnly; Path=/; SameSite=Strict`, 'theme=dark; Path=/']);
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ _id: user }));
    } else if (url.pathname === '/api/stream') {
      res.write('first\n');
      backend.once('go on', () => res.end('second\n'));
    } else if (url.pathname === '/away') {
      res.writeHead(302, { Location: `http://127.0.0.1:${backend.address().port}/here?x=1` });
      res.end();
    } else if (url.pathname === '/gzip') {
      res.writeHead(200, { 'Content-Encoding': 'gzip' });
      res.end(Buffer.from('H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==', 'base64'));
    } else {
      res.writeHead(url.pathname === '/teapot' ? 418 : 200, { 'X-Back': 'yes' });
      res.end(`back end: ${req.method} ${req.url}`);
    }
  });
});
const sockets = new WebSocketServer({ server: backend, path: '/live' });
sockets.on('connection', (ws) => ws.on('message', (m) => ws.send(`echo ${m}`)));
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');

const server = await startTandem({ secret: SECRET, flags: { 'backend-url': `http://127.0.0.1:${backend.address().port}` } });
after(async () => {
  try {
    await server.stop();
  } finally {
    sockets.close();
    backend.closeAllConnections();
    backend.close();
  }
});

const last = () => seen.at(-1);

test('1.3: what Tandem does not serve goes to the back end, byte for byte', async () => {
  const path = '/api/x/%2F?q=a%20b&a=1&a=2;c';
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const body = method === 'GET' ? undefined : `{"n":"${'ü'.repeat(100_000)}"}`;
    const r = await fetch(server.url + path, { method, body, headers: { 'Content-Type': 'application/json', Cookie: 'a=b; jwt=x', 'X-Mine': '1' } });
    assert.equal(r.status, 200);
    assert.equal(await r.text(), `back end: ${method} ${path}`);
    assert.equal(r.headers.get('x-back'), 'yes');
    assert.equal(last().url, path);
    assert.equal(last().headers.cookie, 'a=b; jwt=x');
    assert.equal(last().headers['x-mine'], '1');
    assert.equal(last().body, body ?? '');
    assert.equal(last().headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(last().headers['x-forwarded-proto'], 'http');
    assert.equal(last().headers['x-forwarded-host'], `127.0.0.1:${server.port}`);
  }
  assert.equal((await fetch(`${server.url}/teapot`)).status, 418);
  assert.equal(await (await fetch(`${server.url}/`)).text(), 'back end: GET /');
});

test('1.3: a forged client address is not passed on', async () => {
  await fetch(`${server.url}/x`, { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Real-IP': '203.0.113.7' } });
  assert.equal(last().headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(last().headers['x-real-ip'], undefined);
});

test('1.3: answers stream, redirects stay with Tandem, encodings are left alone', async () => {
  const r = await fetch(`${server.url}/api/stream`);
  const reader = r.body.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), 'first\n');
  backend.emit('go on');
  assert.equal(new TextDecoder().decode((await reader.read()).value), 'second\n');
  const away = await fetch(`${server.url}/away`, { redirect: 'manual' });
  assert.equal(away.status, 302);
  assert.equal(away.headers.get('location'), '/here?x=1');
  const gz = await new Promise((resolve, reject) => http.get(`${server.url}/gzip`, { headers: { 'Accept-Encoding': 'gzip' } }, resolve).on('error', reject));
  assert.equal(gz.headers['content-encoding'], 'gzip');
  gz.resume();
});

test('1.3: WebSockets of the back end pass', async () => {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/live`);
  await once(ws, 'open');
  ws.send('hi');
  assert.equal(String((await once(ws, 'message'))[0]), 'echo hi');
  ws.close();
  await once(ws, 'close');
});

test('1.3, I5: signing in at the back end is all that a front end needs to connect and call', async (t) => {
  const own = { Origin: server.url };
  const people = [];
  for (const kind of ['base', 'base-poll', 'json']) {
    const user = unique('person');
    const r = await fetch(`${server.url}/api/auth/login`, { method: 'POST', body: JSON.stringify({ user }) });
    assert.deepEqual(await r.json(), { _id: user });
    const cookies = r.headers.getSetCookie();
    assert.equal(cookies.length, 2);
    assert.match(cookies[0], /; HttpOnly; Path=\/; SameSite=Strict$/);
    const Cookie = cookies.map((c) => c.split(';')[0]).join('; ');
    people.push(await client(t, server, kind, user, { token: null, headers: { Cookie, ...own } }).open());
    const online = await fetch(`${server.url}/api/users/online`, { headers: { Cookie, ...own } });
    assert.ok((await online.json()).includes(user));
  }
  await assertFree(people[0], people[1]);
  await assertFree(people[2], people[0]);
  await assertFree(people[1], people[2]);
  assert.ok(!seen.some((r) => r.url.startsWith('/socket.io/') || r.url.startsWith('/ws') || r.url.startsWith('/api/users/online')), 'Tandem serves these itself');
});

test('1.3: the built-in page is under /tandem/', async () => {
  const r = await fetch(`${server.url}/tandem/`);
  assert.equal(r.status, 200);
  assert.match(r.headers.get('content-type'), /^text\/html/);
  assert.equal((await fetch(`${server.url}/tandem`, { redirect: 'manual' })).status, 308);
});

test('1.3: a back end that is down is 502 backend_unreachable, and calls go on', async (t) => {
  const dead = http.createServer().listen(0, '127.0.0.1');
  await once(dead, 'listening');
  const { port } = dead.address();
  await new Promise((resolve) => dead.close(resolve));
  const own = await startTandem({ flags: { 'backend-url': `http://127.0.0.1:${port}` } });
  atEnd(t, () => own.stop());
  const r = await fetch(`${own.url}/api/anything`);
  assert.equal(r.status, 502);
  assert.equal((await r.json()).code, 'backend_unreachable');
  const [a, b] = [await client(t, own, 'base', 'a').open(), await client(t, own, 'json', 'b').open()];
  await assertFree(a, b);
});
