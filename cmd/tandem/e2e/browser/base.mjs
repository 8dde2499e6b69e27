// Drives the base front end of base/: a site that serves it, alone or as the
// back end of an app, and what a person does on it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { mintToken } from '../lib/server.mjs';
import { eventually, newPage } from '../lib/browser.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'base');

/** Events of the base profile; a base device hears nothing else (DESIGN 1.1). */
export const BASE_EVENTS = new Set([
  'getOnlineUsers', 'call:incoming', 'call:accepted', 'call:end', 'call:rejected', 'call:unavailable',
  'newMessage', 'messageStatusUpdated', 'allmessageStatusUpdated', 'userTyping', 'userStopTyping',
  'reactionUpdated', 'messageDeleted',
]);

/**
 * Bundles the front end and serves it on a port of its own. With a secret it
 * is a whole back end: POST /api/auth/login gives the cookie that the app's
 * socket is known by.
 */
export async function startSite({ secret } = {}) {
  const out = mkdtempSync(path.join(tmpdir(), 'tandem-base-'));
  await build({
    entryPoints: [path.join(folder, 'base.js')],
    outfile: path.join(out, 'base.js'),
    bundle: true,
    platform: 'browser',
    format: 'iife',
    define: { global: 'globalThis' },
    logLevel: 'error',
  });
  const files = {
    '/': ['text/html', readFileSync(path.join(folder, 'index.html'))],
    '/base.js': ['text/javascript', readFileSync(path.join(out, 'base.js'))],
  };
  rmSync(out, { recursive: true });
  const requests = [];
  const server = http.createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url, 'http://site');
    requests.push(`${req.method} ${pathname}`);
    if (secret && req.method === 'POST' && pathname === '/api/auth/login') {
      const token = mintToken(searchParams.get('user'), { secret });
      res.writeHead(200, { 'Set-Cookie': `jwt=${token}; HttpOnly; SameSite=Strict; Path=/`, 'Content-Type': 'application/json' });
      return res.end('{"ok":true}');
    }
    const file = files[pathname];
    if (!file) return res.writeHead(404).end();
    res.writeHead(200, { 'Content-Type': file[0] }).end(file[1]);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Opens the front end for a user and waits until it is connected.
 *
 * @param {object} o
 * @param {string} o.at       address of the page
 * @param {string} [o.server] the socket server, if it is another one
 * @param {boolean} [o.cookie] log in first
 */
export async function openBase(browser, user, { at, server, trickle, cookie } = {}) {
  const page = await newPage(browser);
  page.user = user;
  if (cookie) {
    const res = await page.context().request.post(`${at}/api/auth/login?user=${user}`);
    if (!res.ok()) throw new Error(`logging in: ${res.status()}`);
  }
  const query = new URLSearchParams({ user, ...(server ? { server } : {}), ...(trickle ? { trickle: '1' } : {}), ...(cookie ? { cookie: '1' } : {}) });
  await page.goto(`${at}/?${query}`);
  await page.waitForFunction((me) => window.app?.onlineUsers.includes(me), user);
  return page;
}

/** Waits until the page is in a status: idle, calling, ringing, talking. */
export const status = (page, want) => page.waitForFunction((s) => window.app.status === s, want);

/** Waits until the page has this user in its list of who is online. */
export const sees = (page, user) => page.waitForFunction((u) => window.app.onlineUsers.includes(u), user);

/** Calls of one base page to a user. */
export const dial = (page, to, video = true) => page.evaluate(([t, v]) => window.app.call(t, v), [to, video]);

/** Waits for an event and returns its arguments; `from` skips earlier ones. */
export async function heard(page, name, from = 0) {
  const event = await eventually(`${page.user} hears ${name}`, () =>
    page.evaluate(([n, f]) => window.app.heard.slice(f).find(([e]) => e === n), [name, from]),
  );
  return event.slice(1);
}

/** How many events the page has heard. */
export const count = (page) => page.evaluate(() => window.app.heard.length);

/** The names of the events since `from`, without the online list. */
export const names = (page, from = 0) =>
  page.evaluate((f) => window.app.heard.slice(f).map(([e]) => e).filter((e) => e !== 'getOnlineUsers'), from);

/** Waits for the ring, accepts, and waits until both sides talk. */
export async function accept(callee, caller) {
  await callee.locator('#dialog').waitFor({ state: 'visible' });
  await callee.click('#accept');
  await Promise.all([status(callee, 'talking'), status(caller, 'talking')]);
}
