// No sticky sessions: requests of one Socket.IO session reach all nodes in turn,
// and each passes on what is another's (P9).
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { balance, LEASE, startCluster } from '../lib/cluster.mjs';
import { call, hangUp, join, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { unique } from '../lib/server.mjs';

/**
 * Gives every single request to the next node, also those of one connection: the
 * least sticky that a load balancer can be. It counts them, by node.
 */
async function alternate(t, cluster) {
  let turn = 0;
  const counts = cluster.nodes.map(() => ({ GET: 0, POST: 0, upgrades: 0 }));
  const agent = new http.Agent({ keepAlive: true });
  const next = (what) => {
    const i = turn++ % cluster.nodes.length;
    counts[i][what]++;
    return cluster.nodes[i];
  };
  const server = http.createServer((req, res) => {
    const node = next(req.method);
    const out = http.request({ host: '127.0.0.1', port: node.port, method: req.method, path: req.url, headers: req.headers, agent }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    out.on('error', () => res.destroy());
    res.on('close', () => out.destroy()); // a client that went away
    req.pipe(out);
  });
  const sockets = new Set();
  server.on('connection', (s) => {
    sockets.add(s);
    s.on('close', () => sockets.delete(s));
  });
  server.on('upgrade', (req, socket, head) => {
    const up = net.connect(next('upgrades').port, '127.0.0.1');
    up.write(`GET ${req.url} HTTP/1.1\r\n${Object.entries(req.headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    up.write(head);
    up.pipe(socket).pipe(up);
    up.on('error', () => socket.destroy());
    socket.on('error', () => up.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => {
    for (const s of sockets) s.destroy();
    agent.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, counts, options: cluster.proxy.options };
}

test('P9: socket.io-client that only polls, each request at another node', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  const front = await alternate(t, cluster);
  const a = await join(t, front, 'ext-poll', unique('alice'));
  const b = await join(t, front, 'base-poll', unique('bob'));
  for (let i = 0; i < 10; i++) {
    const { callId } = await call(a, [b]);
    await hangUp(i % 2 ? a : b, i % 2 ? b : a, callId);
    await settled(a, b);
  }
  for (const c of [a, b]) {
    assert.equal(c.socket.io.engine.transport.name, 'polling');
    assert.equal(c.all('(connect)').length, 1, 'the session is the first one still');
    c.quiet('(disconnect)');
  }
  for (const [i, n] of front.counts.entries()) assert.ok(n.GET > 10 && n.POST > 10, `node ${i} got ${JSON.stringify(n)}`);
});

test('P9: the upgrade reaches another node than the polls before it', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  const front = await alternate(t, cluster);
  const users = await Promise.all(Array.from({ length: 6 }, (_, i) => join(t, front, i % 2 ? 'base' : 'ext', unique('user'))));
  await Promise.all(users.map((c) => c.upgraded()));
  for (let i = 0; i < users.length; i += 2) {
    const [a, b] = [users[i], users[i + 1]];
    const { callId } = await call(a, [b]);
    await hangUp(b, a, callId);
    await settled(a, b);
  }
  for (const c of users) {
    assert.equal(c.socket.io.engine.transport.name, 'websocket');
    c.quiet('(disconnect)');
  }
});

test('P9: behind the load balancer as it is deployed', async (t) => {
  const cluster = await startCluster(t, { nodes: 3 });
  const a = await join(t, cluster.proxy, 'ext-poll', unique('alice'));
  const b = await join(t, cluster.proxy, 'base', unique('bob'));
  await b.upgraded();
  const { callId } = await call(a, [b]);
  await hangUp(a, b, callId);
  await settled(a, b);
  for (const c of [a, b]) c.quiet('(disconnect)');
});

test('P3: the load balancer as it is deployed never sends a POST twice: its events would come twice', async (t) => {
  // Servers that take every request and die of it, as a node that is killed then.
  const taken = { GET: 0, POST: 0 };
  const servers = await Promise.all([0, 1].map(async () => {
    const s = http.createServer((req, res) => {
      if (req.url === '/readyz') return res.end();
      taken[req.method]++;
      return req.resume().on('end', () => req.socket.destroy());
    });
    await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => {
      s.close();
      s.closeAllConnections();
    });
    return s.address().port;
  }));
  const url = await balance(t, servers);
  const ask = (method, path, body) => new Promise((resolve, reject) => {
    http.request(url + path, { method, agent: false }, (res) => res.resume().on('end', () => resolve(res.statusCode))).on('error', reject).end(body);
  });
  for (let i = 0; i < 5; i++) assert.equal(await ask('POST', '/socket.io/?EIO=4&transport=polling&sid=x', '42["typing"]'), 502);
  assert.equal(taken.POST, 5);
  // What can be asked twice is: nobody notices that a node went away.
  assert.equal(await ask('GET', '/api/users/online'), 502); // all tries of it
  assert.ok(taken.GET > 1, `a GET was tried ${taken.GET} times`);
});

test('P9: the node of a polling session dies: its client comes again elsewhere', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  const c = await join(t, cluster.nodes[0], 'ext-poll', unique('alice'), { reconnect: true });
  const front = await alternate(t, cluster);
  c.socket.io.uri = front.url; // its next connection
  await cluster.nodes[0].die();
  await c.next('(disconnect)');
  cluster.nodes.shift(); // nothing goes there any more
  await c.next('(connect)');
  await c.sync();
});

test('P1 P9: a node stands still for longer than its lease: polls of its sessions find it again, whichever node they reach', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  const front = await alternate(t, cluster);
  const users = await Promise.all(Array.from({ length: 8 }, (_, i) => join(t, front, i % 2 ? 'base-poll' : 'ext-poll', unique('user'))));
  const tags = new Set(users.map((c) => c.socket.io.engine.id.split('-')[0]));
  assert.equal(tags.size, 2, 'both nodes have sessions');
  const [still] = cluster.nodes;
  still.freeze();
  await new Promise((resolve) => setTimeout(resolve, 2 * LEASE));
  still.thaw();
  await eventually('it has joined again', () => /joined again/.test(still.tail(200)));
  for (const c of users) await c.sync();
  for (let i = 0; i < users.length; i += 2) {
    const { callId } = await call(users[i], [users[i + 1]]);
    await hangUp(users[i], users[i + 1], callId);
  }
  await settled(...users);
  for (const c of users) {
    assert.equal(c.all('(connect)').length, 1, `${c.who}: the session is the first one still`);
    c.quiet('(disconnect)');
  }
});
