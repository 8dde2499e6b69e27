// The built-in page and base front ends (Socket.IO and simple-peer) call each
// other: one call, two dialects.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually, launchBrowser, leaveAll, mediaFlows } from '../lib/browser.mjs';
import { startTandem } from '../lib/server.mjs';
import * as base from './base.mjs';
import { FLAGS } from './flags.mjs';
import * as app from './page.mjs';

let browser, site, server;

before(async () => {
  [browser, site] = await Promise.all([launchBrowser(), base.startSite()]);
  server = await startTandem({ flags: FLAGS, env: { FRONTEND_URL: site.origin } });
});
// Also after a failure: nobody of one test is online in the next.
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

/** Anna has the built-in page, ben the base front end. */
async function two(trickle = false) {
  const [anna, ben] = await Promise.all([
    app.openPage(browser, 'Anna', { at: server.url }),
    base.openBase(browser, 'ben', { at: site.origin, server: server.url, trickle }),
  ]);
  await base.sees(ben, 'anna');
  return [anna, ben];
}

async function done(anna, ben) {
  const foreign = (await base.names(ben)).filter((e) => !base.BASE_EVENTS.has(e));
  assert.deepEqual(foreign, [], 'the base device heard what is not of its profile');
  // "Abort" is how simple-peer calls it that the other side closed.
  const error = await ben.evaluate(() => window.app.peerError);
  assert.ok(error === '' || /Abort/.test(error), error);
  await app.done(anna, ben);
}

const rings = (ben) => ben.locator('#dialog').waitFor({ state: 'visible' });

async function benAccepts(anna, ben) {
  await rings(ben);
  await ben.click('#accept');
  await app.connected(anna);
}

for (const trickle of [false, true]) {
  for (const video of [true, false]) {
    const kind = `${video ? 'video' : 'voice'}, trickle:${trickle}`;
    const frames = video ? 5 : 0;

    test(`the page calls a base front end, with media both ways (${kind})`, async () => {
      const [anna, ben] = await two(trickle);
      await app.dial(anna, 'ben', video);
      const [ring] = await base.heard(ben, 'call:incoming');
      assert.equal(ring.callerName, 'Anna');
      assert.equal(ring.isVideoCall, video);
      await benAccepts(anna, ben);
      await mediaFlows([anna, ben], { frames });
      await app.part(anna, 'hangup').click();
      await base.status(ben, 'idle');
      await done(anna, ben);
    });

    test(`a base front end calls the page, with media both ways (${kind})`, async () => {
      const [anna, ben] = await two(trickle);
      await base.dial(ben, 'anna', video);
      await app.part(anna, 'incoming').waitFor();
      assert.match(await app.part(anna, 'incoming').textContent(), video ? /Ben.*video call/ : /Ben.*Incoming call/);
      await app.answer(anna, video);
      await base.status(ben, 'talking');
      await app.connected(anna);
      await mediaFlows([anna, ben], { frames });
      const accepted = (await base.names(ben)).filter((e) => e === 'call:accepted');
      if (!trickle) assert.equal(accepted.length, 1, 'one complete answer');
      await ben.click('#hangup');
      await app.lobby(anna);
      await done(anna, ben);
    });
  }
}

test('C3: each declines the other', async () => {
  const [anna, ben] = await two();
  await app.dial(anna, 'ben');
  await rings(ben);
  await ben.click('#reject');
  await app.toast(anna, /Ben declined/);
  await app.lobby(anna);
  await base.dial(ben, 'anna');
  await app.part(anna, 'decline').click();
  await base.heard(ben, 'call:rejected');
  await base.status(ben, 'idle');
  await done(anna, ben);
});

test('the page switches its camera off and on towards a base front end, which can not be told', async () => {
  const [anna, ben] = await two();
  await app.dial(anna, 'ben');
  await benAccepts(anna, ben);
  await mediaFlows([anna, ben]);
  await app.part(anna, 'camera').click();
  await anna.waitForFunction(() => !window.__tandem.call.local.video);
  await mediaFlows([anna], {}); // the other direction goes on
  await app.part(anna, 'camera').click();
  await mediaFlows([anna, ben]);
  await app.part(anna, 'mute').click();
  await app.part(anna, 'mute').click();
  await mediaFlows([anna, ben]);
  await app.part(anna, 'share').click();
  await anna.waitForFunction(() => window.__tandem.call.local.screen);
  await mediaFlows([anna, ben], { frames: 2 });
  await app.part(anna, 'hangup').click();
  await base.status(ben, 'idle');
  await done(anna, ben);
});

test('C9: the page is reloaded in a call with a base front end: its peer can not be replaced, so the call ends for both', async () => {
  const [anna, ben] = await two();
  await app.dial(anna, 'ben');
  await benAccepts(anna, ben);
  await mediaFlows([anna, ben]);
  await anna.reload();
  await base.status(ben, 'idle');
  await app.part(anna, 'contact-ben').waitFor();
  await app.lobby(anna);
  await base.dial(ben, 'anna'); // neither is busy
  await app.answer(anna);
  await mediaFlows([anna, ben]);
  await app.part(anna, 'hangup').click();
  await base.status(ben, 'idle');
  await done(anna, ben);
});

test('C9: the base front end is reloaded in a call: it ends for the page', async () => {
  const [anna, ben] = await two();
  await base.dial(ben, 'anna');
  await app.answer(anna);
  await mediaFlows([anna, ben]);
  await ben.reload();
  await app.lobby(anna);
  await app.toast(anna, /Call with Ben ended/);
  await base.sees(ben, 'anna');
  await app.dial(anna, 'ben');
  await benAccepts(anna, ben);
  await mediaFlows([anna, ben]);
  await done(anna, ben);
});

test('C8: both press call in the same moment', async () => {
  const [anna, ben] = await two();
  await app.part(anna, 'contact-ben').waitFor();
  // Not a click: by the time that it looks for what lies above, Ben's ring may.
  await Promise.all([app.part(anna, 'call-video-ben').dispatchEvent('click'), base.dial(ben, 'anna')]);
  // If ben's call lost, he is shown anna's and accepts it; if it won, anna's
  // page answers it by itself.
  await eventually('the two are in one call', () =>
    ben.evaluate(() => {
      if (!window.accepted && !document.getElementById('dialog').hidden) {
        window.accepted = true;
        document.getElementById('accept').click();
      }
      return window.app.status === 'talking';
    }),
  );
  await app.connected(anna);
  await mediaFlows([anna, ben]);
  const ends = (await base.names(ben)).filter((e) => /call:(end|rejected|unavailable)/.test(e));
  assert.deepEqual(ends, [], 'glare must not clear the dialog of a base device');
  await ben.click('#hangup');
  await app.lobby(anna);
  await app.done(anna, ben);
});

test('M4: typing between the two', async () => {
  const [anna, ben] = await two();
  await app.part(anna, 'contact-ben').click();
  await ben.evaluate(() => window.app.typingTo('anna'));
  await app.part(anna, 'typing').waitFor();
  await app.part(anna, 'typing').waitFor({ state: 'detached' });
  await app.part(anna, 'composer').pressSequentially('hi');
  assert.equal((await base.heard(ben, 'userTyping'))[0], 'anna');
  await base.heard(ben, 'userStopTyping');
  await done(anna, ben);
});
