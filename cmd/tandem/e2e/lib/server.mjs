// Starts the tandem binary for a test file and watches over it: what it logs,
// that it ends, and that it neither panicked nor logged an error meanwhile.
//
//	const server = await startTandem({ secret: SECRET });
//	after(() => server.stop());
//
// The binary is TANDEM_BIN, or bin/tandem of the repository (make build).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export { Proxy } from './proxy.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Signs the tokens of tests. */
export const SECRET = 'an-end-to-end-test-secret-of-more-than-32-bytes';

/** The windows of the tests, in milliseconds, as SHORT sets them. */
export const WINDOWS = Object.freeze({
  ring: 2000,
  resume: 1500,
  presence: 100,
  grace: 300,
  ping: 1000,
  pingTimeout: 2000,
  callPing: 300,
  callPingTimeout: 1500,
  typing: 600,
});

/**
 * Flags for short windows, and for rates that only rate tests reach. What a busy
 * machine might run into by itself (a client that answers a ping late, or takes
 * its time to sign in) is left long: the tests of those set their own.
 */
export const SHORT = Object.freeze({
  'ring-timeout': '2s',
  'resume-window': '1500ms',
  'presence-interval': '100ms',
  'offline-grace': '300ms',
  'ping-interval': '1s',
  'ping-timeout': '2s',
  'call-ping-interval': '300ms',
  'call-ping-timeout': '1500ms',
  'typing-expiry': '600ms',
  'handshake-timeout': '10s',
  'events-rate': '100000',
  'events-burst': '100000',
  'typing-rate': '100000',
  'calls-per-minute': '100000',
  'sessions-per-user': '100',
  'drain-timeout': '2s',
});

/** Where the binary is, or an error that says how to get one. */
export function tandemBinary() {
  const bin = process.env.TANDEM_BIN || path.resolve(here, '../../../../bin/tandem');
  if (!existsSync(bin)) {
    throw new Error(`${bin} is not there: run "make build", or set TANDEM_BIN`);
  }
  return bin;
}

/**
 * Starts a server on a free port of loopback.
 *
 * @param {object} [o]
 * @param {string} [o.secret]   JWT_SECRET; without it query.userId is believed
 * @param {Object<string,string|number|boolean>} [o.flags]  over SHORT; false leaves one out
 * @param {Object<string,string>} [o.env]  more environment
 * @param {boolean} [o.short]   false: the defaults of the binary, not SHORT
 * @param {string} [o.listen]   address, default 127.0.0.1
 * @param {string} [o.dir]      folder to run in, which the test removes; default: one of its own
 * @returns {Promise<Tandem>}
 */
export async function startTandem(o = {}) {
  const server = new Tandem(o);
  await server.start();
  return server;
}

export class Tandem {
  /** Log records, oldest first: objects, or {msg} for lines that are no JSON. */
  logs = [];
  /** Lines that were no JSON: a panic shows here. */
  noise = [];
  #waiting = new Set();
  #allowed = [];

  constructor(o) {
    this.options = o;
  }

