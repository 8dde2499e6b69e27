// Three contexts of the built-in page: two devices of one user.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, launchBrowser, mediaFlows } from '../lib/browser.mjs';
import { startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { answer, Cast, connected, dial, lobby, part, talk, toast } from './page.mjs';

let browser, server, cast;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
  cast = new Cast(browser, server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('C2 C3: both devices ring; one answers, the other falls silent and says why', async () => {
  const [anna, phone, laptop] = await cast.people('Anna', 'Ben', 'Ben');
  await dial(anna, 'ben');
  await Promise.all([phone, laptop].map((d) => part(d, 'incoming').waitFor()));
  await answer(laptop);
  await lobby(phone);
  await toast(phone, /Answered on another device/);
  await connected(anna, laptop);
  await mediaFlows([anna, laptop]);
  await part(anna, 'hangup').click();
  await lobby(anna, laptop, phone);
  await cast.rest();
});

test('C3: both devices answer in the same moment: exactly one has the call', async () => {
  const [anna, phone, laptop] = await cast.people('Anna', 'Ben', 'Ben');
  await dial(anna, 'ben');
  await Promise.all([phone, laptop].map((d) => part(d, 'incoming').waitFor()));
  // Not by the mouse: that would wait for the button, which goes away for one.
  await Promise.all([phone, laptop].map((d) => d.evaluate(() => document.querySelector('[data-testid=accept-video]')?.click())));
  await connected(anna);
  const winner = await eventually('one of the two is connected', async () => {
    for (const device of [phone, laptop]) {
      if (await device.evaluate(() => window.__tandem.call?.state === 'connected')) return device;
    }
    return undefined;
  });
  const loser = winner === phone ? laptop : phone;
  await lobby(loser);
  await toast(loser, /Answered on another device/);
  await mediaFlows([anna, winner]);
  await part(anna, 'hangup').click();
  await lobby(anna, winner);
  await cast.rest();
});

test('C3: declining on one device silences the other', async () => {
  const [anna, phone, laptop] = await cast.people('Anna', 'Ben', 'Ben');
  await dial(anna, 'ben');
  await Promise.all([phone, laptop].map((d) => part(d, 'incoming').waitFor()));
  await part(phone, 'decline').click();
  await toast(anna, /Ben declined/);
  await lobby(anna, phone, laptop);
  await cast.rest();
});

test('C2: a device that joins while it rings, rings too, and may answer', async () => {
  const [anna, phone] = await cast.people('Anna', 'Ben');
  await dial(anna, 'ben');
  await part(phone, 'incoming').waitFor();
  const laptop = await cast.join('Ben', 1);
  await part(laptop, 'incoming').waitFor();
  await answer(laptop);
  await lobby(phone);
  await connected(anna, laptop);
  await mediaFlows([anna, laptop]);
  await cast.rest();
});

test('C4 C7: the other device of a busy user can not disturb the call, nor make a second one', async () => {
  const [anna, phone, laptop] = await cast.people('Anna', 'Ben', 'Ben');
  await talk(anna, phone);
  await lobby(laptop);
  const cora = await cast.join('Cora');
  await dial(laptop, 'cora');
  await toast(laptop, /another call/);
  await lobby(laptop);
  assert.equal(await part(cora, 'incoming').count(), 0);
  await mediaFlows([anna, phone]);
  await part(phone, 'hangup').click();
  await lobby(anna, phone);
  await talk(cora, anna, false);
  await cast.rest();
});
