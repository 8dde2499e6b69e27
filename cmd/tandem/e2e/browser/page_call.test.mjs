// The built-in page in two or three contexts: calls, and every way in which
// they end, as people see them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, launchBrowser, mediaFlows, mediaOf } from '../lib/browser.mjs';
import { startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { answer, callState, Cast, connected, dial, done, lobby, openPage, part, talk, toast } from './page.mjs';

let browser, server, cast;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
  cast = new Cast(browser, server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('C1 C3: a video call: it rings, is answered, has media both ways, and is hung up', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben Müller');
  assert.equal(ben.user, 'ben-muller');
  await dial(anna, ben.user);
  await callState(anna, 'ringing');
  const sheet = part(ben, 'incoming');
  await sheet.waitFor();
  assert.match(await sheet.textContent(), /Anna.*Incoming video call/);
  await answer(ben);
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  for (const page of [anna, ben]) {
    assert.ok(await part(page, 'remote-video').evaluate((v) => v.videoWidth > 0 && !v.paused), 'the picture is on the screen');
    assert.ok(await part(page, 'self-video').evaluate((v) => v.videoWidth > 0 && v.muted), 'the self view shows, without sound');
  }
  await eventually('the clock runs', async () => (await part(anna, 'duration').textContent()) !== '0:00');
  await part(anna, 'hangup').click();
  await lobby(anna, ben);
  await toast(ben, /Call with Anna ended/);
  for (const page of [anna, ben]) assert.equal((await mediaOf(page)).state, undefined, 'nothing is left of the call');
  await cast.rest();
});

test('C1 C3: a voice call has sound only', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben', false);
  await part(ben, 'incoming').waitFor();
  assert.match(await part(ben, 'incoming').textContent(), /Incoming call/);
  await answer(ben, false);
  await connected(anna, ben);
  const media = await mediaFlows([anna, ben], { frames: 0 });
  assert.deepEqual(media.map((m) => [m.frames, m.framesSent]), [[0, 0], [0, 0]]);
  assert.equal(await part(anna, 'self-video').count(), 0);
  await part(ben, 'hangup').click();
  await lobby(anna, ben);
  await cast.rest();
});

test('C3: a video call answered with the voice alone: one picture, two sounds', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben');
  await answer(ben, false);
  await connected(anna, ben);
  await mediaFlows([ben]);
  const [m] = await mediaFlows([anna], { frames: 0 });
  assert.equal(m.frames, 0);
  await part(ben, 'camera').click(); // and then with the camera
  await mediaFlows([anna, ben]);
  await part(anna, 'hangup').click();
  await lobby(anna, ben);
  await cast.rest();
});

test('C3: declined', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben');
  await part(ben, 'decline').click();
  await toast(anna, /Ben declined the call/);
  await lobby(anna, ben);
  await talk(ben, anna, false); // nobody is busy
  await cast.rest();
});

test('C7: cancelled: the other has a missed call and can call back', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben');
  await part(ben, 'incoming').waitFor();
  await part(anna, 'cancel').click();
  await lobby(anna, ben);
  await toast(ben, /Missed call from Anna/);
  await part(ben, 'toast').getByRole('button', { name: 'Call back' }).click();
  await answer(anna);
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  await cast.rest();
});

test('C4: busy: the third is told so, the two are not disturbed', async () => {
  const [anna, ben, cora] = await cast.people('Anna', 'Ben', 'Cora');
  await talk(anna, ben);
  await dial(cora, 'ben');
  await toast(cora, /Ben is on another call/);
  await lobby(cora);
  await mediaFlows([anna, ben]);
  assert.equal(await part(ben, 'incoming').count(), 0);
  await part(anna, 'hangup').click();
  await lobby(anna, ben);
  await talk(cora, ben, false);
  await cast.rest();
});

test('C6: not answered', async () => {
  const impatient = await startTandem({ flags: { ...FLAGS, 'ring-timeout': '2s' } });
  try {
    const [anna, ben] = await Promise.all(['Anna', 'Ben'].map((n) => openPage(browser, n, { at: impatient.url })));
    await dial(anna, 'ben');
    await part(ben, 'incoming').waitFor();
    await toast(anna, /Ben didn’t answer/);
    await toast(ben, /Missed call from Anna/);
    await lobby(anna, ben);
    await talk(ben, anna, false);
    await done(anna, ben);
  } finally {
    await impatient.stop();
  }
});

test('C5: offline', async () => {
  const [anna] = await cast.people('Anna');
  await part(anna, 'search').fill('Nobody Here');
  await dial(anna, 'nobody-here');
  await toast(anna, /isn’t online right now/);
  await part(anna, 'toast').getByRole('button', { name: 'Call again' }).waitFor();
  await part(anna, 'toast').getByLabel('Dismiss').click();
  assert.equal(await part(anna, 'toast').count(), 0);
  await lobby(anna);
  await part(anna, 'search').fill('');
  await cast.rest();
});

test('C8: both press call in the same moment: they are connected, and nobody was asked', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await Promise.all([part(anna, 'contact-ben').waitFor(), part(ben, 'contact-anna').waitFor()]);
  // Not clicks: by the time that one looks for what lies above, a ring may.
  await Promise.all([part(anna, 'call-video-ben'), part(ben, 'call-video-anna')].map((b) => b.dispatchEvent('click')));
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  const ids = await Promise.all([anna, ben].map((p) => p.evaluate(() => window.__tandem.call.id)));
  assert.equal(ids[0], ids[1], 'it is one call');
  for (const page of [anna, ben]) assert.equal(await part(page, 'incoming').count(), 0);
  await part(ben, 'hangup').click();
  await lobby(anna, ben);
  await talk(anna, ben, false);
  await cast.rest();
});
