// What Node back ends publish on Redis with the real @socket.io/redis-emitter
// reaches the clients of every node (M9).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import { createClient } from 'redis';
import { atEnd } from '../lib/atend.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { unique } from '../lib/server.mjs';

/** A cluster that listens, and a back end that emits to it. */
async function backend(t, options) {
  const cluster = await startCluster(t, { nodes: 2, ...options, flags: { 'redis-emitter': true } });
  const client = createClient({ url: `redis://127.0.0.1:${cluster.redis.port}` });
  client.on('error', () => {}); // Redis is restarted; the client connects again
  await client.connect();
  atEnd(t, () => client.destroy());
  const listening = () =>
    eventually('both nodes listen', async () => (await cluster.ask('PUBSUB', 'NUMSUB', 'socket.io-request#/#')).at(-1) === '2');
  await listening();
  return { cluster, client, io: new Emitter(client), listening };
}

/** Devices of a user, of every kind, on both nodes. */
function devices(t, cluster, user) {
  const kinds = ['base', 'base-poll', 'ext-ws', 'json', 'base-ws', 'ext-poll', 'json'];
  return Promise.all(kinds.map((kind, i) => join(t, cluster.nodes[i % 2], kind, user)));
}

/** Each has heard the event exactly once, and everything that was published before. */
async function once(io, list, name, args) {
  const mark = unique('mark');
  io.emit(mark);
  for (const d of list) {
    await d.next(mark);
    const got = d.all(name);
    assert.equal(got.length, 1, `${d.kind} heard ${name} ${got.length} times`);
    assert.deepEqual(got[0].slice(0, args.length), args);
    d.events = d.events.filter((e) => e.name !== name);
  }
}

/** None has heard it, nor will: what was published after it has come. */
async function never(io, list, name) {
  const mark = unique('mark');
  io.emit(mark);
  for (const d of list) {
    await d.next(mark);
    d.quiet(name);
  }
}

test('M9: redis-emitter reaches each device once, on whichever node, by user, by socket, and all but some', async (t) => {
  const { cluster, client, io } = await backend(t);
  const [ann, bob] = [unique('ann'), unique('bob')];
  const hers = await devices(t, cluster, ann);
  const his = await devices(t, cluster, bob);
  const all = [...hers, ...his];

  io.to(ann).emit('order:paid', { id: 7, tags: ['a', null], text: '"é" 🙂' }, 'two', 0.5, true);
  await once(io, hers, 'order:paid', [{ id: 7, tags: ['a', null], text: '"é" 🙂' }, 'two', 0.5, true]);
  await never(io, his, 'order:paid');

  io.to(ann).to([bob, ann, unique('nobody')]).emit('both', 1);
  await once(io, all, 'both', [1]);

  io.emit('maintenance', { minutes: 5, at: new Date(0) });
  await once(io, all, 'maintenance', [{ minutes: 5, at: '1970-01-01T00:00:00.000Z' }]);

  io.except(bob).emit('secret');
  await once(io, hers, 'secret', []);
  await never(io, his, 'secret');

  io.volatile.to(bob).emit('gone:soon', 1);
  await once(io, his, 'gone:soon', [1]);

  // The application's own events, as its back end has always sent them.
  io.to(ann).emit('newMessage', { _id: 'm1', message: 'hi' }, { _id: bob });
  await once(io, hers, 'newMessage', [{ _id: 'm1', message: 'hi' }, { _id: bob }]);

  // Back ends look for the socket of a user in Redis, too.
  const latest = await client.hGet('sockets', ann);
  io.to(latest).emit('one:device', 'x');
  const chosen = hers.filter((d) => d.id === latest);
  assert.equal(chosen.length, 1);
  await once(io, chosen, 'one:device', ['x']);
  await never(io, all.filter((d) => d !== chosen[0]), 'one:device');

  // Other namespaces are not there, and what is asked of servers is ignored.
  io.of('/other').to(ann).emit('elsewhere');
  io.socketsJoin('room');
  io.to(ann).socketsLeave('room');
  io.serverSideEmit('hello');
  io.to('room').emit('elsewhere');
  await never(io, all, 'elsewhere');
  for (const node of cluster.nodes) {
    for (const name of ['socketsJoin', 'socketsLeave', 'serverSideEmit']) {
      assert.equal((await node.waitLog((r) => r.request === name)).level, 'WARN');
    }
  }
});

test('M9: redis-emitter sends binary values to Socket.IO clients as they are, to the others as base64', async (t) => {
  const { cluster, io } = await backend(t);
  const user = unique('ann');
  const list = await devices(t, cluster, user);
  const bytes = Buffer.from([0, 1, 2, 254, 255]);
  io.to(user).emit('file', { name: 'a', data: bytes, more: [new Uint8Array([7])] }, bytes);
  for (const d of list) {
    const [file, second] = await d.next('file');
    if (d.kind === 'json') {
      assert.deepEqual([file, second], [{ name: 'a', data: bytes.toString('base64'), more: ['Bw=='] }, bytes.toString('base64')]);
      continue;
    }
    assert.deepEqual(Buffer.from(file.data), bytes, d.kind);
    assert.deepEqual(Buffer.from(file.more[0]), Buffer.from([7]), d.kind);
    assert.deepEqual(Buffer.from(second), bytes, d.kind);
  }
});

test('M9: disconnectSockets of redis-emitter ends the sessions of a user for good', async (t) => {
  const { cluster, io } = await backend(t);
  const ann = await devices(t, cluster, unique('ann'));
  const bob = await join(t, cluster.nodes[1], 'base', unique('bob'));
  io.in(ann[0].user).disconnectSockets(true);
  for (const d of ann) {
    const [why] = await d.next(d.kind === 'json' ? '(close)' : '(disconnect)');
    assert.equal(why, d.kind === 'json' ? 4410 : 'io server disconnect', d.kind);
  }
  await cluster.onlineAre([bob.user], 10_000);
  bob.quiet('(disconnect)');
});

test('M9 P7: redis-emitter is heard again after Redis was restarted', async (t) => {
  const { cluster, client, io, listening } = await backend(t);
  const user = unique('ann');
  const list = await devices(t, cluster, user);
  await cluster.redis.kill();
  await cluster.redis.start();
  await listening();
  await eventually('the back end is connected again', () => client.isReady);
  io.to(user).emit('after', 1);
  await once(io, list, 'after', [1]);
});
