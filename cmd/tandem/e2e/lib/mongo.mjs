// A server that speaks MongoDB's protocol, for a test: the MongoDB that
// TEST_MONGO_URI names, else FerretDB as signaling/chat/mongo/ferret builds it
// (TANDEM_FERRET_BIN, if it was built before).
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../../signaling/chat/mongo/ferret');

async function binary() {
  if (process.env.TANDEM_FERRET_BIN) return process.env.TANDEM_FERRET_BIN;
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'tandem-tests');
  mkdirSync(cache, { recursive: true });
  const bin = path.join(cache, 'ferret-e2e');
  // The go command does nothing if it is there and current.
  await promisify(execFile)('go', ['build', '-o', bin, '.'], { cwd: source });
  return bin;
}

/**
 * The log record of a node that waited too long: FerretDB goes through all messages
 * for each, which a busy machine makes slow. What matters is that nothing is lost
 * by it.
 */
export const slowMongo = (r) => /MongoDB does not answer in time/.test(r.error);

/** Starts one with an empty database: {uri, stop()}. */
export async function startMongo() {
  const name = `tandem_test_${randomBytes(6).toString('hex')}`;
  if (process.env.TEST_MONGO_URI) {
    const uri = new URL(process.env.TEST_MONGO_URI);
    uri.pathname = `/${name}`;
    return { uri: uri.href, stop: async () => {} };
  }
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-ferret-'));
  const child = spawn(await binary(), ['-listen', '127.0.0.1:0', '-dir', dir], { env: { ...process.env, TMPDIR: dir }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  let said = '';
  child.stderr.on('data', (d) => (said = (said + d).slice(-4000)));
  const lines = readline.createInterface({ input: child.stdout });
  const addr = await Promise.race([
    new Promise((resolve) => lines.once('line', resolve)),
    exited.then((code) => {
      throw new Error(`FerretDB ended with ${code}: ${said}`);
    }),
  ]);
  return {
    uri: `mongodb://${addr}/${name}`,
    async stop() {
      process.removeListener('exit', onExit);
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
