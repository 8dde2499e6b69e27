// A back end hears of calls, messages and who comes and goes (M9), and wakes people
// who are away (C5).
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { SECRET, startTandem, tandemBinary, unique, WINDOWS } from '../lib/server.mjs';
import { callUser, join, pair, settled } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { rest } from '../lib/rest.mjs';
import { Receiver } from '../lib/webhooks.mjs';

async function start(t, o = {}) {
  const hooks = await Receiver.start(t);
  const server = await startTandem({ secret: SECRET, ...o, env: { ...hooks.env, ...o.env }, flags: { 'webhook-min-backoff': '50ms', ...o.flags } });
  atEnd(t, () => server.stop());
  return [hooks, server];
}

for (const [caller, callee] of [['base', 'ext'], ['json', 'base']]) {
  test(`M9, C14: a call from ${caller} to ${callee} is told as it goes, and as the log has it`, async (t) => {
    const [hooks, server] = await start(t);
    const [a, b] = await pair(t, server, caller, callee);
    a.send('call:user', { ...callUser(a, b), callerName: 'Alice' });
    const [{ callId }] = await b.next('call:incoming');
    b.send('call:answer', { to: a.user, signal: { type: 'answer', sdp: 'v=0' } });
    await a.next('call:accepted');
    a.send('call:end', { to: b.user, from: a.user });
    await hooks.next('it is over', (e) => e.type === 'call.ended' && e.data.callId === callId);
    assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.answered', 'call.ended']);
    const [ringing, answered, ended] = hooks.of(callId).map((e) => e.data);
    assert.deepEqual([ringing.caller, ringing.callee, ringing.offline, ringing.callerName, ringing.from._id], [a.user, b.user, false, 'Alice', a.user]);
    assert.ok(Date.parse(ringing.expiresAt) - Date.parse(ringing.startedAt) <= WINDOWS.ring);
    assert.ok(answered.calleeDevice && answered.answeredAt);
    const { body } = await eventually('the call is in the log', async () => {
      const r = await rest(server, b.user)('GET', '/api/calls');
      return r.body.calls?.length && r;
    });
    const { new: fresh, ...logged } = body.calls[0];
    assert.deepEqual(ended, logged);
  });
}

test('M9, C14: a missed call is told as missed, and counted as one', async (t) => {
  const [hooks, server] = await start(t);
  const [a, b] = await pair(t, server, 'json', 'base');
  const { callId } = await a.ask('call:user', callUser(a, b));
  const missed = await hooks.next('it was missed', (e) => e.type === 'call.missed' && e.data.callId === callId);
  assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.ended', 'call.missed']);
  assert.deepEqual([missed.data.reason, missed.data.missed], ['no_answer', true]);
  const { body } = await rest(server, b.user)('GET', '/api/calls');
  assert.deepEqual([body.missed, body.calls.map((c) => c.callId)], [1, [callId]]);
});

test('M9, P5: messages, and who comes and goes, without flapping', async (t) => {
  const [hooks, server] = await start(t, { flags: { 'offline-grace': '1s' } });
  const [a, b] = await pair(t, server, 'json', 'json');
  await a.ask('message:send', { to: b.user, text: 'hello', clientId: 'one' });
  await a.ask('message:send', { to: b.user, text: 'hello', clientId: 'one' }); // once more: nothing new
  const away = unique('away');
  await a.ask('message:send', { to: away, text: 'are you there?' });
  await hooks.next('the second message', (e) => e.data.message?.receiverId === away);
  const told = hooks.got.filter((e) => e.type === 'message.created').map(({ data: { message, offline, from } }) => [message.message, message.receiverId, offline, from._id]);
  assert.deepEqual(told.sort(), [['are you there?', away, true, a.user], ['hello', b.user, false, a.user]]);
  for (let i = 0; i < 3; i++) { // lost, and back within the grace
    b.ws.terminate();
    await b.next('(close)');
    await b.open({ resume: {} });
  }
  a.send('disconnect');
  const offline = await hooks.next('a is offline', (e) => e.type === 'presence.offline' && e.data.user === a.user);
  assert.deepEqual([offline.data.online, offline.data.devices, !!offline.data.lastSeen], [false, 0, true]);
  assert.deepEqual(hooks.types(a.user).filter((x) => x.startsWith('presence')), ['presence.online', 'presence.offline']);
  assert.deepEqual(hooks.got.filter((e) => e.type.startsWith('presence') && e.data.user === b.user).map((e) => e.type), ['presence.online']);
});