  async start() {
    const o = this.options;
    const bin = tandemBinary();
    const flags = { ...(o.short === false ? {} : SHORT), ...o.flags };
    const args = ['serve', '--listen', o.listen ?? '127.0.0.1', '--port', '0', '--log-format', 'json'];
    for (const [name, value] of Object.entries(flags)) {
      if (value === true) args.push(`--${name}`);
      else if (value !== false && value !== undefined) args.push(`--${name}=${value}`);
    }
    // A folder without .env, and an environment without what a developer's
    // shell may hold.
    this.dir = o.dir ?? mkdtempSync(path.join(tmpdir(), 'tandem-e2e-'));
    const env = { PATH: process.env.PATH ?? '', HOME: this.dir, ...o.env };
    if (process.env.GORACE) env.GORACE = process.env.GORACE;
    if (o.secret) env.JWT_SECRET = o.secret;
    this.child = spawn(bin, args, { cwd: this.dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = this.child.pid;
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => resolve({ error }));
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    // Both pipes are at their end before the log is judged.
    this.drained = new Promise((resolve) => this.child.once('close', resolve));
    this.#read(this.child.stdout);
    this.#read(this.child.stderr);
    // A test that dies must not leave a server behind.
    this.onExit = () => this.child.kill('SIGKILL');
    process.once('exit', this.onExit);

    const up = await Promise.race([
      this.waitLog((r) => / is up$/.test(r.msg ?? ''), 10_000),
      this.exited.then(({ error, code }) => {
        throw error ?? new Error(`tandem ended with ${code}:\n${this.tail()}`);
      }),
    ]).catch(async (e) => {
      await this.stop({ check: false, signal: 'SIGKILL' }).catch(() => {});
      throw e;
    });
    const page = new URL(up.page);
    this.port = Number(page.port);
    this.protocol = page.protocol;
    this.page = up.page;
    const host = o.listen && o.listen !== '127.0.0.1' ? page.hostname : '127.0.0.1';
    this.host = host;
    /** http://127.0.0.1:port, without a slash at the end. */
    this.url = `${page.protocol}//${host}:${this.port}`;
    /** ws://127.0.0.1:port/ws */
    this.ws = `${page.protocol === 'https:' ? 'wss' : 'ws'}://${host}:${this.port}/ws`;
    return this;
  }

  #read(stream) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) this.#line(line);
    });
    stream.on('end', () => {
      if (rest) this.#line(rest);
      rest = '';
    });
  }

  #line(line) {
    if (!line.trim()) return;
    let record;
    try {
      record = JSON.parse(line);
    } catch {
      record = { msg: line };
      this.noise.push(line);
    }
    this.logs.push(record);
    for (const w of [...this.#waiting]) {
      if (w.match(record)) w.done(record);
    }
  }

  /** The first record that matches, also one logged already. */
  waitLog(match, ms = 5000) {
    const old = this.logs.find(match);
    if (old) return Promise.resolve(old);
    return new Promise((resolve, reject) => {
      const w = { match };
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(w);
        settle(value);
      };
      w.done = (record) => end(resolve, record);
      const timer = setTimeout(() => end(reject, new Error(`no such log record within ${ms} ms:\n${this.tail()}`)), ms);
      this.#waiting.add(w);
    });
  }

  /** Log records of level ERROR that the test brings about on purpose. */
  allow(match) {
    this.#allowed.push(match);
  }

  /** The end of the log, for messages. */
  tail(n = 20) {
    return this.logs.slice(-n).map((r) => JSON.stringify(r)).join('\n');
  }

  /** Fails if the server panicked, raced or logged an error. */
  check() {
    const bad = this.logs.filter((r) => {
      if (this.#allowed.some((m) => m(r))) return false;
      return r.level === 'ERROR' || /\bpanic\b|goroutine \d+ \[|DATA RACE|fatal error/.test(JSON.stringify(r));
    });
    assert.deepEqual(bad, [], 'the server logged errors or panicked');
  }

  /**
   * Ends the server by SIGTERM, waits for it and checks its log. Safe to call
   * twice.
   */
  async stop({ check = true, signal = 'SIGTERM' } = {}) {
    if (!this.stopped) {
      this.stopped = true;
      const early = this.child.exitCode !== null || this.child.signalCode !== null;
      this.child.kill(signal);
      const hard = setTimeout(() => this.child.kill('SIGKILL'), 8000);
      this.result = await this.exited;
      await this.drained;
      clearTimeout(hard);
      process.removeListener('exit', this.onExit);
      if (!this.options.dir) rmSync(this.dir, { recursive: true, force: true });
      if (early) throw new Error(`tandem ended by itself (${JSON.stringify(this.result)}):\n${this.tail()}`);
    }
    if (check) {
      this.check();
      if (signal === 'SIGTERM') assert.equal(this.result.code, 0, `tandem ended with ${JSON.stringify(this.result)}:\n${this.tail()}`);
    }
  }
}

const b64 = (v) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');

/**
 * Mints an HS256 JWT. claims go over {userId, iat, exp in an hour}; a claim
 * that is undefined is left out.
 */
export function mintToken(user, { secret = SECRET, ...claims } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const body = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ userId: user, iat: now, exp: now + 3600, ...claims })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

/** A name that no other test uses. */
export function unique(name = 'user') {
  return `${name}-${randomBytes(5).toString('hex')}`;
}
