// The parts of a call, as front ends send them and as tests expect them: signals,
// payloads, and the steps from the ring to the end with what each has to bring.
import assert from 'node:assert/strict';
import { Refused } from './recorder.mjs';

let sessions = 0;

const sdp = (session, version, extra) =>
  `v=0\r\no=- ${session} ${version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=msid-semantic: WMS\r\n${extra}`;

/** An SDP offer; each has a session of its own unless one is given. */
export function offer(session = 7_000_000 + ++sessions, version = 2, extra = '') {
  return { type: 'offer', sdp: sdp(session, version, extra) };
}

/** An SDP answer. */
export function answer(session = 8_000_000 + ++sessions, version = 2, extra = '') {
  return { type: 'answer', sdp: sdp(session, version, extra) };
}

/** An ICE candidate as RTCIceCandidate.toJSON gives it. */
export function candidate(n) {
  return { candidate: `candidate:${n} 1 udp 2122260223 127.0.0.1 ${40000 + n} typ host`, sdpMid: '0', sdpMLineIndex: 0 };
}

/** The same as simple-peer emits it. */
export function peerCandidate(n) {
  return { type: 'candidate', candidate: candidate(n) };
}

/** call:user as existing front ends send it. */
export function callUser(from, to, signal = offer(), more = {}) {
  return {
    to: to.user ?? to,
    signal,
    from: { _id: from.user, username: from.user, fullName: `The ${from.user}` },
    fromId: from.user,
    callerName: `The ${from.user}`,
    isVideoCall: true,
    ...more,
  };
}

/** call:end and call:rejected as existing front ends send them. */
export function to(other, from, more = {}) {
  return { to: other?.user ?? other, from: from?.user ?? from, ...more };
}

/** Rings and waits for call:incoming on each of the callee's clients. */
export async function ring(a, b, more = {}) {
  const signal = more.signal ?? offer();
  const all = [b].flat();
  a.send('call:user', callUser(a, all[0], signal, more));
  const got = await Promise.all(all.map((d) => d.next('call:incoming', (p) => p.fromId === a.user)));
  const ids = new Set(got.map(([p]) => p.callId));
  assert.equal(ids.size, 1, 'every device rings for the same call');
  return { callId: [...ids][0], signal, incoming: got.map(([p]) => p) };
}

/** Answers and waits for call:accepted. A base client knows no call id. */
export async function accept(b, a, callId, signal = answer()) {
  b.send('call:answer', b.extended ? { callId, to: a.user, signal } : { to: a.user, signal });
  const [got, about] = await a.next('call:accepted');
  assert.deepEqual(got, signal, 'the answer arrives as it was sent');
  assert.equal(about.callId, callId);
  return { signal, about };
}

/** A call that is answered. */
export async function call(a, b, more = {}) {
  const r = await ring(a, b, more);
  const { signal, about } = await accept([b].flat()[0], a, r.callId, more.answer);
  return { callId: r.callId, offer: r.signal, answer: signal, about };
}

/** Ends a's call and waits until b was told. */
export async function hangUp(a, b, callId, reason = 'hangup') {
  a.send('call:end', to(b, a));
  const [p] = await b.next('call:end', (e) => e.callId === callId);
  assert.equal(p.reason, reason);
}

/**
 * Holds that neither user is busy: a rings b, b rings, a cancels. What is told
 * on the way is taken.
 */
export async function assertFree(a, b) {
  const { callId } = await ring(a, b);
  const first = [b].flat()[0];
  await hangUp(a, first, callId, 'cancelled');
  for (const d of [b].flat().slice(1)) await d.next('call:end', (e) => e.callId === callId);
  a.quiet('call:unavailable');
}

/** Everything that was sent before is handled and told. */
export async function settled(...clients) {
  for (const c of clients) await c.sync();
  for (const c of clients) await c.sync();
}

/** Rejects with the code given. */
export async function refused(promise, code) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Refused, `not an answer of the server: ${error}`);
    assert.equal(error.code, code);
    assert.ok(error.sentence.length > 0, 'there is a sentence for people');
    return true;
  });
}