test('C5: with webhooks somebody who is away is rung, until a device of theirs wakes up', async (t) => {
  const [hooks, server] = await start(t, { flags: { 'ring-timeout': '20s' } });
  const a = await join(t, server, 'base');
  const b = unique('phone');
  a.send('call:user', callUser(a, { user: b }));
  const { data } = await hooks.next('it rings', (e) => e.type === 'call.ringing');
  assert.deepEqual([data.offline, data.callee], [true, b]);
  a.quiet('call:unavailable');
  const woken = await join(t, server, 'base', b);
  const [incoming] = await woken.next('call:incoming');
  assert.equal(incoming.callId, data.callId);
  woken.send('call:answer', { to: a.user, signal: { type: 'answer', sdp: 'v=0' } });
  await a.next('call:accepted');
  await hooks.next('it was answered', (e) => e.type === 'call.answered' && e.data.callId === data.callId);
});

test('C5: the caller gives up before the device wakes up, and it does not ring', async (t) => {
  const [hooks, server] = await start(t);
  const a = await join(t, server, 'json');
  const b = unique('phone');
  const { callId, state } = await a.ask('call:user', callUser(a, { user: b }));
  assert.equal(state, 'ringing');
  await a.ask('call:end', { callId });
  const late = await join(t, server, 'base', b);
  await settled(late);
  late.quiet('call:incoming', 'call:end');
  await hooks.next('it was missed', (e) => e.type === 'call.missed' && e.data.callId === callId);
  assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.ended', 'call.missed']);
});

test('C5: without webhooks, or with --offline-ring=0, somebody who is away is offline at once', async (t) => {
  const plain = await startTandem({ secret: SECRET });
  atEnd(t, () => plain.stop());
  const [, zero] = await start(t, { flags: { 'offline-ring': '0s' } });
  for (const server of [plain, zero]) {
    const a = await join(t, server, 'base');
    a.send('call:user', callUser(a, { user: unique('nobody') }));
    const [no] = await a.next('call:unavailable');
    assert.equal(no.code, 'offline');
  }
});

test('M9: kill -9 between event and delivery: the next start delivers it, under the same id, in order', async (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-hooks-'));
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }));
  const hooks = await Receiver.start(t);
  const o = { secret: SECRET, dir, env: hooks.env, flags: { 'webhook-min-backoff': '100ms' } };
  hooks.answer = () => 503;
  const first = await startTandem(o);
  const [a, b] = await pair(t, first, 'json', 'json');
  const { callId } = await a.ask('call:user', callUser(a, b));
  await a.ask('call:end', { callId });
  await a.ask('message:send', { to: b.user, text: 'hello' });
  // Tried, and not taken; what follows in its lane is not tried before.
  const tried = await eventually('its ringing and the message were tried', () => {
    const list = hooks.got.filter((e) => e.data.callId === callId || e.data.message);
    return new Set(list.map((e) => e.type)).size === 2 && list;
  });
  assert.deepEqual([...new Set(tried.map((e) => e.type))].sort(), ['call.ringing', 'message.created']);
  const ids = new Map(tried.map((e) => [e.type, e.id]));
  await first.stop({ check: false, signal: 'SIGKILL' });
  hooks.answer = () => 200;
  const second = await startTandem(o);
  atEnd(t, () => second.stop());
  await hooks.next('the call was missed', (e) => e.type === 'call.missed' && e.data.callId === callId);
  await hooks.next('the message', (e) => e.type === 'message.created');
  assert.deepEqual(hooks.types(callId), ['call.ringing', 'call.ended', 'call.missed']);
  for (const [type, id] of ids) {
    assert.deepEqual(hooks.got.filter((e) => e.taken && e.type === type).map((e) => e.id), [id], `${type} came once, under the id of before`);
  }
});

test('M9: tandem webhook test and secret', async (t) => {
  const hooks = await Receiver.start(t);
  const run = (args, env) => spawnSync(tandemBinary(), ['webhook', ...args], { cwd: tmpdir(), env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  const secret = run(['secret']);
  assert.match(secret.stdout, /^whsec_[A-Za-z0-9+/]{32}\n$/);
  const none = run(['test']);
  assert.notEqual(none.status, 0);
  assert.match(none.stderr, /TANDEM_WEBHOOK_URLS/);
  // The receiver is in this process: it can not answer while spawnSync waits.
  const out = await new Promise((resolve) => {
    execFile(tandemBinary(), ['webhook', 'test'], { cwd: tmpdir(), env: { PATH: process.env.PATH, ...hooks.env } }, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
  assert.equal(out.error, null, out.stderr);
  assert.match(out.stdout, /took a signed test event \(status 200\)/);
  assert.deepEqual(hooks.got.map((e) => e.type), ['tandem.test']);
  assert.doesNotMatch(out.stdout + out.stderr, /whsec_/);
});
