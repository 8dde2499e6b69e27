// The REST routes as front ends call them: fetch, with a token or a cookie.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atEnd } from './atend.mjs';
import { mintToken } from './server.mjs';

/**
 * Calls routes as a user: await alice('POST', '/api/…', {…}) gives {status,
 * body, headers}. With {cookie: true} as a page does that is served by Tandem;
 * of a server without a secret the name is believed.
 */
export function rest(server, user, { cookie = false, claims } = {}) {
  const token = server.options.secret && mintToken(user, claims);
  return async (method, where, body, more = {}) => {
    const url = new URL(server.url + where);
    const headers = { ...more };
    if (!token) url.searchParams.set('userId', user);
    else if (cookie) Object.assign(headers, { Cookie: `theme=dark; jwt=${token}`, Origin: server.url, ...more });
    else headers.Authorization ??= `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] ??= 'application/json';
    const r = await fetch(url, { method, headers, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
    const text = await r.text();
    return { status: r.status, body: text && JSON.parse(text), headers: r.headers };
  };
}

/** A folder that outlives servers; the test's end removes it. */
export function folder(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'tandem-data-'));
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
