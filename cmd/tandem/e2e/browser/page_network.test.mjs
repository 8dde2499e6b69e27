// The built-in page when pages are reloaded, tabs closed and networks cut in a
// call: media does not care for signaling, and signaling comes back.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually, launchBrowser, leaveAll, mediaFlows, mediaOf } from '../lib/browser.mjs';
import { Proxy, startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { answer, callState, connected, dial, done, lobby, openPage, part, seen, sees, talk, toast, watch } from './page.mjs';

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
});
// Also after a failure: nobody of one test is online in the next.
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (name, at = server.url) => openPage(browser, name, { at });
const callId = (page) => page.evaluate(() => window.__tandem.call?.id);

/** The media of a call was never away, as far as its page has seen. */
async function undisturbed(...pages) {
  for (const page of pages) {
    assert.ok(!(await seen(page)).includes('reconnecting'), `${page.user}: media was interrupted: ${await seen(page)}`);
  }
}

for (const who of ['caller', 'callee']) {
  test(`C9: the ${who} reloads the page in a call: the call goes on, media flows again`, async () => {
    const [anna, ben] = await Promise.all([open('Anna'), open('Ben')]);
    await talk(anna, ben);
    await mediaFlows([anna, ben]);
    const [page, other] = who === 'caller' ? [anna, ben] : [ben, anna];
    const id = await callId(page);
    await watch(other);
    await page.reload();
    await part(page, 'in-call').waitFor();
    await connected(page);
    await mediaFlows([anna, ben]);
    assert.equal(await callId(page), id, 'it is the same call');
    await sees(other, 'peer away');
    await sees(other, 'peer here');
    await callState(other, 'connected');
    // Switches survive too, and the call can be ended from the new page.
    await part(page, 'hangup').click();
    await lobby(anna, ben);
    await talk(ben, anna, false);
    await done(anna, ben);
  });
}

test('a page that is reloaded shows what comes before its first frame', async () => {
  const anna = await open('Anna');
  // A browser with much to do: the first frame and the timers that stand in for
  // it come long after the server's hello, and nothing follows that.
  await anna.addInitScript(() => {
    const { setTimeout } = window;
    window.requestAnimationFrame = () => 0;
    window.setTimeout = (f, ms = 0, ...args) => setTimeout(f, Math.max(ms, 5000), ...args);
  });
  await anna.reload();
  await part(anna, 'my-name').waitFor();
  await done(anna);
});

test('C9: a muted voice call is reloaded: still muted, still without a picture', async () => {
  const [anna, ben] = await Promise.all([open('Anna'), open('Ben')]);
  await talk(anna, ben, false);
  await part(anna, 'mute').click();
  await ben.getByText('Muted').waitFor();
  await anna.reload();
  await connected(anna);
  const media = await mediaFlows([anna, ben], { frames: 0 });
  assert.deepEqual(media.map((m) => m.frames), [0, 0]);
  assert.equal(await anna.evaluate(() => window.__tandem.call.local.audio), false);
  await ben.getByText('Muted').waitFor();
  await done(anna, ben);
});

test('C9: both reload at once', async () => {
  const [anna, ben] = await Promise.all([open('Anna'), open('Ben')]);
  await talk(anna, ben);
  await mediaFlows([anna, ben]);
  await Promise.all([anna.reload(), ben.reload()]);
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  await part(ben, 'hangup').click();
  await lobby(anna, ben);
  await done(anna, ben);
});

test('C9 C10: the caller reloads while it rings: it rings on, and can be answered', async () => {
  const [anna, ben] = await Promise.all([open('Anna'), open('Ben')]);
  await dial(anna, 'ben');
  await part(ben, 'incoming').waitFor();
  await anna.reload();
  await part(anna, 'outgoing').waitFor();
  await answer(ben);
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  await done(anna, ben);
});

test('C2: the callee reloads while it rings: it rings again', async () => {
  const [anna, ben] = await Promise.all([open('Anna'), open('Ben')]);
  await dial(anna, 'ben');
  await part(ben, 'incoming').waitFor();
  await ben.reload();
  await answer(ben);
  await connected(anna, ben);
  await mediaFlows([anna, ben]);
  await done(anna, ben);
});

