// The examples of the README, as they stand there: what a newcomer types first
// must not be the one thing that nobody runs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { atEnd } from '../lib/atend.mjs';
import { join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { startTandem, tandemBinary } from '../lib/server.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

const server = await startTandem();
after(() => server.stop());

/** Waits for the one thing that a callback is told. */
function once() {
  const told = [];
  return { tell: (v) => told.push(v), told, first: (what) => eventually(what, () => told.length > 0 && told) };
}

test('1.1: the six lines with socket.io-client ring, are answered, and are told who is busy', async (t) => {
  const code = readme.match(/```js\n([\s\S]*?)```/)?.[1];
  assert.ok(code, 'the README has no example in JavaScript');
  assert.match(code, /http:\/\/localhost:5000/);
  const bob = await join(t, server, 'base', 'bob');

  // Alice is the example; its own socket is handed out at its end.
  const run = (user, log, peer, alert) => {
    const text = code.replaceAll('http://localhost:5000', server.url).replaceAll('"alice"', JSON.stringify(user));
    const body = `${text}\nreturn socket;`;
    const example = new Function('io', 'offer', 'me', 'console', 'peer', 'alert', body);
    const socket = example(
      (url, o) => io(url, { ...o, forceNew: true }),
      { type: 'offer', sdp: 'v=0' }, { fullName: 'Alice' }, { log: (...a) => log.tell(a) }, { signal: peer.tell }, alert.tell,
    );
    atEnd(t, () => socket.close());
  };
  const [log, peer, alert] = [once(), once(), once()];
  run('alice', log, peer, alert);

  const [incoming] = await bob.next('call:incoming');
  assert.equal(incoming.fromId, 'alice');
  assert.equal(incoming.callerName, 'Alice');
  assert.equal(incoming.isVideoCall, true);
  assert.deepEqual(incoming.signal, { type: 'offer', sdp: 'v=0' });
  const [[word, ids]] = await log.first('the example logs who is online');
  assert.equal(word, 'online:');
  assert.ok(Array.isArray(ids));

  bob.send('call:answer', { to: 'alice', signal: { type: 'answer', sdp: 'v=0' } });
  assert.deepEqual((await peer.first('the example is given the answer'))[0], { type: 'answer', sdp: 'v=0' });

  const busy = once();
  run('carol', once(), once(), busy);
  assert.equal((await busy.first('the second caller is told'))[0], 'User is currently on another call');
  assert.deepEqual(alert.told, [], 'the first caller is told nothing');
});

test('1: what the README shows of wscat is what goes over the wire', async (t) => {
  const url = readme.match(/npx wscat -c '([^']+)'/)?.[1];
  assert.ok(url, 'the README has no example with wscat');
  const lines = [...readme.matchAll(/^ {4}([<>]) (\{.*)$/gm)].map(([, way, text]) => ({ way, text }));
  assert.equal(lines.length, 3);
  await join(t, server, 'json', 'bob');

  const ws = new WebSocket(url.replace('ws://localhost:5000/ws', server.ws));
  atEnd(t, () => ws.terminate());
  const frames = [];
  ws.on('message', (data) => frames.push(JSON.parse(data)));
  for (const { way, text } of lines) {
    if (way === '>') {
      ws.send(text);
      continue;
    }
    // "…" is any value, and ", …" at the end of an object more members.
    const want = JSON.parse(text.replace(/, …\}/g, '}'));
    await eventually(`${text} comes`, () => frames.some((f) => like(f, want)));
  }
});

test('M6: what the README shows of curl is what the routes answer', async () => {
  const examples = [...readme.matchAll(/^ {4}\$ curl (.*)\n {4}([{[].*)$/gm)];
  assert.equal(examples.length, 2);
  for (const [, line, answer] of examples) {
    const [, url] = line.match(/'http:\/\/localhost:5000([^']+)'/);
    const body = line.match(/-d '([^']+)'/)?.[1];
    const [, name, value] = line.match(/-H '([^:]+): ([^']+)'/) ?? [];
    const r = await fetch(server.url + url, body ? { method: 'POST', body, headers: { [name]: value } } : {});
    assert.ok(r.ok, `${line}: ${r.status}`);
    assert.ok(like(await r.json(), JSON.parse(answer.replaceAll(', …', ''))), line);
  }
});

function like(got, want) {
  if (want === '…') return got !== undefined;
  if (want === null || typeof want !== 'object') return got === want;
  return got !== null && typeof got === 'object' && Object.entries(want).every(([k, v]) => like(got[k], v));
}

test('O1: every flag, make target and file that the README names exists', () => {
  const help = execFileSync(tandemBinary(), ['serve', '--help'], { encoding: 'utf8' })
    + execFileSync(tandemBinary(), ['token', '--help'], { encoding: 'utf8' });
  const makefile = readFileSync(path.join(root, 'Makefile'), 'utf8');

  const flags = new Set([...readme.matchAll(/--[a-z][a-z-]+/g)].map(([f]) => f));
  assert.ok(flags.size > 10, 'the README names no flags');
  for (const flag of flags) assert.match(help, new RegExp(`${flag}[ =\n]`), `${flag} is no flag`);

  const targets = new Set([...readme.matchAll(/make ([a-z-]+)/g)].map(([, name]) => name));
  assert.ok(targets.has('run') && targets.has('test'), 'the README names the two commands');
  for (const name of targets) assert.match(makefile, new RegExp(`^${name}:`, 'm'), `there is no make ${name}`);

  for (const [, link] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
    assert.ok(existsSync(path.join(root, link)), `${link} is not there`);
  }
});
