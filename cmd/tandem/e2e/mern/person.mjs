// What a person does with the app of this folder, in Chromium. Everything is done
// and seen on the page; what goes over its socket is only listened to.
import { eventually, newPage, PATIENCE } from '../lib/browser.mjs';

/** Keeps the newest RTCPeerConnection where mediaOf of lib/browser.mjs looks. */
function keepConnection() {
  const Original = window.RTCPeerConnection;
  window.app = {};
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      window.app.pc = this;
    }
  };
}

/** Events in a payload of Engine.IO: [name, …arguments] each. */
function* events(text) {
  for (const packet of text.split('\u001e')) {
    const at = /^42\[/.test(packet) ? packet.indexOf('[') : -1;
    if (at >= 0) yield JSON.parse(packet.slice(at));
  }
}

/** Writes down what a page's socket hears and says. */
function listen(page) {
  Object.assign(page, { heard: [], said: [] });
  page.on('websocket', (ws) => {
    ws.on('framereceived', ({ payload }) => page.heard.push(...events(String(payload))));
    ws.on('framesent', ({ payload }) => page.said.push(...events(String(payload))));
  });
}

/** A browser of somebody's own, at an address of the site. */
export async function openApp(browser, door) {
  const page = await newPage(browser);
  await page.context().addInitScript(keepConnection);
  listen(page);
  await page.goto(door);
  return page;
}

/** Another tab of the same browser: the cookie is there. */
export async function newTab(page, door) {
  const tab = await page.context().newPage();
  Object.assign(tab, { troubles: page.troubles, user: page.user, name: page.name });
  tab.setDefaultTimeout(PATIENCE);
  listen(tab);
  await tab.goto(door);
  await tab.locator('.sidebar').waitFor();
  return tab;
}

/** Makes an account with the form, and is in. */
export async function signUp(page, fullName) {
  const username = fullName.split(' ')[0].toLowerCase();
  Object.assign(page, { user: username, name: fullName });
  await page.getByRole('button', { name: 'I need an account' }).click();
  await page.getByPlaceholder('Full name').fill(fullName);
  await page.getByPlaceholder('Email').fill(`${username}@app.example`);
  await page.getByPlaceholder('Username').fill(username);
  await page.getByPlaceholder('Password').fill('correct horse');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.locator('.sidebar').waitFor();
}

export async function logIn(page, fullName) {
  Object.assign(page, { user: fullName.split(' ')[0].toLowerCase(), name: fullName });
  await page.getByPlaceholder('Username').fill(page.user);
  await page.getByPlaceholder('Password').fill('correct horse');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.locator('.sidebar').waitFor();
}

export const entry = (page, other) => page.locator(`[data-user=${other}]`);

/** What the list says of somebody: online, offline, typing…. */
export const says = (page, other, what) => entry(page, other).getByText(what, { exact: true }).waitFor();

export const open = (page, other) => entry(page, other).click();

export const write = (page, text) => page.getByPlaceholder('Write a message').pressSequentially(text, { delay: 5 });

export async function send(page, text) {
  await page.getByPlaceholder('Write a message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
  await bubble(page, text).waitFor();
}

/** The message with that text. */
export const bubble = (page, text) => page.locator('.message').filter({ has: page.locator('p', { hasText: text }) });

export const reads = (page, text) => bubble(page, text).waitFor();

/** Waits until a message of one's own has a status. */
export const status = (page, text, want) => bubble(page, text).locator(`.status.${want}`).waitFor();

export const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

export const dialog = (page, state) => page.locator(`[role=dialog][data-state=${state}]`);

/** Waits until no call is on the page, and returns what is said of the last one. */
export async function noCall(page) {
  await page.locator('[role=dialog]').waitFor({ state: 'detached' });
}

export const notice = (page, text) => page.locator('.notice', { hasText: text }).waitFor();

/** One calls and the other answers; both talk. */
export async function talk(caller, callee, kind = 'Video call') {
  await press(caller, kind);
  await dialog(callee, 'ringing').waitFor();
  await press(callee, 'Accept');
  await Promise.all([caller, callee].map((p) => dialog(p, 'talking').waitFor()));
}

/** The text of all messages, in their order. */
export const texts = (page) => page.locator('.message > p').allTextContents();

export const shows = (page, list) =>
  eventually(`${page.user} sees ${list.length} messages`, async () => JSON.stringify(await texts(page)) === JSON.stringify(list));
