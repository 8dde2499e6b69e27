// A front end of the base profile, served from another origin (FRONTEND_URL),
// and media between two of them.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closePages, eventually, launchBrowser, leaveAll, mediaFlows, mediaOf } from '../lib/browser.mjs';
import { SECRET, startTandem } from '../lib/server.mjs';
import { accept, BASE_EVENTS, dial, heard, names, openBase, sees, startSite, status } from './base.mjs';
import { FLAGS } from './flags.mjs';

let browser, site, server;

before(async () => {
  [browser, site] = await Promise.all([launchBrowser(), startSite()]);
  server = await startTandem({ flags: FLAGS, env: { FRONTEND_URL: site.origin } });
});
// Also after a failure: nobody of one test is online in the next.
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

const open = (user, options) => openBase(browser, user, { at: site.origin, server: server.url, ...options });

for (const trickle of [false, true]) {
  for (const video of [true, false]) {
    const kind = `${video ? 'video' : 'voice'}, trickle:${trickle}`;
    test(`C1 C3: a call between base front ends has media both ways (${kind})`, async () => {
      const [anna, ben] = await Promise.all([open('anna', { trickle }), open('ben', { trickle })]);
      await Promise.all([sees(anna, 'ben'), sees(ben, 'anna')]);
      await dial(anna, 'ben', video);
      const [ring] = await heard(ben, 'call:incoming');
      assert.equal(ring.fromId, 'anna');
      assert.equal(ring.callerName, 'Anna');
      assert.deepEqual(ring.from, { _id: 'anna', fullName: 'Anna' });
      assert.equal(ring.isVideoCall, video);
      assert.equal(ring.signal.type, 'offer');
      await accept(ben, anna);
      const media = await mediaFlows([anna, ben], { frames: video ? 5 : 0 });
      if (!video) assert.deepEqual(media.map((m) => [m.frames, m.framesSent]), [[0, 0], [0, 0]]);

      await ben.click('#hangup');
      await heard(anna, 'call:end');
      await status(anna, 'idle');
      const all = [...(await names(anna)), ...(await names(ben))];
      assert.deepEqual(all.filter((e) => !BASE_EVENTS.has(e)), [], 'a base device heard events that are not of its profile');
      if (!trickle) {
        assert.deepEqual(await names(anna), ['call:accepted', 'call:end']);
        assert.deepEqual(await names(ben), ['call:incoming']);
      }
      assert.deepEqual([...anna.troubles, ...ben.troubles], []);
      await closePages(anna, ben);
    });
  }
}

test('1.3 I5: one address for page, API and socket (BACKEND_URL), known by the cookie jwt', async () => {
  const backend = await startSite({ secret: SECRET });
  const door = await startTandem({ flags: FLAGS, secret: SECRET, env: { BACKEND_URL: backend.origin } });
  try {
    const options = { at: door.url, cookie: true };
    const [anna, ben] = await Promise.all([openBase(browser, 'anna', options), openBase(browser, 'ben', options)]);
    await sees(anna, 'ben');
    await dial(anna, 'ben');
    await accept(ben, anna);
    await mediaFlows([anna, ben]);
    await anna.click('#hangup');
    await heard(ben, 'call:end');
    await eventually('no picture comes any more', async () => (await mediaOf(ben)).state === undefined);
    assert.ok(backend.requests.includes('POST /api/auth/login'));
    assert.ok(!backend.requests.some((r) => r.includes('/socket.io')), 'the back end saw the socket');
    assert.deepEqual([...anna.troubles, ...ben.troubles], []);
    await closePages(anna, ben);
  } finally {
    await door.stop();
    await backend.close();
  }
});
