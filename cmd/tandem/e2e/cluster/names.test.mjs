// Two nodes under one name (P1).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '../lib/cluster.mjs';
import { call, hangUp, join } from '../lib/clients.mjs';
import { report } from '../lib/report.mjs';
import { SECRET, Tandem } from '../lib/server.mjs';

test('P1: a second node of the same name refuses to start and says so; the first goes on', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  const [first, other] = cluster.nodes;
  const [a, b] = await Promise.all([join(t, first, 'json'), join(t, other, 'json')]);
  const began = Date.now();
  const second = new Tandem({
    secret: SECRET, env: first.options.env, flags: { ...cluster.flags, 'node-name': first.name },
  });
  await assert.rejects(second.start(), /tandem ended with 1:[\s\S]*another node runs under the name \\?"node0/);
  const took = Date.now() - began;
  const { callId } = await call(a, b);
  await hangUp(b, a, callId);
  a.quiet('(close)');
  report('two nodes with the same name', { ms: took, checked: 'the second ended with code 1 and named the reason, the first lost nobody' });
});

test('P1: a node that was killed comes back under its name at once', async (t) => {
  const cluster = await startCluster(t, { nodes: 2 });
  await cluster.nodes[0].die();
  await cluster.startNode(0);
  const [a, b] = await Promise.all([join(t, cluster.nodes[0], 'json'), join(t, cluster.nodes[1], 'json')]);
  const { callId } = await call(a, b);
  await hangUp(b, a, callId);
});
