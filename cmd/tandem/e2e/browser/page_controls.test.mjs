// What one can do on the built-in page during a call, and around it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, launchBrowser, mediaFlows, mediaOf } from '../lib/browser.mjs';
import { startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { Cast, connected, dial, lobby, part, talk } from './page.mjs';

let browser, server, cast;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
  cast = new Cast(browser, server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Sound of a muted microphone is not quite nothing: decoders fill gaps with noise. */
const HUSH = 1e-4;

/** Waits until the sum named does not grow for 600 ms, by more than the slack. */
async function stands(page, key, slack = 0) {
  let last = -1;
  let since = Date.now();
  await eventually(`${page.user}: ${key} stands still`, async () => {
    const now = (await mediaOf(page))[key];
    if (last < 0 || now - last > slack) [last, since] = [now, Date.now()];
    return Date.now() - since > 600;
  });
}

const grows = async (page, key, by) => {
  const start = (await mediaOf(page))[key];
  await eventually(`${page.user}: ${key} grows`, async () => (await mediaOf(page))[key] > start + by);
};

const peerMedia = (page, want) =>
  eventually(`${page.user} knows of the other ${JSON.stringify(want)}`, () =>
    page.evaluate((w) => {
      const now = window.__tandem.call.peerMedia ?? {};
      return Object.entries(w).every(([k, v]) => now[k] === v);
    }, want),
  );

test('mute and camera: the other side hears and sees it, and that it is meant', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await talk(anna, ben);
  await mediaFlows([anna, ben]);

  await part(anna, 'mute').click();
  await peerMedia(ben, { audio: false, video: true });
  await ben.getByText('Muted').waitFor();
  await stands(ben, 'energy', HUSH);
  await part(anna, 'mute').click();
  await peerMedia(ben, { audio: true });
  await grows(ben, 'energy', 2 * HUSH);

  await part(anna, 'camera').click();
  await peerMedia(ben, { video: false });
  await stands(ben, 'frames');
  assert.ok(await ben.getByRole('heading', { name: 'Anna' }).isVisible(), 'a face is missing: the name is there');
  await mediaFlows([anna]); // the other direction is not touched
  await part(anna, 'camera').click();
  await peerMedia(ben, { video: true });
  await mediaFlows([anna, ben]);
  await cast.rest();
});

test('a voice call can become a video call', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await talk(anna, ben, false);
  await part(anna, 'camera').click();
  await mediaFlows([ben]);
  await part(ben, 'camera').click();
  await mediaFlows([anna, ben]);
  await part(anna, 'camera').click();
  await stands(ben, 'frames');
  await mediaFlows([anna]);
  await cast.rest();
});

test('screen sharing replaces the camera and gives it back', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await talk(anna, ben);
  await mediaFlows([anna, ben]);
  const { width } = await mediaOf(ben);
  await part(anna, 'share').click();
  await peerMedia(ben, { screen: true });
  await eventually('the screen arrives', async () => (await mediaOf(ben)).width > width);
  await mediaFlows([ben], { frames: 2 });
  await part(anna, 'share').click();
  await peerMedia(ben, { screen: false, video: true });
  await eventually('the camera is back', async () => (await mediaOf(ben)).width === width);
  await mediaFlows([anna, ben]);
  await cast.rest();
});

test('another camera and another microphone can be chosen during a call', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await talk(anna, ben);
  await part(anna, 'devices').click();
  for (const [kind, track] of [['videoinput', 'Video'], ['audioinput', 'Audio']]) {
    const select = part(anna, `device-${kind}`);
    const other = await select.evaluate((s) => [...s.options].map((o) => o.value).find((v) => v !== s.value));
    assert.ok(other, `there is a second ${kind}`);
    await select.selectOption(other);
    await anna.waitForFunction(
      ([id, t]) => window.__tandem.call.localStream[`get${t}Tracks`]()[0]?.getSettings().deviceId === id,
      [other, track],
    );
  }
  // Chromium does not encode the pictures of a second *fake* camera after
  // replaceTrack (nor does it between two bare RTCPeerConnections), so Ben is
  // asked for Anna's sound only.
  await mediaFlows([anna]);
  await mediaFlows([ben], { frames: 0 });
  await cast.rest();
});

test('the keyboard is enough: Enter answers, M and V switch, Escape hangs up after a question', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben');
  await part(ben, 'incoming').waitFor();
  await ben.keyboard.press('Enter');
  await connected(anna, ben);
  await ben.keyboard.press('m');
  await peerMedia(anna, { audio: false });
  await ben.keyboard.press('v');
  await peerMedia(anna, { video: false });
  await ben.keyboard.press('Escape');
  await part(ben, 'confirm-hangup').waitFor();
  await ben.keyboard.press('Enter');
  await lobby(anna, ben);

  await dial(ben, 'anna');
  await part(anna, 'incoming').waitFor();
  await anna.keyboard.press('Escape'); // declines
  await lobby(anna, ben);
  await dial(ben, 'anna');
  await part(anna, 'incoming').waitFor();
  await ben.keyboard.press('Escape'); // cancels
  await lobby(anna, ben);
  await cast.rest();
});

test('M4: typing shows at the other side, and stops by itself', async () => {
  const [anna, ben] = await cast.people('Anna', 'Ben');
  await part(anna, 'contact-ben').click();
  await part(ben, 'contact-anna').click();
  await part(anna, 'composer').pressSequentially('hello', { delay: 30 });
  await part(ben, 'typing').filter({ hasText: 'Anna is typing' }).waitFor();
  await part(ben, 'typing').waitFor({ state: 'detached' });
  await part(anna, 'composer').pressSequentially(' again');
  await part(ben, 'typing').waitFor();
  await part(anna, 'composer').fill('');
  await part(ben, 'typing').waitFor({ state: 'detached' });
  await cast.rest();
});
