// The app of this folder as it is deployed: its back end on MongoDB, and Tandem in
// front of it (BACKEND_URL), on two nodes. Nothing in backend/ and frontend/ knows
// of Tandem.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { atEnd } from '../lib/atend.mjs';
import { FLAGS } from '../browser/flags.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { slowMongo, startMongo } from '../lib/mongo.mjs';
import { SECRET } from '../lib/server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Builds the front end into a folder, and returns the names of what went into it. */
async function bundle(out) {
  const { metafile } = await build({
    entryPoints: [path.join(here, 'frontend/main.jsx')],
    outdir: out,
    bundle: true,
    metafile: true,
    jsx: 'automatic',
    format: 'iife',
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  copyFileSync(path.join(here, 'frontend/index.html'), path.join(out, 'index.html'));
  return Object.keys(metafile.inputs);
}

/** Starts the back end; requests are those that came to it. */
async function startBackend(dist, uri) {
  const child = spawn(process.execPath, [path.join(here, 'backend/server.js')], {
    env: { PATH: process.env.PATH, PORT: '0', MONGO_DB_URI: uri, JWT_SECRET: SECRET, DIST: dist },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  const requests = [];
  let trouble = '';
  child.stderr.on('data', (d) => (trouble += d));
  const lines = readline.createInterface({ input: child.stdout });
  const port = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const up = /^listening on (\d+)$/.exec(line);
      if (up) resolve(Number(up[1]));
      else requests.push(line);
    });
    exited.then((code) => reject(new Error(`the back end ended with ${code}: ${trouble}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async stop() {
      process.removeListener('exit', onExit);
      child.kill();
      await exited;
      if (trouble) throw new Error(`the back end logged:\n${trouble}`);
    },
  };
}

/**
 * The whole site, until the test ends: {doors, requests, sources, packages, uri}.
 * Each of doors is the address of a node; sources and packages are what the app is
 * made of.
 */
export async function startSite(t, { nodes = 2 } = {}) {
  const dist = mkdtempSync(path.join(tmpdir(), 'tandem-mern-'));
  atEnd(t, () => rmSync(dist, { recursive: true, force: true }));
  const [mongo, inputs] = await Promise.all([startMongo(), bundle(dist)]);
  atEnd(t, () => mongo.stop());
  const backend = await startBackend(dist, mongo.uri);
  atEnd(t, () => backend.stop());
  const cluster = await startCluster(t, { nodes, flags: FLAGS, env: { BACKEND_URL: backend.url, MONGO_DB_URI: mongo.uri }, allow: slowMongo });
  const own = readdirSync(here, { recursive: true }).filter((f) => path.dirname(f) !== '.' && path.extname(f));
  return {
    doors: cluster.nodes.map((n) => n.url),
    requests: backend.requests,
    sources: own.map((f) => path.join(here, f)),
    packages: new Set(inputs.map((f) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(f)?.[1]).filter(Boolean)),
    uri: mongo.uri,
  };
}
