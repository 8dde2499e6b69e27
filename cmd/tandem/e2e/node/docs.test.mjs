// That the documents of /docs are true: every sample in them runs as it stands,
// and all that a real server answers and sends is of the types that they say.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { io } from 'socket.io-client';
import { atEnd } from '../lib/atend.mjs';
import { join } from '../lib/clients.mjs';
import { bringAbout, curl, eventsOf, fill, prepare, program, routesOf, stepsOf, tidy } from '../lib/docs.mjs';
import { PATIENCE } from '../lib/recorder.mjs';
import { ackFaults, asyncAPI, eventFaults, faults, openAPI } from '../lib/schema.mjs';
import { app } from '../lib/sdk.mjs';
import { mintToken, SECRET, startTandem, unique } from '../lib/server.mjs';

const KEY = 'the key of a back end';
const server = await startTandem({
  secret: SECRET,
  flags: { 'ring-timeout': '30s', 'resume-window': '10s' },
  env: { TANDEM_SERVER_KEYS: KEY },
});
after(() => server.stop());

// Calls of the SDK hold a MediaStream, which Node has none of; nothing here has media.
globalThis.MediaStream ??= class extends EventTarget {
  getTracks = () => [];
  getAudioTracks = () => [];
  getVideoTracks = () => [];
  addTrack() {}
  removeTrack() {}
};

const { preparations } = asyncAPI['x-tandem'];
const events = eventsOf(asyncAPI);
const routes = routesOf(openAPI);
const heard = new Set(); // events that clients were sent
const met = new Set(); // members that were seen, as Schema.member

/** Two people of the JSON dialect whose events and acknowledgements are checked. */
async function people(t) {
  const [me, peer] = await Promise.all(['alice', 'bob'].map((n) => join(t, server, 'json', unique(n))));
  const values = { ...asyncAPI['x-tandem'].values, server: server.url, key: KEY, me: me.user, peer: peer.user, third: unique('carol'), token: mintToken(me.user) };
  return { clients: { me: checked(me), peer: checked(peer) }, recorders: { me, peer }, values };
}

/** A client as examples want one, whose acknowledgements are checked. */
function checked(c) {
  return {
    async request(event, payload) {
      const reply = await c.ask(event, payload);
      assert.deepEqual(ackFaults(event, reply, met), []);
      return reply;
    },
    volatile: (event, payload) => c.send(event, payload),
  };
}

/** All that clients were told is described. */
function judge(...recorders) {
  for (const c of recorders) {
    for (const { name, args } of c.events) {
      if (name.startsWith('(') || name === 'order:paid') continue; // of the test, or of the back end
      heard.add(name);
      assert.deepEqual(eventFaults(name, args, met), [], c.who);
    }
  }
}

test('every sample of a route runs, as curl and in JavaScript, and is answered as described', async (t) => {
  for (const route of routes) {
    for (const how of ['curl', 'js']) {
      const { clients, recorders, values } = await people(t);
      const known = await prepare(stepsOf(route, preparations), clients, values);
      const { after: first } = route['x-tandem-try'];
      if (first) await program(fill(routes.find((r) => r.operationId === first)['x-tandem-try'].js, known), { fetch }, () => {});
      let r;
      const text = fill(route['x-tandem-try'][how], known);
      if (how === 'curl') r = await curl(text);
      else await program(text, { fetch }, ([status, body]) => (r = { status, body }));
      const what = `${route.method} ${route.path}: ${JSON.stringify(r)}`;
      const described = route.responses[r.status];
      assert.ok(r.status < 300 && described, what);
      const { schema } = described.content['application/json'];
      assert.deepEqual(faults(r.body, schema, openAPI, { met }), [], what);
      await tidy(clients, known, values);
      judge(...Object.values(recorders));
      for (const c of Object.values(recorders)) c.close();
    }
  }
});

test('a route without credentials is refused as described', async () => {
  for (const route of routes) {
    if (route.security.length === 0) continue;
    const init = { method: route.method };
    if (route.requestBody) Object.assign(init, { headers: { 'Content-Type': 'application/json' }, body: '{}' });
    const r = await fetch(server.url + fill(route['x-tandem-try'].path, { peer: 'x', messageId: 'x', callId: 'x', third: 'x' }), init);
    const body = await r.json();
    const what = `${route.method} ${route.path}: ${r.status} ${JSON.stringify(body)}`;
    assert.equal(r.status, 401, what);
    assert.ok(route.responses[401]['x-codes'].includes(body.code), what);
    assert.deepEqual(faults(body, route.responses[401].content['application/json'].schema, openAPI), [], what);
  }
});

/** A connected socket of socket.io-client, as a person and as what a program gets. */
async function socketOf(t, user, auth) {
  const options = { auth: { ...auth, token: mintToken(user) } };
  const socket = io(server.url, { ...options, forceNew: true });
  atEnd(t, () => socket.disconnect());
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return {
    person: {
      async request(event, payload) {
        const reply = await socket.emitWithAck(event, payload);
        if (reply?.error) throw Object.assign(new Error(reply.error.message), reply.error);
        return reply;
      },
      volatile: (event, payload) => socket.emit(event, payload),
    },
    given: { io: (url, o) => (assert.deepEqual([url, { auth: { ...o.auth, token: '' } }], [server.url, { auth: { ...auth, token: '' } }]), socket) },
    end: () => socket.disconnect(),
  };
}

