// Bad input: each kind has its documented answer, and disturbs nobody else
// ("Bad input" of the base profile, O4).
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { SECRET, mintToken, startTandem, unique } from '../lib/server.mjs';
import { RawClient, assertFree, call, callUser, hangUp, join, pair, refused, settled } from '../lib/clients.mjs';

const server = await startTandem({ secret: SECRET });
// One that waits for nobody.
const hasty = await startTandem({ secret: SECRET, flags: { 'handshake-timeout': '500ms' } });
after(() => Promise.all([server.stop(), hasty.stop()]));
// Whatever a test did: no panic, no error in the log, and it still serves.
afterEach(async () => {
  server.check();
  hasty.check();
  const r = await fetch(`${server.url}/healthz`);
  assert.equal(r.status, 200);
});

const ANY = [undefined, null, true, 0, -1, 1e308, '', 'x', '\u0000', [], [[]], [{}], {}, { to: 1 }, { to: {} }, { to: [] }, { to: '' }, { to: 'x'.repeat(300) },
  { callId: 5 }, { callId: 'x'.repeat(300) }, { signal: null }];

const BROKEN = {
  'call:user': [...ANY, { signal: {} }, { to: 'x' }, { to: 'x\u0007', signal: {} }, { to: 'undefined', signal: {} }, { to: 'x', signal: {}, isVideoCall: 'yes' },
    { to: 'x', signal: {}, callerName: 5 }, { to: 'x', signal: {}, callerName: 'n'.repeat(300) }, { to: 'x', signal: {}, ringFor: -1 }, { to: 'x', signal: {}, ringFor: 1e12 },
    { to: 'x', signal: {}, metadata: 'm'.repeat(5000) }],
  'call:answer': [...ANY, { to: 'x' }, { to: 5, signal: {} }],
  'call:signal': [...ANY, { callId: 'x' }, { signal: {} }],
  'call:candidate': [...ANY, { callId: 'x' }, { callId: 'x', candidates: {} }, { callId: 'x', candidates: Array(65).fill({}) }],
  'call:resume': ANY.filter((p) => !p?.signal),
  'call:handoff': ANY,
  'call:transfer': [...ANY, { callId: 'x' }, { callId: 'x', to: 5 }],
  typing: ANY,
  stopTyping: ANY,
  messageDelivered: ANY,
  messageSeen: ANY,
  allmessageSeen: ANY,
  'presence:watch': ANY,
  'presence:unwatch': ANY,
  'auth:refresh': [...ANY, { token: 5 }, { token: 'x'.repeat(20_000) }],
};

const BASE = ['call:user', 'call:answer', 'typing', 'stopTyping', 'messageDelivered', 'messageSeen', 'allmessageSeen'];

