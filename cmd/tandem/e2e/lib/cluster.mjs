// A whole cluster for a test: one real redis-server, several tandem nodes, and
// haproxy in front of them as deploy/haproxy.cfg sets it up, without sticky
// sessions. Each part can be killed, frozen and started again.
//
//	const cluster = await startCluster(t, { nodes: 3 });
//	const a = await join(t, cluster.proxy, 'json');      // on whatever node
//	const b = await join(t, cluster.nodes[1], 'json');   // on this one
//	await cluster.nodes[1].die();                        // kill -9
//
// It is stopped at the end of the test; if the test failed, what the nodes
// logged is printed.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd } from './atend.mjs';
import { eventually } from './eventually.mjs';
import { mintToken, Proxy, SECRET, Tandem } from './server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** TANDEM_CHAOS=1: the full counts of a fault, in place of small ones. */
export const CHAOS = process.env.TANDEM_CHAOS === '1';

/** A count or a time: small in every run, full in `make chaos`. */
export const scale = (small, full) => (CHAOS ? full : small);

/** Windows of a cluster: none runs out by itself on a machine that has more to do. */
export const LEASE = 2000;
export const CLUSTER_FLAGS = Object.freeze({
  'ring-timeout': '2m',
  'resume-window': '10s',
  'offline-grace': '1s',
  'ping-interval': '5s',
  'ping-timeout': '10s',
  'call-ping-interval': '2s',
  'call-ping-timeout': '8s',
  'node-lease': `${LEASE}ms`,
  'redis-timeout': '500ms',
  'cluster-listen': '127.0.0.1:0',
  'drain-timeout': '10s',
});

function program(name, pkg) {
  const dirs = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  const file = dirs.map((d) => path.join(d, name)).find((f) => existsSync(f));
  if (!file) throw new Error(`These tests need ${name}: install it (apt-get install ${pkg}).`);
  return file;
}

const given = new Set();

/**
 * A port for what is about to start: below those that the system gives to
 * connections, one of which would take it meanwhile, and above those that
 * browsers refuse.
 */
