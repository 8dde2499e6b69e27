// The messages of the built-in page, as two people and their devices use them.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually, launchBrowser, leaveAll } from '../lib/browser.mjs';
import { startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { bubble, inStep, mark, menu, openTalk, react, texts, write } from './chat.mjs';
import { answer, connected, dial, done, lobby, openPage, part } from './page.mjs';

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
});
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await server?.stop();
});

// Names of their own for each test: what people wrote stays on the server.
let count = 0;
const two = async (at = server.url) => {
  count++;
  return Promise.all([openPage(browser, `Anna ${count}`, { at }), openPage(browser, `Ben ${count}`, { at })]);
};

test('M1 M2: a message is sent, and its receipts rise as the other one gets and reads it', async () => {
  const [anna, ben] = await two();
  await openTalk(anna, ben.user);
  await write(anna, 'Are you there?');
  await mark(anna, 'Are you there?', 'Delivered');
  // Unread at Ben's: in the list, on the tab, in the title.
  await part(ben, 'chats-count').filter({ hasText: '1' }).waitFor();
  await eventually('the title counts', async () => (await ben.title()).startsWith('(1)'));
  await part(ben, 'tab-chats').click();
  await part(ben, `talk-${anna.user}`).filter({ hasText: 'Are you there?' }).waitFor();
  await part(ben, 'unread').first().waitFor();
  await part(ben, `talk-${anna.user}`).click();
  await mark(anna, 'Are you there?', 'Seen');
  await eventually('nothing is unread', async () => (await ben.title()) === 'Tandem');
  assert.deepEqual(await texts(ben), ['Are you there?']);
  await done(anna, ben);
});

test('M4: typing shows in the conversation and in the list, and goes when the message is there', async () => {
  const [anna, ben] = await two();
  await openTalk(anna, ben.user);
  await openTalk(ben, anna.user);
  await part(anna, 'composer').pressSequentially('hi', { delay: 20 });
  await part(ben, 'typing').filter({ hasText: 'is typing' }).waitFor();
  await part(anna, 'composer').press('Enter');
  await bubble(ben, 'hi').waitFor();
  await part(ben, 'typing').waitFor({ state: 'detached' });
  await done(anna, ben);
});

test('C12: reply, react, edit and delete, at both ends, with the mouse and with keys', async () => {
  const [anna, ben] = await two();
  await Promise.all([openTalk(anna, ben.user), openTalk(ben, anna.user)]);
  await write(anna, 'Lunch at noon?');
  await bubble(ben, 'Lunch at noon?').waitFor();

  await (await menu(ben, 'Lunch at noon?')).getByRole('menuitem', { name: 'Reply' }).click();
  await part(ben, 'aim').waitFor();
  await write(ben, 'Gladly');
  await bubble(anna, 'Gladly').getByText('Lunch at noon?').waitFor();

  await react(ben, 'Lunch at noon?', '👍');
  await bubble(anna, 'Lunch at noon?').getByTestId('reaction').filter({ hasText: '👍' }).waitFor();
  await react(anna, 'Lunch at noon?', '👍');
  await bubble(ben, 'Lunch at noon?').getByTestId('reaction').filter({ hasText: '2' }).waitFor();
  await bubble(ben, 'Lunch at noon?').getByTestId('reaction').click(); // takes it back
  await eventually('one is left', async () => !(await bubble(anna, 'Lunch at noon?').getByTestId('reaction').textContent()).includes('2'));

  // With keys only: up from an empty field edits the last own message.
  await part(anna, 'composer').focus();
  await anna.keyboard.press('ArrowUp');
  await eventually('the text is there to edit', async () => (await part(anna, 'composer').inputValue()) === 'Lunch at noon?');
  await part(anna, 'composer').fill('Lunch at one?');
  await anna.keyboard.press('Enter');
  await bubble(ben, 'Lunch at one?').getByText('edited').waitFor();

  // Tab goes to the list of messages, arrows through it, Enter opens the menu.
  await part(anna, 'composer').focus();
  await anna.keyboard.press('Shift+Tab');
  await anna.keyboard.press('Home');
  await anna.keyboard.press('Enter');
  await part(anna, 'menu').waitFor();
  await anna.keyboard.press('Escape');
  await part(anna, 'menu').waitFor({ state: 'detached' });
  assert.equal(await anna.evaluate(() => document.activeElement.dataset.testid), 'message', 'the focus is back where it was');

  await (await menu(ben, 'Lunch at one?')).getByRole('menuitem', { name: 'Delete' }).click();
  assert.equal(await part(ben, 'menu').getByText('Delete for everyone').count(), 0, 'others’ messages can be deleted for oneself only');
  await part(ben, 'menu').getByText('Delete for me').click();
  await bubble(ben, 'Lunch at one?').waitFor({ state: 'detached' });
  assert.deepEqual(await texts(anna), ['Lunch at one?', 'Gladly']);
  await (await menu(ben, 'Gladly')).getByRole('menuitem', { name: 'Delete' }).click();
  await part(ben, 'menu').getByText('Delete for everyone').click();
  await bubble(anna, 'Gladly').waitFor({ state: 'detached' });
  assert.deepEqual(await texts(ben), []);
  await done(anna, ben);
});