describe('bad payloads', { concurrency: 3 }, () => {
  for (const kind of ['base', 'ext', 'json']) {
    test(`2 ${kind}: every event with every broken payload answers bad_payload, and a call works as before`, async (t) => {
      const [a, b] = await pair(t, server, kind, 'base');
      const running = await call(a, b);
      for (const event of kind === 'base' ? BASE : Object.keys(BROKEN)) {
        for (const p of BROKEN[event]) {
          try {
            await refused(a.ask(event, p), 'bad_payload');
          } catch (error) {
            error.message = `${event} ${JSON.stringify(p)}: ${error.message}`;
            throw error;
          }
          a.send(event, p); // the same without an ack
        }
      }
      await settled(a, b);
      if (kind === 'base') a.quiet('error');
      else assert.ok(a.all('error').length > 50 && a.all('error').every(([p]) => p.code === 'bad_payload' && p.event in BROKEN && p.message));
      b.quiet('call:end', 'call:incoming', 'call:rejected', 'call:accepted', 'userTyping', 'messageStatusUpdated');
      await hangUp(b, a, running.callId);
      await assertFree(a, b);
    });
  }

  test('2: unknown events are ignored for base clients and errors for extended ones', async (t) => {
    for (const [kind, extended] of [['base', false], ['base-poll', false], ['ext', true], ['json', true]]) {
      const c = await join(t, server, kind);
      const names = ['sendMessage', 'join-room', 'constructor', '__proto__', 'toString', 'x'.repeat(5000), '\u0000', '💬', 'hello', 'auth', 'getOnlineUsers'];
      for (const name of names) {
        c.send(name, { a: 1 });
        await refused(c.ask(name), 'unknown_event');
      }
      await c.sync();
      const errors = c.all('error').map(([p]) => p);
      if (extended) {
        assert.equal(errors.length, names.length);
        assert.ok(errors.every((p) => p.code === 'unknown_event' && p.message && p.event.length <= 128));
      } else {
        assert.deepEqual(errors, []);
        // The extended profile is as unknown to a base client.
        for (const name of ['call:signal', 'call:resume', 'presence:watch', 'message:send']) await refused(c.ask(name, { callId: 'x' }), 'unknown_event');
      }
    }
  });

  test('2: binary where JSON belongs is refused, and the socket stays', async (t) => {
    for (const kind of ['base', 'base-poll', 'ext']) {
      const [a, b] = await pair(t, server, kind, 'base');
      const bytes = Buffer.from([0, 1, 2, 255]);
      a.send('call:user', callUser(a, b, bytes));
      a.send('typing', { senderId: a.id, receiverId: b.user, blob: bytes });
      a.send('anything', bytes, [bytes, { bytes }]);
      await refused(a.ask('call:user', { to: b.user, signal: { sdp: bytes } }), 'unknown_event');
      await settled(a, b);
      b.quiet('call:incoming', 'userTyping');
      a.quiet('(disconnect)');
      await assertFree(a, b);
    }
  });

  test('2 json: frames that are none of the protocol are answered and cost the sender only', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'json');
    const { callId } = await call(a, b);
    const frames = ['', ' ', 'x', 'null', '1', '"x"', '[]', '[{"event":"ping"}]', '{', '{}', '{"event":1}', '{"event":""}', '{"event":null}', '{"args":[]}',
      '{"event":"ping","args":{}}', '{"event":"ping","id":-1}', '{"event":"ping","id":1.5}', '{"event":"ping","id":"1"}', '{"event":"ping","id":99999999999999999999}',
      '{"event":"ping"} {"event":"ping"}', '{"event":"ping",}', "{'event':'ping'}", '{"event":"ping"', '\ufeff{"event":"ping"}', '{"event":"\\ud800"', '['.repeat(50_000), '{"a":'.repeat(20_000)];
    for (const f of frames) {
      a.raw(f);
      const [p] = await a.next('error');
      assert.equal(p.code, 'bad_payload', f.slice(0, 60));
      assert.ok(p.message);
    }
    a.raw(Buffer.from('{"event":"ping","id":1}'), { binary: true });
    assert.equal((await a.next('error'))[0].code, 'bad_payload');
    // What is more than needed is not wrong.
    a.raw('{"event":"ping","args":[],"id":901,"more":{"x":[1,2]}}');
    assert.equal((await a.next('(stray ack)'))[0].ack, 901);
    a.raw('\n {"id":902 , "args": [ ] , "event" : "p\\u0069ng"}\t');
    assert.equal((await a.next('(stray ack)'))[0].ack, 902);
    await settled(a, b);
    b.quiet('call:peer', 'call:end');
    await hangUp(b, a, callId);
  });

  test('2 json: a hundred bad frames in a row close the socket with 4400', async (t) => {
    const a = await join(t, server, 'json');
    for (let i = 0; i < 120; i++) a.raw('nonsense');
    assert.equal((await a.next('(close)'))[0], 4400);
  });

  test('2: deep nesting in a payload is forwarded or refused, never a crash', async (t) => {
    const [a, b] = await pair(t, server, 'json', 'json');
    const deep = '['.repeat(3000) + ']'.repeat(3000);
    a.raw(`{"event":"call:user","id":77,"args":[{"to":"${b.user}","signal":${deep}}]}`);
    const e = await a.first('(stray ack)', 'error');
    if (e.args[0].ack && e.args[0].args) await b.next('call:incoming');
    else assert.equal((e.args[0].error ?? e.args[0]).code, 'bad_payload');
    a.raw(`{"event":"call:end","id":78,"args":[{}]}`);
    await a.next('(stray ack)');
    await assertFree(a, b);
  });
});

