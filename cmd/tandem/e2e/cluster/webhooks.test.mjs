// Webhooks of many nodes: each event is sent once, by one of them, in the order of
// its call, also if nodes die (M9, C5).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scale, startCluster } from '../lib/cluster.mjs';
import { call, callUser, hangUp, join, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { report } from '../lib/report.mjs';
import { unique } from '../lib/server.mjs';
import { Receiver } from '../lib/webhooks.mjs';

const CALLS = scale(60, 600);
const FLAGS = { 'webhook-min-backoff': '100ms', 'webhook-max-backoff': '500ms' };
const STORY = ['call.ringing', 'call.answered', 'call.ended'];

test(`M9: ${CALLS} calls over three nodes: every event once, in the order of its call`, async (t) => {
  const hooks = await Receiver.start(t);
  const { nodes } = await startCluster(t, { env: hooks.env, flags: FLAGS });
  const pairs = await Promise.all(Array.from({ length: 6 }, async (_, i) => [
    await join(t, nodes[i % 3], 'json', unique('ann')), await join(t, nodes[(i + 1) % 3], 'json', unique('bob')),
  ]));
  const began = Date.now();
  const ids = [];
  await Promise.all(pairs.map(async ([a, b]) => {
    for (let n = 0; n < CALLS / 6; n++) {
      const { callId } = await call(a, b); // each step on another node
      ids.push(callId);
      await hangUp(n % 2 ? a : b, n % 2 ? b : a, callId);
      await settled(a, b);
    }
  }));
  await eventually('all was told', () => ids.every((id) => hooks.types(id).length >= 3));
  for (const id of ids) assert.deepEqual(hooks.types(id), STORY);
  const online = hooks.got.filter((e) => e.type === 'presence.online').map((e) => e.data.user);
  assert.deepEqual(online.sort(), pairs.flat().map((c) => c.user).sort(), 'who came is told once');
  assert.equal(new Set(hooks.got.map((e) => e.id)).size, hooks.got.length, 'no event came twice');
  report('webhooks of three nodes', { calls: ids.length, ms: Date.now() - began, checked: 'each event once, in the order of its call, signatures verified by the npm package' });
});

test('M9: kill -9 of the node that has the events: the others deliver them, under the same ids, in order', async (t) => {
  const hooks = await Receiver.start(t);
  const { nodes } = await startCluster(t, { env: hooks.env, flags: { ...FLAGS, 'webhook-timeout': '1s' } });
  const [a, b] = await Promise.all([join(t, nodes[1], 'json', unique('ann')), join(t, nodes[1], 'json', unique('bob'))]);
  hooks.answer = () => 500;
  const { callId } = await call(a, b);
  await hangUp(a, b, callId);
  const tried = await eventually('its ringing was tried', () => hooks.got.find((e) => e.data.callId === callId));
  await nodes[1].die();
  hooks.answer = () => 200;
  await eventually('all was told', () => hooks.types(callId).length >= 3, 20_000);
  assert.deepEqual(hooks.types(callId), STORY);
  assert.equal(hooks.of(callId)[0].id, tried.id);
  for (const user of [a.user, b.user]) {
    await eventually('they are offline', () => hooks.types(user).includes('presence.offline'));
    assert.deepEqual(hooks.types(user), ['presence.online', 'presence.offline']);
  }
});

test('C5: the node of the caller dies while somebody who is away is rung: the call goes on, and the woken device rings', async (t) => {
  const hooks = await Receiver.start(t);
  const { nodes } = await startCluster(t, { env: hooks.env, flags: { ...FLAGS, 'resume-window': '20s' } });
  const a = await join(t, nodes[0], 'json', unique('ann'), { device: 'a-phone' });
  const bob = unique('bob');
  const { callId, state } = await a.ask('call:user', callUser(a, { user: bob }));
  assert.equal(state, 'ringing');
  const told = await hooks.next('it rings', (e) => e.type === 'call.ringing' && e.data.callId === callId);
  assert.equal(told.data.offline, true);
  await nodes[0].die();
  const back = await join(t, nodes[1], 'json', a.user, { device: 'a-phone' });
  const woken = await join(t, nodes[2], 'json', bob);
  const [incoming] = await woken.next('call:incoming');
  assert.equal(incoming.callId, callId);
  await woken.ask('call:answer', { callId, to: a.user, signal: { type: 'answer', sdp: 'v=0' } });
  await hooks.next('it was answered', (e) => e.type === 'call.answered' && e.data.callId === callId);
  await eventually('the caller may talk', async () => (await back.ask('call:resume', { callId })).call.state === 'answered');
  assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.answered']);
});

test('C5: the caller gives up on one node before the device wakes up on another: no ghost ring', async (t) => {
  const hooks = await Receiver.start(t);
  const { nodes } = await startCluster(t, { env: hooks.env, flags: FLAGS });
  const a = await join(t, nodes[0], 'json', unique('ann'));
  const bob = unique('bob');
  const { callId } = await a.ask('call:user', callUser(a, { user: bob }));
  await a.ask('call:end', { callId });
  const late = await join(t, nodes[1], 'base-ws', bob);
  await settled(late);
  late.quiet('call:incoming', 'call:end');
  await hooks.next('it was missed', (e) => e.type === 'call.missed' && e.data.callId === callId);
  assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.ended', 'call.missed']);
});