/** The same of the SDK. */
async function tandemOf(t, user) {
  const tandem = app(t, server, user);
  await tandem.connect();
  tandem.connect = async () => tandem.session; // it is, with what the example needs
  return {
    person: { request: (event, payload) => tandem.request(event, payload), volatile: (event, payload) => tandem.volatile(event, payload) },
    given: {
      Tandem: function Tandem(o) {
        assert.equal(o.url, server.url);
        return tandem;
      },
    },
    end: () => tandem.end(),
  };
}

/** A base device does what it knows, another one of the same user the rest. */
function withHelp(base, other) {
  const knows = new Set(events.filter((e) => !e.tags.some((tag) => tag.name === 'extended')).map((e) => e.name));
  const by = (event) => (knows.has(event) ? base : checked(other));
  return { request: (event, payload) => by(event).request(event, payload), volatile: (event, payload) => by(event).volatile(event, payload) };
}

const make = {
  socketio: (t, user, text) => socketOf(t, user, text.includes('tandem: 1') ? { tandem: 1 } : {}),
  sdk: (t, user) => tandemOf(t, user),
};

for (const how of ['socketio', 'sdk']) {
  test(`every sample of an event that clients send runs (${how})`, async (t) => {
    for (const event of events.filter((e) => e['x-tandem-try'].to === 'server' && e['x-tandem-try'][how])) {
      const { clients, recorders, values } = await people(t);
      recorders.me.close(); // the sample's own connection stands for this person
      const text = event['x-tandem-try'][how];
      const own = await make[how](t, values.me, text);
      const both = { me: own.person, peer: clients.peer };
      let known = await prepare(stepsOf(event, preparations), both, values);
      const printed = [];
      await assert.doesNotReject(program(fill(text, known), own.given, (args) => printed.push(args)), event.name);
      for (const [reply] of printed) {
        assert.equal(reply?.error, undefined, `${event.name}: ${JSON.stringify(reply)}`);
        // What the SDK makes of a reply is its own affair.
        if (text.includes(`"${event.name}"`)) assert.deepEqual(ackFaults(event.name, reply, met), []);
        if (reply?.callId) known = { ...known, callId: reply.callId };
      }
      await tidy(both, known, values);
      judge(recorders.peer);
      own.end();
      recorders.peer.close();
    }
  });

  test(`every sample of an event that clients are sent hears it (${how})`, async (t) => {
    for (const event of events.filter((e) => e['x-tandem-try'].cause && e['x-tandem-try'][how])) {
      const { cause, at } = event['x-tandem-try'];
      const { clients, recorders, values } = await people(t);
      const user = values[at];
      const text = fill(event['x-tandem-try'][how], { ...values, token: mintToken(user) });
      const alone = how === 'sdk' || text.includes('tandem: 1') || cause === 'connect';
      if (alone) recorders[at].close();
      let told;
      const first = new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${event.name} did not come`)), PATIENCE);
        told = (args) => (clearTimeout(timer), resolve(args));
      });
      let own, known = values;
      if (cause === 'connect') {
        own = { end: () => own.socket?.disconnect() };
        const fresh = app(t, server, user);
        await program(text, { io: (...a) => (own.socket = io(a[0], { ...a[1], forceNew: true })), Tandem: function Tandem() { return fresh; } }, told);
      } else {
        own = await make[how](t, user, text);
        await program(text, own.given, told);
        const base = how === 'socketio' && !text.includes('tandem: 1');
        if (base) own.person = withHelp(own.person, recorders[at]);
        known = await bringAbout(event, events, preparations, { ...clients, [at]: own.person }, values);
      }
      const args = await first;
      heard.add(event.name);
      assert.deepEqual(eventFaults(event.name, args, met), []);
      await tidy({ ...clients, [at]: own.person ?? clients[at] }, known, values);
      own.end();
      for (const c of Object.values(recorders)) c.close();
    }
  });
}

test('what no example brings about is of its type, too', async (t) => {
  const { clients, recorders: { me, peer }, values } = await people(t);
  // call:peer: a connection is lost and comes back.
  const known = await prepare(preparations.answered, clients, values);
  peer.ws.terminate();
  await me.next('call:peer', (p) => p.state === 'reconnecting');
  await peer.open({ resume: {} });
  await me.next('call:peer', (p) => p.state === 'back');
  await tidy(clients, known, values);
  // presence:update, and a call to somebody who is busy.
  await clients.me.request('presence:watch', { users: [values.third] });
  const third = await join(t, server, 'json', values.third);
  await me.next('presence:update', (p) => p.online);
  // user:blocked, on another device.
  const second = await join(t, server, 'json', values.me);
  await clients.me.request('user:block', { userId: values.third });
  await second.next('user:blocked');
  await clients.me.request('user:unblock', { userId: values.third });
  // auth:expiring
  const short = await join(t, server, 'json', unique('dora'), { claims: { exp: Math.floor(Date.now() / 1000) + 30 } });
  await short.next('auth:expiring');
  judge(me, peer, third, second, short);
});

test('what clients were sent is all that is described, and the other way round', async (t) => {
  const goes = await startTandem({ secret: SECRET });
  const c = await join(t, goes, 'json');
  const stopped = goes.stop();
  await c.next('server:drain');
  judge(c);
  await stopped;
  const described = events.filter((e) => e['x-tandem-try'].to === 'client').map((e) => e.name);
  assert.deepEqual(described.filter((n) => !heard.has(n)), [], 'described, and never sent here');
  assert.deepEqual([...heard].filter((n) => !described.includes(n)), []);
  // Members that a server has sent: those of what it was asked are not its own.
  assert.ok(met.size > 90, `only ${met.size} members were seen`);
});
