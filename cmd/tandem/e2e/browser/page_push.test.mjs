// Notifications of the built-in page while it is closed. The service worker, the
// switch and what is encrypted and signed are the real ones. Chromium has no push
// service to register with here, so that part of the browser is a stand-in: it
// hands out subscriptions of the push service of this test, and what that gets is
// delivered to the service worker by the browser's developer tools.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually, launchBrowser, leaveAll } from '../lib/browser.mjs';
import { PushService } from '../lib/pushservice.mjs';
import { startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { callState, connected, dial, done, join, lobby, openPage, part } from './page.mjs';

let browser, service, server;

before(async () => {
  service = await PushService.start();
  [browser, server] = await Promise.all([
    launchBrowser(),
    startTandem({ flags: { ...FLAGS, 'push-hosts': service.origin } }),
  ]);
});
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await server?.stop();
  await service?.stop();
});

/** Stands in for the registration with a push service. */
function pretend(json) {
  const asked = (window.__asked = { permission: 0, subscribed: 0 });
  const request = Notification.requestPermission.bind(Notification);
  Notification.requestPermission = () => {
    asked.permission++;
    return request();
  };
  let key = localStorage.getItem('test.key');
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const subscription = () =>
    key && {
      endpoint: json.endpoint,
      options: { applicationServerKey: bytes(key) },
      toJSON: () => json,
      unsubscribe: async () => (localStorage.removeItem('test.key'), (key = null), true),
    };
  PushManager.prototype.getSubscription = async () => subscription();
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly || applicationServerKey.byteLength !== 65) throw new TypeError('a bad subscription');
    asked.subscribed++;
    key = btoa(String.fromCharCode(...new Uint8Array(applicationServerKey)));
    localStorage.setItem('test.key', key);
    return subscription();
  };
}

/** Somebody with a browser that pushes can reach, and the way to its worker. */
async function person(name) {
  const context = await browser.newContext({ permissions: ['camera', 'microphone', 'notifications'], viewport: { width: 1100, height: 720 } });
  const json = service.browser();
  await context.addInitScript(pretend, json);
  const open = async (hash = '') => {
    const page = await context.newPage();
    page.troubles = [];
    page.on('pageerror', (err) => page.troubles.push(String(err.stack ?? err)));
    await page.goto(`${server.url}/${hash}`);
    return page;
  };
  const page = await open();
  await join(page, name);
  return { context, json, open, page, user: page.user };
}

const alerts = (page, on) => page.waitForFunction((want) => document.querySelector('[data-testid=alerts]')?.getAttribute('aria-checked') === want, String(on));

async function turnOn({ page }) {
  await alerts(page, false);
  assert.deepEqual(await page.evaluate(() => window.__asked), { permission: 0, subscribed: 0 }, 'nothing is asked before a click');
  await part(page, 'alerts').click();
  await alerts(page, true);
  assert.deepEqual(await page.evaluate(() => window.__asked), { permission: 1, subscribed: 1 });
}

/** The developer tools' way to the service worker, from a page that is none of its. */
async function worker({ context }) {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  let registration;
  const active = new Set();
  cdp.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
    for (const v of versions) if (v.status === 'activated') active.add(v.registrationId);
  });
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    registration = registrations.find((r) => r.scopeURL.startsWith(server.url) && !r.isDeleted) ?? registration;
  });
  await cdp.send('ServiceWorker.enable');
  await eventually('the worker is active', () => registration && active.has(registration.registrationId));
  const [sw] = context.serviceWorkers().length ? context.serviceWorkers() : [await context.waitForEvent('serviceworker')];
  const shown = () =>
    sw.evaluate(async () =>
      (await registration.getNotifications()).map((n) => ({
        title: n.title, body: n.body, tag: n.tag, data: n.data, stays: n.requireInteraction, actions: n.actions.map((a) => a.title),
      })),
    );
  /**
   * Delivers a push and waits until what is shown is as it should be. The browser
   * says nothing of a push for which it could not start the worker, as it may on a
   * machine that has much to do: then it is delivered again, as push services do.
   */
  async function deliver(push, what, look) {
    let list = [];
    for (let tries = 1; ; tries++) {
      const data = { origin: server.url, registrationId: registration.registrationId, data: push.text };
      await cdp.send('ServiceWorker.deliverPushMessage', data);
      try {
        await eventually(what, async () => look((list = await shown())), 5_000);
        return list;
      } catch (err) {
        if (tries === 6) throw new Error(`${err.message}; there is ${JSON.stringify(list)}`, { cause: err });
      }
    }
  }
  return { deliver };
}