for (const how of ['reset', 'freeze']) {
  test(`C9: signaling is lost (${how}) and comes back: the other sees it, media is not interrupted`, async () => {
    const line = await Proxy.to(server);
    try {
      const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben')]);
      await talk(anna, ben);
      await mediaFlows([anna, ben]);
      await Promise.all([watch(anna), watch(ben)]);
      line.block();
      if (how === 'reset') line.reset();
      else line.freeze();
      await sees(ben, 'peer away');
      assert.match(await part(ben, 'call-state').textContent(), /Anna is reconnecting/);
      await mediaFlows([anna, ben], { frames: 10, packets: 50 });
      if (how === 'freeze') {
        // A dead link is dead: what was on the way does not arrive later.
        line.reset();
        line.thaw();
      }
      await anna.getByText('Reconnecting to the server…').waitFor();
      line.unblock();
      await sees(ben, 'peer here');
      await connected(anna, ben);
      await mediaFlows([anna, ben]);
      await undisturbed(anna, ben);
      // Signaling works again, in both directions.
      await part(ben, 'mute').click();
      await anna.getByText('Muted').waitFor();
      await part(anna, 'hangup').click();
      await lobby(anna, ben);
      await done(anna, ben);
    } finally {
      await line.close();
    }
  });
}

test('C9: the browser goes offline in a call and comes back', async () => {
  const line = await Proxy.to(server);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben')]);
    await talk(anna, ben);
    await mediaFlows([anna, ben]);
    await Promise.all([watch(anna), watch(ben)]);
    // Chromium refuses new connections while offline, but not every version
    // cuts open WebSockets: the line is cut as well.
    await anna.context().setOffline(true);
    line.reset();
    await sees(ben, 'peer away');
    assert.equal(await anna.evaluate(() => navigator.onLine), false);
    await mediaFlows([anna, ben]);
    await anna.context().setOffline(false);
    await sees(ben, 'peer here');
    await connected(anna, ben);
    await mediaFlows([anna, ben]);
    await undisturbed(anna, ben);
    await part(ben, 'hangup').click();
    await lobby(anna, ben);
    await done(anna, ben);
  } finally {
    await line.close();
  }
});

test('C9: what happened while signaling was away is known after it', async () => {
  const line = await Proxy.to(server);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben')]);
    await talk(anna, ben);
    line.block();
    line.reset();
    await anna.getByText('Reconnecting to the server…').waitFor();
    await part(ben, 'hangup').click();
    await lobby(ben);
    line.unblock();
    await lobby(anna);
    await toast(anna, /Call with Ben ended/);
    await talk(ben, anna, false);
    await done(anna, ben);
  } finally {
    await line.close();
  }
});

test('C9: hanging up while signaling is away reaches the other when it is back', async () => {
  const line = await Proxy.to(server);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben')]);
    await talk(anna, ben);
    await watch(ben);
    line.block();
    line.reset();
    await sees(ben, 'peer away');
    await part(anna, 'hangup').click();
    await lobby(anna);
    line.unblock();
    await lobby(ben);
    await talk(ben, anna, false);
    await done(anna, ben);
  } finally {
    await line.close();
  }
});

test('C9: a tab is closed in a call: the other hears the end within the window', async () => {
  const hasty = await startTandem({ flags: { ...FLAGS, 'resume-window': '2s' } });
  try {
    const [anna, ben] = await Promise.all([open('Anna', hasty.url), open('Ben', hasty.url)]);
    await talk(anna, ben);
    await mediaFlows([anna, ben]);
    await watch(ben);
    await done(anna);
    await lobby(ben);
    const waited = await ben.evaluate(() => window.__seenAt.ended - window.__seenAt['peer away']);
    assert.ok(waited < 6000, `the end came after ${waited} ms`);
    await toast(ben, /ended|lost/i);
    assert.equal((await mediaOf(ben)).state, undefined);
    await eventually('anna is offline', async () => (await part(ben, 'online').count()) === 0);
    await done(ben);
  } finally {
    await hasty.stop();
  }
});

test('C9: a network that stays away ends the call for both', async () => {
  const hasty = await startTandem({ flags: { ...FLAGS, 'resume-window': '1500ms' } });
  const line = await Proxy.to(hasty);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben', hasty.url)]);
    await talk(anna, ben);
    line.block();
    line.reset();
    await lobby(ben);
    await toast(ben, /connection was lost/i);
    line.unblock();
    await lobby(anna);
    await talk(ben, anna, false);
    await done(anna, ben);
  } finally {
    await line.close();
    await hasty.stop();
  }
});
