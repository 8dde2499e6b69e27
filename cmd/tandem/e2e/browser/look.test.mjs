// How the built-in page looks: what can be measured is asserted, and pictures
// for people are left in a folder (SHOTS, else one under the system's own for
// temporary files; the test says where).
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { launchBrowser, leaveAll, mediaFlows, newPage } from '../lib/browser.mjs';
import { rest } from '../lib/rest.mjs';
import { startTandem } from '../lib/server.mjs';
import { bubble, loaded, menu, openTalk } from './chat.mjs';
import { FLAGS } from './flags.mjs';
import { answer, connected, dial, done, join, lobby, part } from './page.mjs';

const shots = process.env.SHOTS ?? path.join(tmpdir(), 'tandem-shots');
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESK = { viewport: { width: 1200, height: 760 } };

let browser, server;

before(async () => {
  mkdirSync(shots, { recursive: true });
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
});
// Also after a failure: nobody of one test is online in the next.
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Takes a picture, and returns what hangs out of the screen or lies below something. */
async function shot(page, name) {
  const out = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    const hidden = [];
    for (const el of document.querySelectorAll('button, input, select, h1, b, p')) {
      if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || el.closest('[inert]')) continue;
      const box = el.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      if (box.left < -1 || box.right > innerWidth + 1) hidden.push(`${el.dataset.testid ?? el.textContent} reaches from ${box.left} to ${box.right}`);
    }
    const own = document.querySelector('[data-testid=self-video]')?.getBoundingClientRect();
    for (const el of own ? document.querySelectorAll('[data-testid=in-call] header :is(b, p, time, span)') : []) {
      const box = el.getBoundingClientRect();
      if (box.right > own.left && box.left < own.right && box.bottom > own.top && box.top < own.bottom) {
        hidden.push(`${el.getAttribute('aria-label') ?? el.textContent} lies under one's own picture`);
      }
    }
    return wide > 0 ? [...hidden, `the page is ${wide} px too wide`] : hidden;
  });
  await page.screenshot({ path: path.join(shots, `${name}.png`), animations: 'disabled' });
  return out;
}

/** Fingers need room: no button of the page is smaller than 40 px. */
function touchable(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('button')]
      .filter((b) => b.checkVisibility() && !b.closest('[inert]') && !b.matches('.link'))
      .map((b) => [b.dataset.testid ?? b.getAttribute('aria-label') ?? b.textContent, b.getBoundingClientRect()])
      .filter(([, box]) => box.width < 40 || box.height < 40)
      .map(([label, box]) => `${label} is too small for fingers: ${Math.round(box.width)}×${Math.round(box.height)}`),
  );
}

/** Every button and field says to a screen reader what it is. */
function named(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('button, input, textarea, select')]
      .filter((b) => b.checkVisibility())
      .filter((b) => !(b.textContent.trim() || b.getAttribute('aria-label') || b.getAttribute('aria-labelledby') || b.labels?.length))
      .map((b) => `${b.outerHTML} has no name for screen readers`),
  );
}

for (const [size, screen] of [['desk', DESK], ['phone', PHONE]]) {
  for (const colorScheme of ['light', 'dark']) {
    const look = `${size}-${colorScheme}`;

    test(`the page fits and can be used (${look})`, async () => {
      const [anna, ben] = await Promise.all([newPage(browser, { ...screen, colorScheme, finery: true }), newPage(browser, { ...screen, colorScheme, finery: true })]);
      const faults = [];
      const check = async (page, name) => {
        const found = await shot(page, `${look}-${name}`);
        if (size === 'phone') found.push(...(await touchable(page)));
        found.push(...(await named(page)));
        faults.push(...found.map((f) => `${name}: ${f}`));
      };
      await Promise.all([anna, ben].map((p) => p.goto(server.url)));
      await check(anna, '1-join');
      await join(anna, 'Anna-Lena Kowalski');
      await check(anna, '2-alone');
      await join(ben, 'Ben Okafor');
      await part(anna, `contact-${ben.user}`).waitFor();
      await check(anna, '3-lobby');
      await part(ben, `contact-${anna.user}`).click();
      await check(ben, '4-contact');
      if (size === 'phone') await ben.getByLabel('Back to the list').click();
      await dial(anna, ben.user);
      await part(ben, 'incoming').waitFor();
      await check(anna, '5-outgoing');
      await check(ben, '6-incoming');
      await answer(ben);
      await connected(anna, ben);
      await mediaFlows([anna, ben]);
      // Sharp pictures need a moment of bandwidth: ten frames more.
      await mediaFlows([anna, ben], { frames: 10 });
      await anna.getByLabel(/^Connection /).waitFor();
      await anna.mouse.move(100, 100);
      await check(anna, '7-in-call');
      await part(ben, 'mute').click();
      await part(ben, 'camera').click();
      await anna.getByText('Muted').waitFor();
      await anna.mouse.move(120, 120);
      await check(anna, '8-camera-off');
      await part(anna, 'devices').click();
      await part(anna, 'devices-panel').waitFor();
      await check(anna, '9-devices');
      await anna.getByRole('button', { name: 'Done' }).click();
      await Promise.all([part(ben, 'toast').first().waitFor(), part(anna, 'hangup').click()]);
      await lobby(anna, ben);
      await check(ben, '10-ended');
      assert.deepEqual(faults, []);
      await done(anna, ben);
    });
  }
}