describe('too large, not text', { concurrency: 3 }, () => {
  const huge = 'x'.repeat(1_000_001);

  test('O4: up to the limit a payload passes, in all dialects', async (t) => {
    for (const [ka, kb] of [['base-ws', 'json'], ['json', 'base-poll'], ['base-poll', 'base-ws']]) {
      const [a, b] = await pair(t, server, ka, kb);
      const signal = { type: 'offer', sdp: 'v=0\r\n' + 'a'.repeat(990_000) };
      a.send('call:user', { to: b.user, signal });
      assert.equal((await b.next('call:incoming'))[0].signal.sdp.length, signal.sdp.length);
      a.send('call:end', {});
      await b.next('call:end');
    }
  });

  test('O4: a larger frame closes that socket only: 1009', async (t) => {
    for (const kind of ['json', 'base-ws']) {
      const b = await join(t, server, 'json');
      const other = await pair(t, server, 'base', 'base');
      const running = await call(...other);
      const a = kind === 'json' ? await join(t, server, 'json') : await new RawClient(t, server, unique('raw')).open();
      const { callId } = await call(a, b);
      a.send('call:user', { to: b.user, signal: huge });
      assert.equal((await a.next('(close)'))[0], 1009);
      // For the peer that is a lost connection, not a goodbye.
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      await settled(...other);
      other[0].quiet('call:end');
      await hangUp(other[0], other[1], running.callId);
    }
  });

  test('O4: a larger POST is answered 413', async (t) => {
    const at = `${server.url}/socket.io/?EIO=4&transport=polling&userId=${unique('p')}`;
    const { sid, maxPayload } = JSON.parse((await (await fetch(at)).text()).slice(1));
    assert.equal(maxPayload, 1_000_000);
    const r = await fetch(`${at}&sid=${sid}`, { method: 'POST', body: `42["x","${huge}"]` });
    assert.equal(r.status, 413);
    const other = await pair(t, server, 'base-poll', 'base-poll');
    await assertFree(...other);
  });

  test('2: invalid UTF-8 closes with 1007', async (t) => {
    const a = await join(t, server, 'json');
    a.raw(Buffer.concat([Buffer.from('{"event":"ping","x":"'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}')]), { binary: false });
    assert.equal((await a.next('(close)'))[0], 1007);
    const b = await new RawClient(t, server, unique('raw')).open();
    b.ws.send(Buffer.concat([Buffer.from('42["x","'), Buffer.from([0xff, 0xfe]), Buffer.from('"]')]), { binary: false });
    assert.equal((await b.next('(close)'))[0], 1007);
  });

  test('2: packets that are none, or come in a wrong order, close the socket', async (t) => {
    const packets = ['9', 'x', '', '49', '4', '42', '42{', '42{}', '42[]', '42[1]', '42[null]', '42["connect"]', '42["disconnect"]', '42["x"', '451-["x",{"_placeholder":true,"num":0}]',
      '45x-["x"]', '4299999999999999999999["x"]', '0{}', '6x'];
    // An event without arguments, or an ack id that nobody reads, harms nobody.
    const LENIENT = ['42', '42[1]', '6x', '0{}', '4299999999999999999999["x"]'];
    for (const packet of packets) {
      const c = await new RawClient(t, server, unique('raw')).open();
      c.ws.send(packet);
      if (packet.startsWith('451-')) c.ws.send('42["x"]'); // text where the attachment belongs
      c.ws.send('42901["e2e:sync"]');
      const e = await c.take((x) => x.name === '(close)' || (x.name === '(packet)' && String(x.args[0]).startsWith('43901')), `an end after ${JSON.stringify(packet)}`);
      if (!LENIENT.includes(packet)) assert.equal(e.name, '(close)', `after ${JSON.stringify(packet)}`);
      c.ws.terminate();
    }
    // Before CONNECT.
    for (const packet of ['42["typing",{}]', '41', '430[]', '3', '5']) {
      const c = new RawClient(t, hasty, unique('raw'));
      await c.next('(packet)', (s) => s[0] === '0');
      c.ws.send(packet);
      await c.next('(close)'); // at once, or when the time to connect is over
    }
    const other = await pair(t, server, 'base', 'base');
    await assertFree(...other);
  });

  test('2: invented sessions and broken handshakes get the documented answers', async () => {
    const base = `${server.url}/socket.io/`;
    for (const [query, code, message] of [
      ['EIO=4&transport=carrier-pigeon', 0, 'Transport unknown'],
      ['EIO=4&transport=polling&sid=invented', 1, 'Session ID unknown'],
      ['EIO=3&transport=polling', 5, 'Unsupported protocol version'],
      ['transport=polling', 5, 'Unsupported protocol version'],
    ]) {
      const r = await fetch(`${base}?${query}`);
      assert.equal(r.status, 400, query);
      assert.deepEqual(await r.json(), { code, message });
    }
    const post = await fetch(`${base}?EIO=4&transport=polling`, { method: 'POST', body: '40' });
    assert.equal(post.status, 400);
    assert.deepEqual(await post.json(), { code: 2, message: 'Bad handshake method' });
  });
});

describe('connections that come to nothing', { concurrency: 3 }, () => {
  const dial = (bytes = '', on = server) => new Promise((resolve, reject) => {
    const s = net.connect(on.port, '127.0.0.1', () => {
      if (bytes) s.write(bytes);
      resolve(s);
    });
    s.on('error', reject);
    s.closed1 = new Promise((done) => s.on('close', done));
    s.resume();
  });

  test('O4: a connection that sends nothing, or half a header, is closed', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => dial(i % 2 ? 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nX: ' : '', hasty)));
    await Promise.all(all.map((s) => s.closed1)); // the test's own time limit is the bound
  });

  test('O4: a Socket.IO session that never connects to the namespace is closed', async (t) => {
    const c = new RawClient(t, hasty, unique('idle'));
    await c.next('(packet)', (s) => s[0] === '0');
    await c.next('(close)');
  });

  test('O4: a broken upgrade is answered, not hung', async () => {
    const s = await dial(`GET /ws?token=${mintToken('x')} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\n\r\n`);
    const first = await new Promise((resolve) => s.once('data', resolve));
    assert.match(String(first), /^HTTP\/1\.1 4\d\d /);
    s.destroy();
  });

  test('O4: header lines beyond the limit get 431', async () => {
    const s = await dial(`GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'y'.repeat(40_000)}\r\n\r\n`);
    const first = await new Promise((resolve) => s.once('data', resolve));
    assert.match(String(first), /^HTTP\/1\.1 431 /);
    s.destroy();
  });

  test('2: half upgrades leave the polling session usable', async (t) => {
    const c = await join(t, server, 'base-poll');
    const { engine } = c.socket.io;
    const WebSocket = (await import('ws')).default;
    for (const probe of [null, '2probe', 'nonsense']) {
      const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${engine.id}`);
      ws.on('error', () => {});
      await new Promise((resolve) => ws.once('open', resolve));
      if (probe) ws.send(probe);
      if (probe === '2probe') assert.equal(String((await new Promise((resolve) => ws.once('message', (m) => resolve(m))))), '3probe');
      ws.terminate();
      await c.sync();
      c.quiet('(disconnect)');
    }
    const b = await join(t, server, 'base');
    await assertFree(c, b);
  });

  test('I1: a websocket can not be opened on somebody else\'s session', async (t) => {
    const c = await join(t, server, 'base-ws');
    const WebSocket = (await import('ws')).default;
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${c.socket.io.engine.id}`);
    const ended = await new Promise((resolve) => {
      ws.on('error', () => resolve('refused'));
      ws.on('close', () => resolve('closed'));
    });
    assert.ok(ended);
    await c.sync();
    c.quiet('(disconnect)');
  });
});
