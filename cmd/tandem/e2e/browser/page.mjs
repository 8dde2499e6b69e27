// Drives the built-in page as a person would, by its data-testid hooks, and
// looks into it by window.__tandem.
import assert from 'node:assert/strict';
import { eventually, newPage } from '../lib/browser.mjs';

export const part = (page, id) => page.locator(`[data-testid="${id}"]`);

/** Joins under a name; page.user is the id that the page makes of it. */
export async function openPage(browser, name, { at, ...options }) {
  const page = await newPage(browser, options);
  await page.addInitScript(keepToasts);
  await page.goto(at);
  await join(page, name);
  return page;
}

/** Writes down each message that the page shows: it may be gone before a test looks. */
function keepToasts() {
  const known = new WeakSet();
  window.__toasts = [];
  new MutationObserver(() => {
    for (const el of document.querySelectorAll('[data-testid=toast]')) {
      if (!known.has(el)) window.__toasts.push(el.textContent);
      known.add(el);
    }
  }).observe(document, { childList: true, subtree: true });
}

export async function join(page, name) {
  await part(page, 'name-input').fill(name);
  await part(page, 'join').click();
  await part(page, 'my-name').waitFor();
  page.user = await page.evaluate(() => window.__tandem.client.user);
}

/** Presses one of the two call buttons beside a person who is online. */
export async function dial(page, to, video = true) {
  const button = part(page, `call-${video ? 'video' : 'audio'}-${to}`);
  await button.click();
}

export async function answer(page, video = true) {
  await part(page, video ? 'accept-video' : 'accept-audio').click();
  await part(page, 'in-call').waitFor();
}

/** Waits for the state of the call as the page shows it. */
export const callState = (page, want) =>
  page.waitForFunction((s) => document.querySelector('[data-testid=call-state]')?.dataset.state === s, want);

export const connected = (...pages) => Promise.all(pages.map((p) => callState(p, 'connected')));

/** Waits until no call is on the screen. */
export async function lobby(...pages) {
  for (const page of pages) {
    await eventually(`${page.user} is back in the lobby`, async () => {
      const open = await Promise.all(['in-call', 'outgoing', 'incoming'].map((id) => part(page, id).count()));
      return open.every((n) => n === 0);
    });
  }
}

/** Waits until the page has shown a message at its edge. */
export async function toast(page, text) {
  let all = [];
  try {
    await eventually(`${page.user} is told ${text}`, async () => {
      all = await page.evaluate(() => window.__toasts);
      return all.some((t) => text.test(t));
    });
  } catch (err) {
    throw new Error(`${err.message}; there was: ${JSON.stringify(all)}`, { cause: err });
  }
}

/** Writes down what happens to the call from now on; `seen` reads it. */
export function watch(page) {
  return page.evaluate(() => {
    const { call } = window.__tandem;
    const seen = (window.__seen = []);
    const at = (window.__seenAt = {}); // the first time of each, in milliseconds
    const note = (what) => {
      seen.push(what);
      at[what] ??= performance.now();
    };
    call.on('state', note);
    call.on('peer', () => {
      const now = call.peerAway ? 'peer away' : 'peer here';
      if (seen.findLast((s) => s.startsWith('peer ')) !== now && (call.peerAway || seen.includes('peer away'))) note(now);
    });
  });
}

export const seen = (page) => page.evaluate(() => window.__seen);

export async function sees(page, what, ms) {
  try {
    await eventually(`${page.user} sees "${what}"`, async () => (await seen(page)).includes(what), ms);
  } catch (err) {
    throw new Error(`${err.message}; seen: ${JSON.stringify(await seen(page))}`, { cause: err });
  }
}

/** Two pages in a call with each other. */
export async function talk(caller, callee, video = true) {
  await dial(caller, callee.user, video);
  await answer(callee, video);
  await connected(caller, callee);
}

/** Nothing went wrong inside the pages; then the people leave. */
export async function done(...pages) {
  sound(pages);
  for (const page of pages) await page.context().close();
}

function sound(pages) {
  for (const page of pages) assert.deepEqual(page.troubles, [], `${page.user}: errors in the page`);
}

/**
 * People who stay from test to test, because opening a page costs more than
 * most tests: the n-th with a name has a page of its own, another device.
 *
 *	const [anna, ben] = await cast.people('Anna', 'Ben');
 *	…
 *	await cast.rest();  // all hang up; after a test that did not get here, all leave
 */
export class Cast {
  #pages = new Map();
  #dirty = false;

  constructor(browser, at) {
    this.browser = browser;
    this.at = at;
  }

  async people(...names) {
    if (this.#dirty) await this.leave();
    this.#dirty = true;
    const seats = names.map((name, i) => `${name}#${names.slice(0, i).filter((n) => n === name).length}`);
    // Who is not in this test is not online.
    const others = [...this.#pages.keys()].filter((seat) => !seats.includes(seat));
    await Promise.all(others.map((seat) => this.#close(seat)));
    const pages = await Promise.all(
      seats.map(async (seat, i) => {
        if (!this.#pages.has(seat)) this.#pages.set(seat, await openPage(this.browser, names[i], { at: this.at }));
        return this.#pages.get(seat);
      }),
    );
    const users = new Set(pages.map((p) => p.user));
    await Promise.all(
      pages.map((p) =>
        p.waitForFunction((all) => {
          const { online } = window.__tandem.client.presence;
          return online.size === all.length && all.every((u) => online.has(u));
        }, [...users]),
      ),
    );
    return pages;
  }

  /** One more comes in the middle of a test, the n-th with this name. */
  async join(name, n = 0) {
    const page = await openPage(this.browser, name, { at: this.at });
    this.#pages.set(`${name}#${n}`, page);
    return page;
  }

  /** The test is over and went well: back to the lobby, for the next one. */
  async rest() {
    const pages = [...this.#pages.values()];
    sound(pages);
    await Promise.all(pages.map((p) => p.evaluate(() => window.__tandem.call?.hangup())));
    await lobby(...pages);
    await Promise.all(
      pages.map((p) =>
        p.evaluate(() => {
          for (const button of document.querySelectorAll('[data-testid=toast] [aria-label=Dismiss]')) button.click();
          window.__toasts.length = 0;
        }),
      ),
    );
    this.#dirty = false;
  }

  async leave() {
    await Promise.all([...this.#pages.keys()].map((seat) => this.#close(seat)));
    this.#dirty = false;
  }

  async #close(seat) {
    const page = this.#pages.get(seat);
    this.#pages.delete(seat);
    await page.context().close();
  }
}