/** A conversation with a bit of everything, and some others around it. */
async function chatter(anna, ben) {
  const say = async (who, to, body) => (await rest(server, who)('POST', `/api/messages/send/${to}`, body)).body;
  const put = (who, messageId, emoji) => rest(server, who)('POST', '/api/messages/react', { messageId, emoji });
  const others = [['cora-diaz', 'See you tomorrow!'], ['dan-li', 'Did you get the figures for the last quarter? I need them by noon.'], ['emil-o', '🎉']];
  for (const [who, text] of others) await say(who, anna, { text });
  const first = await say(ben, anna, { text: 'Good morning Anna! Did you sleep well after the concert?' });
  await say(anna, ben, { text: 'Like a stone.' });
  await say(anna, ben, { text: 'That last encore was something. I still have the bass line in my head, and I think I will for the rest of the week.', replyTo: { messageId: first._id } });
  await say(ben, anna, { text: 'Look at this', media: 'https://pictures.example.test/concert.jpg' });
  await say(ben, anna, { text: `Programme: https://example.org/${'a-long-address/'.repeat(8)}\nIt starts at eight.` });
  await say(anna, ben, { text: 'Averyveryverylongwordthatdoesnotendandhasnospaceinitsothatithastobebrokensomewhere' });
  await put(ben, first._id, '❤️');
  await put(anna, first._id, '👍');
}

for (const [size, screen] of [['desk', DESK], ['phone', PHONE]]) {
  for (const colorScheme of ['light', 'dark']) {
    const look = `${size}-${colorScheme}`;

    test(`messages fit and can be used (${look})`, async () => {
      const phone = size === 'phone';
      const open = async (name) => {
        const page = await newPage(browser, { ...screen, colorScheme, finery: true });
        await page.goto(server.url);
        await join(page, name);
        return page;
      };
      const [anna, ben] = await Promise.all([open(`Anna ${look}`), open(`Ben ${look}`)]);
      const faults = [];
      const check = async (page, name) => {
        const found = [...(await shot(page, `${look}-${name}`)), ...(await named(page))];
        if (phone) found.push(...(await touchable(page)));
        faults.push(...found.map((f) => `${name}: ${f}`));
      };
      await chatter(anna.user, ben.user);
      await dial(ben, anna.user);
      await part(anna, 'incoming').waitFor();
      await part(ben, 'cancel').click();
      await lobby(anna, ben);
      await part(anna, 'calls-count').waitFor();
      await part(anna, 'tab-chats').click();
      await part(anna, 'chats-count').filter({ hasText: '6' }).waitFor();
      await check(anna, '12-chats');
      await part(anna, 'tab-calls').click();
      await part(anna, 'logged-call').waitFor();
      await check(anna, '13-calls');
      await part(anna, 'tab-chats').click();
      await part(anna, `talk-${ben.user}`).click();
      await loaded(anna);
      await openTalk(ben, anna.user);
      await part(ben, 'composer').pressSequentially('Really');
      await part(anna, 'typing').first().waitFor();
      await check(anna, '14-talk');
      if (phone) await bubble(anna, 'Like a stone').locator('.bubble').tap();
      else await menu(anna, 'Like a stone');
      await part(anna, 'menu').waitFor();
      await check(anna, '15-menu');
      await part(anna, 'menu').getByText('Reply').click();
      await part(anna, 'composer').fill('As long as it is\non two lines');
      await check(anna, '16-reply');
      await part(anna, 'composer').press('Escape');
      if (phone) await Promise.all([anna, ben].map((p) => p.getByLabel('Back to the list').click()));
      await part(anna, 'tab-people').click();
      await dial(anna, ben.user);
      await answer(ben);
      await connected(anna, ben);
      await part(anna, 'side').click();
      await loaded(anna);
      await mediaFlows([anna, ben]);
      await check(anna, '17-beside-a-call');
      await part(anna, 'close-chat').click();
      await part(anna, 'hangup').click();
      await lobby(anna, ben);
      assert.deepEqual(faults, []);
      await done(anna, ben);
    });
  }
}

test('a second call during a call is a card above it', async () => {
  const open = async (name) => {
    const page = await newPage(browser, { ...PHONE, colorScheme: 'dark', finery: true });
    await page.goto(waiting.url);
    await join(page, name);
    return page;
  };
  const waiting = await startTandem({ flags: { ...FLAGS, 'call-waiting': true } });
  try {
    const [anna, ben, cora] = await Promise.all(['Anna', 'Ben', 'Cora'].map(open));
    await dial(anna, 'ben');
    await answer(ben);
    await connected(anna, ben);
    await dial(cora, 'ben');
    await part(ben, 'incoming').waitFor();
    await mediaFlows([anna, ben]);
    assert.deepEqual([...(await shot(ben, 'phone-dark-11-second-call')), ...(await touchable(ben))], []);
    await answer(ben); // ends the first one
    await connected(cora, ben);
    await mediaFlows([cora, ben]);
    await lobby(anna);
    await done(anna, ben, cora);
  } finally {
    await waiting.stop();
  }
});