async function freePort() {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 20_000);
    if (given.has(port)) continue;
    given.add(port);
    const free = await new Promise((resolve) => {
      const s = net.createServer().once('error', () => resolve(false));
      s.listen(port, '127.0.0.1', () => s.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

const listening = (port) =>
  new Promise((resolve) => {
    const s = net.connect(port, '127.0.0.1');
    s.once('error', () => resolve(false));
    s.once('connect', () => {
      s.destroy();
      resolve(true);
    });
  });

/** A program that is no Tandem: started, killed, frozen, started again. */
class Part {
  constructor(file, args, env) {
    Object.assign(this, { file, args, env, log: '' });
  }

  async start(port) {
    this.port ??= port;
    const child = spawn(this.file, this.args, { env: { PATH: process.env.PATH ?? '', ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (this.log = (this.log + d).slice(-20_000)));
    this.onExit = () => child.kill('SIGKILL');
    process.once('exit', this.onExit);
    await eventually(`${path.basename(this.file)} listens`, () => {
      if (child.exitCode !== null) throw new Error(`${this.file} ended with ${child.exitCode}:\n${this.log}`);
      return listening(this.port);
    }, 10_000);
  }

  async kill() {
    if (!this.child) return;
    this.child.kill('SIGKILL');
    await this.exited;
    process.removeListener('exit', this.onExit);
    this.child = undefined;
  }

  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }
}

/** A node: a Tandem that keeps its name and its port from start to start. */
class Node extends Tandem {
  async die() {
    await this.stop({ check: false, signal: 'SIGKILL' });
  }

  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }

  get running() {
    return !this.stopped;
  }
}

/**
 * haproxy with the configuration that people deploy, the nodes of this test in
 * it, and checks that are as much faster as the leases are shorter.
 */
async function startHAProxy(dir, port, ports) {
  const servers = ports.map((p, i) => `    server node${i} 127.0.0.1:${p}`).join('\n');
  const text = readFileSync(path.resolve(here, '../../../../deploy/haproxy.cfg'), 'utf8')
    .replace(/^ *server-template .*$/m, servers)
    .replace(/^resolvers [\s\S]*/m, '')
    .replace('inter 1s', 'inter 250ms')
    .replace(/^backend nodes$/m, '$&\n    http-response set-header x-tandem-test-server %s');
  const file = path.join(dir, 'haproxy.cfg');
  writeFileSync(file, text);
  const haproxy = new Part(program('haproxy', 'haproxy'), ['-db', '-f', file], { BIND: `127.0.0.1:${port}` });
  await haproxy.start(port);
  return haproxy;
}

/** The load balancer as it is deployed before servers of the test's own; its URL. */
export async function balance(t, ports) {
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-proxy-'));
  const port = await freePort();
  const haproxy = await startHAProxy(dir, port, ports);
  atEnd(t, async () => {
    await haproxy.kill();
    rmSync(dir, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${port}`;
}

export class Cluster {
  nodes = [];
  /** Nodes that were stopped or killed, with their logs. */
  gone = [];
  /** Of somebody who may ask over HTTP. */
  headers = { authorization: `Bearer ${mintToken('operator')}` };

  async start({ nodes = 3, flags = {}, env = {}, line = false, trunks = false, names = false, allow } = {}) {
    this.allow = allow;
    this.flags = { ...CLUSTER_FLAGS, ...flags };
    this.env = env;
    // Names are believed, for the page; else users show tokens.
    if (names) this.flags['insecure-no-auth'] = true;
    else this.secret = SECRET;
    this.dir = mkdtempSync(path.join(tmpdir(), 'tandem-cluster-'));
    const port = await freePort();
    const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.dir].map(String);
    this.redis = new Part(program('redis-server', 'redis-server'), args);
    await this.redis.start(port);
    // Between the nodes and Redis, for tests of that line.
    if (line) this.line = await Proxy.to({ port });
    // Between each node and the others, for tests of their trunks.
    if (trunks) {
      this.peerPorts = await Promise.all(Array.from({ length: nodes }, freePort));
      this.trunks = await Promise.all(this.peerPorts.map((port) => Proxy.to({ port })));
    }
    this.ports = await Promise.all(Array.from({ length: nodes }, freePort));
    this.proxyPort = await freePort();
    await Promise.all(this.ports.map((_, i) => this.startNode(i)));
    await this.#startProxy(this.proxyPort);
    await this.behindProxy();
    return this;
  }

  /** Waits until the proxy has a request for every node. */
  async behindProxy() {
    await eventually('every node is behind the proxy', async () => {
      const seen = new Set();
      for (let i = 0; i < 2 * this.nodes.length; i++) {
        const r = await fetch(`${this.proxy.url}/readyz`).catch(() => undefined);
        if (r?.ok) seen.add(r.headers.get('x-tandem-test-server'));
      }
      return seen.size === this.nodes.length;
    }, 15_000);
  }

  /** Starts node i (again): same name, same port, as the same machine would. */
  async startNode(i, flags = {}) {
    const old = this.nodes[i];
    const peers = this.trunks && { 'cluster-listen': `127.0.0.1:${this.peerPorts[i]}`, 'cluster-advertise': `127.0.0.1:${this.trunks[i].port}` };
    const node = new Node({
      secret: this.secret,
      env: { REDIS_URL: `redis://127.0.0.1:${this.line?.port ?? this.redis.port}`, CLUSTER_SECRET: `cluster ${SECRET}`, ...this.env },
      flags: { ...this.flags, port: this.ports[i], 'node-name': `node${i}`, 'frontend-url': `http://127.0.0.1:${this.proxyPort}`, ...peers, ...flags },
    });
    if (this.allow) node.allow(this.allow);
    await node.start();
    node.name = `node${i}`;
    if (old) this.gone.push(old);
    this.nodes[i] = node;
    return node;
  }

  async #startProxy(port) {
    this.haproxy = await startHAProxy(this.dir, port, this.ports);
    this.proxy = { url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws`, port, host: '127.0.0.1', options: { secret: this.secret } };
  }

  /** The node that a client of the plain dialect is on. */
  nodeOf(client) {
    return this.nodes.find((n) => n.name === client.hello.node);
  }

  /** The answer of redis-cli to a command, as it prints it. */
  async ask(...args) {
    const child = spawn(program('redis-cli', 'redis-tools'), ['-p', String(this.redis.port), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    await new Promise((resolve) => child.once('close', resolve));
    return out.split('\n').filter(Boolean);
  }

  /** Waits until exactly these are online: for clients, and in Redis (P6). */
  async onlineAre(users, ms) {
    const want = JSON.stringify([...users].sort());
    let found;
    await eventually('exactly those are online who are connected', async () => {
      const node = this.nodes.find((n) => n.running);
      const r = await fetch(`${node.url}/api/users/online`, { headers: this.headers });
      if (!r.ok) return false; // Redis is away
      found = [await r.json(), await this.ask('SMEMBERS', 'onlineUsers'), await this.ask('HKEYS', 'sockets')];
      return found.every((list) => JSON.stringify([...list].sort()) === want);
    }, ms).catch((e) => {
      throw new Error(`${e.message}: ${users.length} are connected; listed, onlineUsers, sockets: ${found?.map((l) => l.length)}`);
    });
  }

  async stop({ failed = false } = {}) {
    if (this.proxy) this.proxy.closed = true; // clients that come back by themselves give up
    const errors = [];
    await Promise.all(this.nodes.map(async (node) => {
      if (!node.running) return;
      node.thaw();
      // What drains is tested where it is; here nobody is left to go elsewhere.
      await node.stop({ check: false, signal: 'SIGKILL' }).catch((e) => errors.push(e));
    }));
    await this.haproxy?.kill();
    await this.line?.close();
    for (const t of this.trunks ?? []) await t.close();
    if (this.redis?.child) this.redis.thaw();
    await this.redis?.kill();
    if (this.dir) rmSync(this.dir, { recursive: true, force: true });
    for (const node of [...this.gone, ...this.nodes]) {
      if (failed) console.error(`--- ${node.name} logged:\n${node.tail(40)}`);
      try {
        node.check();
      } catch (e) {
        errors.push(e);
      }
    }
    if (errors.length) throw new AggregateError(errors, errors.map((e) => e.message).join('\n'));
  }
}

/** A cluster for one test. */
export async function startCluster(t, options = {}) {
  const cluster = new Cluster();
  atEnd(t, () => cluster.stop({ failed: t.passed === false || t.error != null }));
  return cluster.start(options);
}
