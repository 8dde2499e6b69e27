// Goodbyes, and what is none: DISCONNECT, close codes, close packets (C9).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { WINDOWS, startTandem, unique } from '../lib/server.mjs';
import { RawClient, accept, answer, assertFree, call, callUser, hangUp, join, ring, settled } from '../lib/clients.mjs';

const server = await startTandem();
after(() => server.stop());

const together = { concurrency: 6 };
const LOST = WINDOWS.resume + 3000;

describe('C9: goodbyes', together, () => {
  for (const kind of ['base', 'base-ws', 'base-poll', 'ext', 'json']) {
    test(`C9 ${kind}: a goodbye ends its calls at once, answered and ringing`, async (t) => {
      const b = await join(t, server, 'json');
      for (const [state, reason] of [['answered', 'hangup'], ['ringing', 'cancelled']]) {
        const a = await join(t, server, kind);
        const { callId } = state === 'answered' ? await call(a, b) : await ring(a, b);
        a.leave();
        assert.deepEqual(await b.next('call:end'), [{ callId, reason }]);
        b.quiet('call:peer');
      }
      // Of one who is rung: its other device rings on.
      const x = await join(t, server, kind);
      const other = await join(t, server, 'base', x.user);
      const { callId } = await ring(b, [x, other]);
      x.leave();
      await settled(other, b);
      other.quiet('call:end');
      b.quiet('call:end', 'call:unavailable', 'call:rejected');
      await accept(other, b, callId);
      await hangUp(other, b, callId);
      await assertFree(b, other);
    });
  }

  for (const code of [1000, 1001]) {
    test(`C9: WebSocket close ${code} of a Socket.IO client is a goodbye`, async (t) => {
      for (const auth of [{}, { tandem: 1 }]) {
        const a = await new RawClient(t, server, unique('raw'), { auth }).open();
        const b = await join(t, server, 'ext');
        const { callId } = await call(a, b);
        a.ws.close(code);
        assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
        b.quiet('call:peer');
      }
    });

    test(`C9: WebSocket close ${code} with auth.resume is none`, async (t) => {
      const a = await new RawClient(t, server, unique('raw'), { auth: { tandem: 1, resume: true } }).open();
      const b = await join(t, server, 'ext');
      const { callId } = await call(a, b);
      a.ws.close(code);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      assert.deepEqual(await b.next('call:end', undefined, LOST), [{ callId, reason: 'lost' }]);
    });

    test(`C9: WebSocket close ${code} of a json client is none: it can resume`, async (t) => {
      const a = await join(t, server, 'json');
      const b = await join(t, server, 'ext');
      const { callId } = await call(a, b);
      a.ws.close(code);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      await a.open({ resume: {} });
      assert.equal(a.hello.resumed, true);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
      await hangUp(a, b, callId);
    });
  }

  test('C9: a WebSocket close without a code, and none at all, are no goodbye', async (t) => {
    for (const end of [(ws) => ws.close(), (ws) => ws.terminate()]) {
      const a = await new RawClient(t, server, unique('raw')).open();
      const b = await join(t, server, 'json');
      const { callId } = await call(a, b);
      end(a.ws);
      assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'reconnecting' }]);
      assert.deepEqual(await b.next('call:end', undefined, LOST), [{ callId, reason: 'lost' }]);
    }
  });

  // socket.io-client does this after a poll that failed: it gives the session up
  // with a close packet, and comes back with its pid.
  test('C9: an Engine.IO close packet without DISCONNECT is no goodbye', async (t) => {
    const user = unique('polls');
    const at = `${server.url}/socket.io/?EIO=4&transport=polling&userId=${user}`;
    const { sid } = JSON.parse((await (await fetch(at)).text()).slice(1));
    const get = async () => (await fetch(`${at}&sid=${sid}`)).text();
    const post = async (body) => assert.equal(await (await fetch(`${at}&sid=${sid}`, { method: 'POST', body })).text(), 'ok');
    const told = [];
    const until = async (want) => {
      while (!told.some((s) => s.startsWith(want))) {
        for (const s of (await get()).split('\x1e')) {
          if (s === '2') await post('3');
          else told.push(s);
        }
      }
      return told.find((s) => s.startsWith(want));
    };
    await post('40{}');
    const { pid, sid: id } = JSON.parse((await until('40{')).slice(2));
    const b = await join(t, server, 'json');
    b.send('call:user', callUser(b, user));
    await until('42["call:incoming"');
    await post(`42${JSON.stringify(['call:answer', { to: b.user, signal: answer() }])}`);
    const [, { callId }] = await b.next('call:accepted');
    await post('1');
    const told1 = await b.first('call:peer', 'call:end');
    assert.deepEqual([told1.name, told1.args[0]], ['call:peer', { callId, state: 'reconnecting' }]);
    const back = await new RawClient(t, server, user, { auth: { pid } }).open();
    assert.equal(back.connected.sid, id);
    assert.deepEqual(await b.next('call:peer'), [{ callId, state: 'back' }]);
    await hangUp(b, back, callId);
  });

  test('C9: having received a pid is no declaration; DISCONNECT counts with auth.resume, too', async (t) => {
    const a = await join(t, server, 'ext', unique('alice'), { resume: true });
    const b = await join(t, server, 'base');
    const { callId } = await call(a, b);
    a.leave();
    assert.deepEqual(await b.next('call:end'), [{ callId, reason: 'hangup' }]);
  });
});
