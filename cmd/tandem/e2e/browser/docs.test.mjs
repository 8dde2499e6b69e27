// The reference under /docs in Chromium: it opens, every example in it runs, and
// it can be read on a desk and on a phone, in light and dark.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { closePages, launchBrowser, leaveAll, newPage } from '../lib/browser.mjs';
import { mintToken, SECRET, startTandem } from '../lib/server.mjs';

const KEY = 'the key of a back end';
const shots = process.env.SHOTS ?? path.join(tmpdir(), 'tandem-shots');

let browser, open, closed;

before(async () => {
  mkdirSync(shots, { recursive: true });
  // Nothing of an example runs out while a busy machine shows it.
  const flags = { 'ring-timeout': '30s', 'resume-window': '10s' };
  const env = { TANDEM_SERVER_KEYS: KEY };
  [browser, open, closed] = await Promise.all([launchBrowser(), startTandem({ flags, env }), startTandem({ flags, env, secret: SECRET })]);
});
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await Promise.all([open?.stop(), closed?.stop()]);
});

async function docs(server, options) {
  const page = await newPage(browser, options);
  await page.goto(`${server.url}/docs`);
  await page.getByRole('heading', { name: 'Tandem reference' }).waitFor();
  return page;
}

async function give(page, what) {
  if (!(await page.locator('.who details').evaluate((d) => d.open))) await page.getByText('Credentials', { exact: true }).click();
  for (const [label, value] of Object.entries(what)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
}

/** Runs the example of each article; what did not go well, by article. */
async function runAll(page) {
  const ids = await page.locator('article:has(form.try)').evaluateAll((list) => list.map((a) => a.id));
  const bad = {};
  for (const id of ids) {
    const article = page.locator(`[id="${id}"]`);
    await article.locator('button.run').click();
    await article.locator('form.try[data-done]').waitFor();
    const results = await article.locator('.result').evaluateAll((list) => list.map((r) => [r.className, r.textContent]));
    if (!results.some(([c]) => c.includes('good')) || results.some(([c]) => c.includes('bad'))) bad[id] = results.map(([, text]) => text);
  }
  return { ids, bad };
}

test('every example of /docs runs where names are believed', async () => {
  const page = await docs(open);
  await give(page, { 'Server key': KEY });
  const { ids, bad } = await runAll(page);
  assert.ok(ids.length > 55, `only ${ids.length} examples were there`);
  assert.deepEqual(Object.keys(bad), ['auth:refresh'], JSON.stringify(bad)); // there are no tokens here
  assert.deepEqual(page.troubles, []);
  await closePages(page);
});

test('every example of /docs runs with the tokens of two users', async () => {
  const page = await docs(closed);
  await page.getByText('This server wants tokens').waitFor();
  await give(page, { 'Your token': mintToken('anna'), 'Of a second person': mintToken('ben'), 'Server key': KEY });
  await page.getByText('Examples run as anna and ben.').waitFor();
  const { bad } = await runAll(page);
  assert.deepEqual(bad, {});
  assert.deepEqual(page.troubles, []);
  assert.match(await page.locator('[id="sendMessage"] pre').first().textContent(), /messages\/send\/ben/);
  await closePages(page);
});

test('without a token an example says what is missing', async () => {
  const page = await docs(closed);
  await page.locator('[id="sendMessage"] button.run').click();
  await page.locator('[id="sendMessage"] .result.bad').getByText('401').waitFor();
  await page.locator('[id="message:send"] button.run').click();
  await page.locator('[id="message:send"] .result.bad').getByText('unauthorized').waitFor();
  assert.deepEqual(page.troubles, []);
  await closePages(page);
});

test('the index finds routes and events', async () => {
  const page = await docs(open);
  const links = page.locator('.index a:visible');
  const all = await links.count();
  await page.getByRole('searchbox').fill('typing');
  const found = await links.allTextContents();
  assert.ok(found.length >= 4 && found.length < all, String(found));
  await page.getByRole('searchbox').fill('webhook call.ended');
  await links.first().click();
  await page.getByLabel('Example of call.ended').getByText('durationMs').waitFor();
  await page.getByRole('searchbox').fill('no such thing');
  await page.getByText('Nothing is called so.').waitFor();
  await page.getByRole('searchbox').fill('presence:watch');
  await links.first().click();
  assert.match(page.url(), /#presence:watch$/);
  await closePages(page);
});

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESK = { viewport: { width: 1280, height: 800 } };

for (const [size, screen] of [['desk', DESK], ['phone', PHONE]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`the reference fits (${size}, ${colorScheme})`, async () => {
      const page = await docs(open, { ...screen, colorScheme });
      const shot = (name) => page.screenshot({ path: path.join(shots, `docs-${size}-${colorScheme}-${name}.png`) });
      await shot('1-top');
      if (size === 'phone') {
        await page.getByText('Contents', { exact: true }).click();
        await shot('2-index');
        await page.getByText('Contents', { exact: true }).click();
      }
      for (const id of ['sendMessage', 'call:user', 'on.call:incoming', 'webhook.call.ended', 'codes']) {
        const article = page.locator(`[id="${id}"]`);
        if (await article.locator('form.try').count()) {
          await article.locator('button.run').click();
          await article.locator('.result.good').waitFor();
        }
        await article.scrollIntoViewIfNeeded();
        await article.evaluate((a) => a.scrollIntoView());
        await shot(`3-${id.replaceAll(':', '-')}`);
      }
      const faults = await page.evaluate((phone) => {
        const wide = document.documentElement.scrollWidth - innerWidth;
        const list = wide > 0 ? [`the page is ${wide} px too wide`] : [];
        for (const b of document.querySelectorAll('button, input, textarea')) {
          if (!b.checkVisibility()) continue;
          const box = b.getBoundingClientRect();
          if (phone && box.height < 36) list.push(`${b.textContent} is too small for fingers: ${box.height}`);
          if (!(b.textContent.trim() || b.getAttribute('aria-label') || b.labels?.length)) list.push(`${b.outerHTML} has no name for screen readers`);
        }
        return list;
      }, size === 'phone');
      assert.deepEqual(faults, []);
      assert.deepEqual(page.troubles, []);
      await closePages(page);
    });
  }
}
