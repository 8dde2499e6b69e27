// The network dies under the answer to a client that comes back: it never learns
// that it was taken in, and comes back once more as before (C9, I8).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { call, hangUp, join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { unique } from '../lib/server.mjs';

const WAYS = [[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 1, 2], [0, 1, 2, 0]];

/** A line that the client comes by, to one node and then another. */
async function lineTo(t, node) {
  const line = await Proxy.to(node);
  atEnd(t, () => line.close());
  return line;
}

/** Signals from b to a, numbered; checked in order, each once. */
async function signals(b, callId, from, to) {
  for (let n = from; n < to; n++) await b.ask('call:signal', { callId, signal: { n } });
}
async function arrived(a, to) {
  const last = await a.next('call:signal', (s) => s.signal.n === to - 1);
  assert.ok(last);
  assert.deepEqual(a.all('call:signal').map(([s]) => s.signal.n), Array.from({ length: to }, (_, n) => n));
}

for (const nodes of [1, 3]) {
  const ways = nodes === 1 ? WAYS.slice(0, 1) : WAYS.slice(1);
  test(`C9 I8: the hello of /ws is lost, ${nodes} node(s): nothing else is`, async (t) => {
    const cluster = await startCluster(t, { nodes });
    for (const [first, ...then] of ways) {
      const line = await lineTo(t, cluster.nodes[first]);
      const a = await join(t, cluster.nodes[first], 'json', unique('alice'), { url: line.ws });
      const b = await join(t, cluster.nodes.at(-1), 'json', unique('bob'));
      const { callId } = await call(a, [b]);
      const before = { token: a.hello.resumeToken, sid: a.id };
      line.cut();
      await a.next('(close)');
      await b.next('call:peer');
      let sent = 0;
      for (const n of then.slice(0, -1)) {
        await signals(b, callId, sent, (sent += 3));
        line.target.port = cluster.nodes[n].port;
        line.mute();
        const lost = a.open({ resume: {} }).catch((e) => e);
        await eventually('the hello was sent', () => line.heard());
        line.cut();
        assert.ok((await lost) instanceof Error);
        line.unmute();
      }
      await signals(b, callId, sent, (sent += 3));
      line.target.port = cluster.nodes[then.at(-1)].port;
      await a.open({ resume: {} });
      assert.equal(a.hello.resumed, true, `by nodes ${[first, ...then]} it was not resumed`);
      assert.equal(a.id, before.sid);
      await arrived(a, sent);
      await a.ask('call:signal', { callId, signal: 'on' });
      // The token is spent now, wherever it is shown.
      for (const node of cluster.nodes) {
        const thief = await join(t, node, 'json', a.user, { query: { resume: before.token, seq: '0' } });
        assert.equal(thief.hello.resumed, false);
        assert.notEqual(thief.deviceId, a.deviceId);
        thief.leave();
      }
      a.quiet('(close)');
      await hangUp(a, b, callId);
      a.leave();
      b.leave();
    }
  });

  test(`C9: the answer to CONNECT of Socket.IO is lost, ${nodes} node(s): nothing else is`, async (t) => {
    const cluster = await startCluster(t, { nodes });
    for (const [first, ...then] of ways) {
      const line = await lineTo(t, cluster.nodes[first]);
      const a = await join(t, cluster.nodes[first], 'ext-ws', unique('alice'), { url: line.url, resume: true });
      const b = await join(t, cluster.nodes.at(-1), 'ext-ws', unique('bob'));
      const { callId } = await call(a, [b]);
      const { id } = a;
      line.cut();
      await a.next('(disconnect)');
      await b.next('call:peer');
      a.all('(connect)');
      let sent = 0;
      for (const n of then.slice(0, -1)) {
        await signals(b, callId, sent, (sent += 3));
        line.target.port = cluster.nodes[n].port;
        line.mute(2); // the upgrade is answered, CONNECT is not
        a.socket.connect();
        await eventually('CONNECT was answered', () => line.heard());
        line.cut();
        await eventually('it has noticed', () => !a.socket.io.engine || a.socket.io.engine.readyState === 'closed');
        line.unmute();
      }
      await signals(b, callId, sent, (sent += 3));
      line.target.port = cluster.nodes[then.at(-1)].port;
      a.socket.disconnect(); // what is left of the attempt
      const connected = a.all('(connect)').length;
      a.socket.connect();
      await eventually('it is connected', () => a.all('(connect)').length > connected);
      assert.deepEqual(a.all('(connect)').at(-1), [{ recovered: true, id }], `by nodes ${[first, ...then]} it was not recovered`);
      await arrived(a, sent);
      await hangUp(a, b, callId);
      a.leave();
      b.leave();
    }
  });
}