test('C5: a call rings in the browser of somebody who has closed the page, and its end takes that back', async () => {
  const ben = await person('Ben');
  await turnOn(ben);
  const tools = await worker(ben);
  await ben.page.close();
  const anna = await openPage(browser, 'Anna', { at: server.url });
  await part(anna, 'search').fill('ben');
  await dial(anna, 'ben');
  const ring = await service.next('call');
  assert.equal(ring.endpoint, ben.json.endpoint);
  assert.equal(ring.urgency, 'high');
  assert.ok(ring.ttl > 20 && ring.ttl <= 30, `TTL ${ring.ttl}`);
  const id = ring.data.callId;
  await callState(anna, 'calling');

  const [notice] = await tools.deliver(ring, 'the ring is shown', (list) => list.length === 1);
  assert.deepEqual(notice, {
    title: 'Anna is calling', body: 'Video call', tag: `call:${id}`, data: { user: 'ben', from: 'anna', callId: id }, stays: true, actions: ['Answer', 'Dismiss'],
  });

  await part(anna, 'cancel').click();
  await lobby(anna);
  const over = await service.next('call-over');
  assert.equal(over.topic, ring.topic);
  assert.equal(over.data.callId, id);
  await tools.deliver(over, 'the ring is closed, and the call was missed', (list) => list.length === 1 && list[0].title === 'Missed call from Anna' && list[0].stays === false);
  await done(anna);
});

test('C5: who answers the notification is in the call; other notifications of it are closed', async () => {
  const ben = await person('Bea');
  await turnOn(ben);
  const tools = await worker(ben);
  await ben.page.close();
  const anna = await openPage(browser, 'Anna', { at: server.url });
  await part(anna, 'search').fill('bea');
  await dial(anna, 'bea');
  const ring = await service.next('call');
  await tools.deliver(ring, 'the ring is shown', (list) => list.length === 1);
  // What the worker opens on a click: developer tools can not click there.
  const errand = { do: 'answer', user: 'bea', from: 'anna', callId: ring.data.callId };
  const page = await ben.open(`#push=${encodeURIComponent(JSON.stringify(errand))}`);
  await part(page, 'in-call').waitFor();
  page.user = 'bea';
  await connected(anna, page);
  assert.equal(new URL(page.url()).hash, '', 'a reload is no second click');
  const over = await service.next('call-over');
  assert.equal(over.data.reason, 'answered_elsewhere');
  await tools.deliver(over, 'the ring is closed', (list) => list.length === 0);
  assert.deepEqual(page.troubles, []);
  await part(page, 'hangup').click();
  await lobby(anna);
  await done(anna);
});

test('a message reaches somebody who has closed the page; turned off, nothing does', async () => {
  const ben = await person('Carl');
  await turnOn(ben);
  const tools = await worker(ben);
  await ben.page.close();
  const anna = await openPage(browser, 'Anna', { at: server.url });
  await anna.evaluate(() => window.__tandem.client.presence.watch(['carl']));
  await eventually('Ben is offline', () => anna.evaluate(() => !window.__tandem.client.presence.online.has('carl')));
  await anna.evaluate(() => window.__tandem.client.messages.send('carl', { text: 'Are you there?' }));
  const message = await service.next('message');
  assert.equal(message.urgency, 'normal');
  const [notice] = await tools.deliver(message, 'the message is shown', (list) => list.length === 1);
  assert.equal(notice.body, 'Are you there?');
  assert.equal(notice.tag, 'talk:anna');

  // The page says again that it is there whenever it is opened, and turns it off.
  const page = await ben.open();
  await join(page, 'Carl');
  await alerts(page, true);
  assert.deepEqual(await page.evaluate(() => window.__asked), { permission: 0, subscribed: 0 });
  await part(page, 'alerts').click();
  await alerts(page, false);
  await page.close();
  await eventually('Ben is offline', () => anna.evaluate(() => !window.__tandem.client.presence.online.has('carl')));
  await part(anna, 'search').fill('carl');
  await dial(anna, 'carl');
  await eventually('Ben is offline at once', async () => (await part(anna, 'in-call').count()) + (await part(anna, 'outgoing').count()) === 0);
  assert.deepEqual(service.pushes, []);
  await done(anna);
});