test('text is text, links are links, and pictures of other sites wait for a yes', async () => {
  const [anna, ben] = await two();
  await Promise.all([openTalk(anna, ben.user), openTalk(ben, anna.user)]);
  const html = '<img src=x onerror="window.hit=1"> <script>window.hit=1</script> & "so"';
  await write(anna, html);
  await bubble(ben, 'onerror').waitFor();
  assert.deepEqual(await texts(ben), [html]);
  assert.equal(await ben.evaluate(() => window.hit), undefined);
  await write(anna, 'see http://example.test/a_(b). and javascript:alert(1)');
  const link = bubble(ben, 'see http').getByRole('link');
  await link.first().waitFor();
  assert.equal(await link.count(), 1);
  assert.equal(await link.getAttribute('href'), 'http://example.test/a_(b)');
  assert.match(await link.getAttribute('rel'), /noopener/);

  // A picture of another site is not asked for until Ben says so.
  const asked = [];
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  for (const page of [anna, ben]) {
    await page.route('https://pictures.example.test/**', (route) => {
      asked.push([page.user, route.request().headers().referer]);
      return route.fulfill({ contentType: 'image/png', body: png });
    });
  }
  await write(anna, 'https://pictures.example.test/cat.png');
  await part(ben, 'show-picture').waitFor();
  assert.ok(!asked.some(([user]) => user === ben.user));
  const before = await ben.evaluate(() => document.querySelector('[data-testid=messages]').scrollHeight);
  await part(ben, 'show-picture').click();
  await part(ben, 'picture').waitFor();
  await eventually('the picture is fetched', () => asked.some(([user]) => user === ben.user));
  assert.deepEqual([...new Set(asked.map(([, referer]) => referer))], [undefined], 'the other site is not told where it was shown');
  assert.equal(await ben.evaluate(() => document.querySelector('[data-testid=messages]').scrollHeight), before, 'nothing moves');
  await done(anna, ben);
});

test('M3: a reload shows what was there, and a second tab stays in step', async () => {
  const [anna, ben] = await two();
  await openTalk(anna, ben.user);
  await write(anna, 'one');
  await write(anna, 'two');
  await openTalk(ben, anna.user);
  await bubble(ben, 'two').waitFor();
  await ben.reload();
  await part(ben, 'my-name').waitFor();
  await part(ben, 'tab-chats').click();
  await part(ben, `talk-${anna.user}`).click();
  await bubble(ben, 'two').waitFor();
  assert.deepEqual(await texts(ben), ['one', 'two']);

  // Ben's second tab, which has another conversation open: none.
  const second = await ben.context().newPage();
  await second.goto(server.url);
  await part(second, 'name-input').fill(`Ben ${count}`);
  await part(second, 'join').click();
  await part(second, 'tab-chats').click();
  await part(second, `talk-${anna.user}`).waitFor();
  await write(ben, 'from the first tab');
  await part(second, `talk-${anna.user}`).filter({ hasText: 'from the first tab' }).waitFor();
  await part(second, `talk-${anna.user}`).click();
  await write(second, 'from the second tab');
  await inStep([anna, ben, second], ['one', 'two', 'from the first tab', 'from the second tab']);
  await (await menu(second, 'from the first tab')).getByRole('menuitem', { name: 'Delete' }).click();
  await part(second, 'menu').getByText('Delete for everyone').click();
  await inStep([anna, ben, second], ['one', 'two', 'from the second tab']);

  // What is read in one tab is read in the other: the second one looks elsewhere.
  await second.reload();
  await part(second, 'tab-chats').click();
  await part(second, `talk-${anna.user}`).waitFor();
  await ben.bringToFront();
  await write(anna, 'once more');
  await bubble(ben, 'once more').waitFor();
  await mark(anna, 'once more', 'Seen');
  await part(second, `talk-${anna.user}`).filter({ hasText: 'once more' }).waitFor();
  await eventually('both tabs have nothing unread', async () => (await ben.title()) === 'Tandem' && (await second.title()) === 'Tandem');
  await done(anna, ben);
});

test('messages beside a call: they come and go without touching it', async () => {
  const [anna, ben] = await two();
  await dial(anna, ben.user);
  await answer(ben);
  await connected(anna, ben);
  await part(anna, 'side').click();
  await part(anna, 'side-panel').waitFor();
  await write(anna, 'Can you hear me?');
  await part(ben, 'side').filter({ has: ben.locator('svg') }).waitFor();
  await ben.getByLabel('Messages, 1 unread').click();
  await bubble(ben, 'Can you hear me?').waitFor();
  await mark(anna, 'Can you hear me?', 'Seen');
  await ben.keyboard.press('Escape');
  await write(ben, 'Yes, mvm'); // letters that are shortcuts of the call
  await bubble(anna, 'Yes, mvm').waitFor();
  assert.equal(await ben.evaluate(() => window.__tandem.call.local.audio), true);
  await part(ben, 'close-chat').click();
  await part(ben, 'side-panel').waitFor({ state: 'detached' });
  await part(anna, 'hangup').click();
  await lobby(anna, ben);
  await done(anna, ben);
});
