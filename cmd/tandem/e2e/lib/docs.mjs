// What the page under /docs runs examples with, and its samples as programs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

async function load() {
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-docs-'));
  try {
    const outfile = path.join(dir, 'docs.mjs');
    const source = (name) => JSON.stringify(fileURLToPath(new URL(`../../../../web/docs/src/${name}`, import.meta.url)));
    await build({
      stdin: { contents: `export * from ${source('run.ts')}\nexport * from ${source('spec.ts')}`, resolveDir: dir },
      outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent',
    });
    return await import(pathToFileURL(outfile));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const { bringAbout, eventsOf, fill, prepare, routesOf, stepsOf, tidy } = await load();

const run = promisify(execFile);

/** Runs a curl command as it stands; answers {status, body}. */
export async function curl(command) {
  const own = `curl() { command curl -sS -w '\\n%{http_code}' "$@"; }\n`;
  const { stdout } = await run('sh', ['-c', own + command]).catch((err) => {
    if (/not found/.test(err.stderr)) throw new Error('These tests need curl: install it (apt-get install curl).');
    throw err;
  });
  const [body, status] = stdout.split(/\n(?=\d+$)/);
  return { status: Number(status), body: JSON.parse(body) };
}

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;

/**
 * Runs a program of the documents, its imports given by name; log gets what it
 * prints.
 */
export async function program(text, given, log) {
  const imported = [...text.matchAll(/^import \{ (\w+) \} from .*\n/gm)].map((m) => m[1]);
  for (const name of imported) assert.ok(given[name], `nothing called ${name} is given`);
  const body = text.replace(/^import .*\n/gm, '');
  const names = Object.keys(given);
  await new AsyncFunction(...names, 'console', body)(...names.map((n) => given[n]), { log: (...args) => log(args) });
}
