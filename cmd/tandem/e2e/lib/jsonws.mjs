// The plain JSON dialect over ws.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { PATIENCE, Recorder, Refused } from './recorder.mjs';

/** The plain JSON dialect. */
export class JSONClient extends Recorder {
  dialect = 'json';
  extended = true;
  #acks = new Map();
  #id = 0;
  lastSeq = 0;

  constructor(server, o) {
    super();
    this.server = server;
    this.options = o;
    Object.assign(this, { user: o.user, kind: o.kind, device: o.device });
    this.who = `${o.user} (${o.kind})`;
  }

  /** Connects, or connects again; resume takes the old session up. */
  async open({ resume, url, token } = {}) {
    const o = this.options;
    const q = new URLSearchParams(o.query === null ? {} : (o.query ?? { userId: o.user }));
    const t = token ?? o.token;
    if (t) q.set('token', t);
    if (o.device) q.set('deviceId', o.device);
    if (resume) {
      q.set('resume', resume.token ?? this.hello.resumeToken);
      q.set('seq', String(resume.lastSeq ?? this.lastSeq));
    } else {
      this.lastSeq = 0;
    }
    const ws = new WebSocket(`${url ?? o.url ?? this.server.ws}?${q}`, 'tandem.v1', { headers: o.headers, ...o.ws });
    this.ws = ws;
    ws.on('message', (data, binary) => this.#frame(ws, data, binary));
    ws.on('close', (code, reason) => {
      this.record({ name: '(close)', args: [code, String(reason)], ws });
      for (const { reject } of this.#acks.values()) reject(new Error(`${this.who}: closed with ${code} before the ack`));
      this.#acks.clear();
    });
    ws.on('error', () => {}); // close follows
    const e = await this.take((x) => x.ws === ws && ['hello', '(close)'].includes(x.name), 'hello');
    if (e.name === '(close)') {
      const [code, reason] = e.args;
      throw Object.assign(new Error(`closed with ${code} ${reason}`), { closeCode: code, reason });
    }
    [this.hello] = e.args;
    return this;
  }

  #frame(ws, data, binary) {
    assert.equal(binary, false, 'a binary frame came');
    const f = JSON.parse(data);
    if ('ack' in f) {
      const w = this.#acks.get(f.ack);
      this.#acks.delete(f.ack);
      if (!w) this.record({ name: '(stray ack)', args: [f] });
      else if (f.error) w.reject(new Refused(f.error));
      else w.resolve(f.args[0]);
      return;
    }
    if (f.event === 'hello' && !f.args[0].resumed) this.lastSeq = 0;
    if (f.seq) {
      assert.ok(f.seq > this.lastSeq, `${this.who}: seq ${f.seq} after ${this.lastSeq}`);
      this.lastSeq = f.seq;
    }
    this.record({ name: f.event, args: f.args, seq: f.seq, ws });
  }

  get id() {
    return this.hello.sid;
  }

  get deviceId() {
    return this.hello.device;
  }

  raw(data, options) {
    this.ws.send(data, options);
  }

  send(event, ...args) {
    this.ws.send(JSON.stringify({ event, args }));
  }

  ask(event, ...args) {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#acks.delete(id);
        reject(new Error(`${this.who}: no ack for ${event} within ${PATIENCE} ms`));
      }, PATIENCE);
      const settled = (f) => (v) => {
        clearTimeout(timer);
        f(v);
      };
      this.#acks.set(id, { resolve: settled(resolve), reject: settled(reject) });
      this.ws.send(JSON.stringify({ event, args, id }));
    });
  }

  async sync() {
    await this.ask('ping');
  }

  /** Ends cleanly: the goodbye event. */
  leave() {
    this.send('disconnect');
  }

  close() {
    if (!this.ws || this.ws.readyState === WebSocket.CLOSED) return;
    if (this.ws.readyState === WebSocket.OPEN) this.send('disconnect');
    this.ws.terminate();
  }
}
