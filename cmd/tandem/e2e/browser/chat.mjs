// Drives the messages of the built-in page as a person would.
import assert from 'node:assert/strict';
import { eventually } from '../lib/browser.mjs';
import { part } from './page.mjs';

/** Opens the conversation with somebody who is online, from the list of people. */
export async function openTalk(page, user) {
  await part(page, 'tab-people').click();
  await part(page, `contact-${user}`).click();
  await loaded(page);
}

/** Waits until the server has said what is in the open conversation. */
export const loaded = (page) => page.locator('[data-testid=messages][data-loaded=true]').waitFor();

export async function write(page, text) {
  await part(page, 'composer').fill(text);
  await part(page, 'composer').press('Enter');
}

/** The message with this text, which is on the server. */
export const bubble = (page, text) => part(page, 'message').filter({ has: part(page, 'text').filter({ hasText: text }) });

/** Waits until one's own message has this sign. */
export const mark = (page, text, label) => bubble(page, text).getByLabel(label, { exact: true }).waitFor();

/** What is on the server and held by the page, in its order. */
export const texts = (page) => page.evaluate(() => [...document.querySelectorAll('[data-testid=message] [data-testid=text]')].map((el) => el.textContent));

/** Opens the menu of a message. */
export async function menu(page, text) {
  await bubble(page, text).hover();
  await bubble(page, text).getByTestId('message-tools').click();
  return part(page, 'menu');
}

export async function react(page, text, emoji) {
  await (await menu(page, text)).getByLabel(`React with ${emoji}`).click();
}

/** Waits until all of the pages show these texts, and nothing else. */
export async function inStep(pages, want) {
  for (const page of pages) {
    await eventually(`${page.user ?? 'the second tab'} shows ${want}`, async () => JSON.stringify(await texts(page)) === JSON.stringify(want)).catch(async (err) => {
      assert.deepEqual(await texts(page), want, err.message);
    });
  }
}

/** Scrolls to the top of what is held, and says which message is the first there and how far below the edge it is. */
export const toTop = (page) =>
  page.evaluate(() => {
    const box = document.querySelector('[data-testid=messages]');
    box.scrollTop = 0;
    const row = box.querySelector('[data-testid=message]');
    return { id: row.dataset.id, top: row.getBoundingClientRect().top - box.getBoundingClientRect().top };
  });

/** How far that message is below the edge now. */
export const topOf = (page, id) =>
  page.evaluate((wanted) => {
    const box = document.querySelector('[data-testid=messages]');
    return box.querySelector(`[data-id="${wanted}"]`).getBoundingClientRect().top - box.getBoundingClientRect().top;
  }, id);
