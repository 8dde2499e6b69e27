// What people have who come and go (M1, M3), with the SDK: writers and a reader
// whose sockets break at random, and a server that is killed.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, unique } from '../lib/server.mjs';
import { eventually } from '../lib/eventually.mjs';
import { folder, rest } from '../lib/rest.mjs';
import { app } from '../lib/sdk.mjs';

const server = await startTandem({ secret: SECRET });
after(() => server.stop());

const RANK = { sent: 0, delivered: 1, seen: 2 };

/** What an app shows: messages as the events of the SDK say they are. */
class View {
  messages = new Map();

  follow(c) {
    const raise = (m, status) => {
      if (m && RANK[status] > RANK[m.status]) m.status = status;
    };
    c.messages.on('message', (m) => {
      const old = this.messages.get(m._id);
      const now = structuredClone(m);
      raise(now, old?.status ?? 'sent'); // a status may be told late
      this.messages.set(m._id, now);
    });
    c.messages.on('status', (id, status) => raise(this.messages.get(id), status));
    c.messages.on('seen', (author, reader, until) => {
      for (const m of this.messages.values())
        if (m.senderId === author && m.receiverId === reader && (!until || m.createdAt <= until)) raise(m, 'seen');
    });
    c.messages.on('reactions', (id, reactions) => {
      const m = this.messages.get(id);
      if (m) m.reactions = reactions;
    });
    c.messages.on('deleted', (id) => this.messages.delete(id));
  }

  /** In the order of history, without what only one side is told. */
  list() {
    return [...this.messages.values()].sort((a, b) => (a._id < b._id ? -1 : 1)).map(plain);
  }
}

const plain = ({ _id, senderId, message, status, reactions, editedAt }) => ({ _id, senderId, message, status, reactions, editedAt });

/** A port that nobody has now. */
async function freePort() {
  const s = createServer().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  s.close();
  await once(s, 'close');
  return port;
}

/** A conversation from its beginning. */
async function whole(as, peer) {
  const all = [];
  for (let before = ''; ; before = all[0]._id) {
    const { body } = await as('GET', `/api/messages/${peer}?limit=500&before=${before}`);
    all.unshift(...body);
    if (body.length < 500) return all;
  }
}

describe('M3: a reader that comes and goes', { concurrency: 2 }, () => {
  test('M3: sockets break and pages are reloaded at random: no gap, nothing twice, as the server has it', async (t) => {
    const [reader, writers] = [unique('reader'), Array.from({ length: 3 }, () => unique('writer'))];
    const view = new View();
    let cursor;
    let device;
    const begin = async () => {
      device = app(t, server, reader, { cursor, deviceId: `${reader}-tab` });
      view.follow(device);
      await device.connect();
      await device.messages.sync();
    };
    await begin();

    let writing = true;
    let cuts = 0;
    const disturb = (async () => {
      while (writing) {
        await sleep(Math.random() * 40);
        cuts++;
        if (Math.random() < 0.6) {
          device.cut(); // the network; the SDK comes back by itself
          continue;
        }
        cursor = device.messages.cursor; // what the page has kept
        device.end();
        await sleep(Math.random() * 80);
        await begin();
      }
    })();

    const each = 150;
    await Promise.all(writers.map(async (writer) => {
      const w = app(t, server, writer);
      await w.connect();
      const sent = [];
      for (let i = 0; i < each; i++) {
        sent.push(await w.messages.send(reader, { text: `${writer} ${i}` }));
        await sleep(Math.random() * 15);
        const old = sent[Math.floor(Math.random() * sent.length)];
        const dice = Math.random();
        if (dice < 0.1) await w.messages.edit(old._id, `${writer} better ${i}`).catch((e) => assert.equal(e.code, 'not_found'));
        else if (dice < 0.2) await w.messages.react(old._id, '👍', Math.random() < 0.5).catch((e) => assert.equal(e.code, 'not_found'));
        else if (dice < 0.3) await w.messages.delete(old._id);
        else if (dice < 0.4) w.cut();
      }
    }));
    writing = false;
    await disturb;
    assert.ok(cuts > 10, `${cuts} cuts`);
    await device.messages.allSeen(writers[0]);

    for (const writer of writers) {
      const as = rest(server, reader);
      await eventually(`the reader has what ${writer} sent`, async () => {
        const { body } = await as('GET', `/api/messages/${writer}?limit=1000`);
        const want = body.map(plain);
        const got = view.list().filter((m) => m.senderId === writer);
        // What the server says of status rises on its own while we look.
        return JSON.stringify(got.map((m) => ({ ...m, status: '' }))) === JSON.stringify(want.map((m) => ({ ...m, status: '' })));
      });
    }
    const first = view.list().filter((m) => m.senderId === writers[0]);
    assert.ok(first.length > each / 2);
  });

  test('M2, M3: an author who was away learns how far all has come', async (t) => {
    const [author, reader] = [unique('author'), unique('reader')];
    const a = app(t, server, author, { deviceId: `${author}-tab` });
    const view = new View();
    view.follow(a);
    await a.connect();
    await a.messages.sync();
    const sent = [];
    for (let i = 0; i < 5; i++) sent.push(await a.messages.send(reader, { text: `m${i}` }));
    const { cursor } = a.messages;
    a.end();
    const r = app(t, server, reader, { cursor: '' });
    await r.connect();
    await r.messages.sync(); // has them
    await r.messages.seen(sent[0]);
    const again = app(t, server, author, { cursor, deviceId: `${author}-tab` });
    view.follow(again);
    await again.connect();
    await eventually('the author has heard', () => view.list().map((m) => m.status).join() === 'seen,delivered,delivered,delivered,delivered');
    await r.messages.allSeen(author);
    await eventually('and that all are seen', () => view.list().every((m) => m.status === 'seen'));
  });
});

test('M1: kill -9, three times, during 10,000 sends over sockets: every one is stored once, whoever had to ask twice', async (t) => {
  const dir = folder(t);
  const port = await freePort();
  const start = () => startTandem({ secret: SECRET, dir, flags: { port } });
  let running = await start();
  atEnd(t, () => running.stop({ check: false, signal: 'SIGKILL' }));
  const people = Array.from({ length: 8 }, () => [unique('a'), unique('b')]);
  const each = 1250;
  let acked = 0;
  const writing = people.map(async ([a, b]) => {
    const c = app(t, running, a);
    await c.connect();
    const ids = [];
    for (let i = 0; i < each; i += 5) {
      // Five on their way at a time; each is sent again, as the same one, until it is stored.
      ids.push(...await Promise.all(Array.from({ length: 5 }, (_, k) => c.messages.send(b, { text: `m${i + k}` }))));
      acked += 5;
    }
    return ids;
  });
  for (const share of [0.2, 0.5, 0.8]) {
    await eventually('some are stored', () => acked >= people.length * each * share);
    await running.stop({ check: false, signal: 'SIGKILL' });
    running = await start();
  }
  const sent = await Promise.all(writing);
  for (const [i, [a, b]] of people.entries()) {
    const there = await whole(rest(running, a), b);
    assert.equal(there.length, each, 'each once');
    assert.deepEqual(new Set(there.map((m) => m._id)), new Set(sent[i].map((m) => m._id)), 'every one that was acked');
    assert.deepEqual(there.map((m) => m.message).sort(), Array.from({ length: each }, (_, k) => `m${k}`).sort());
  }
});
