// The messages of the built-in page with a network that goes and comes back, with
// long histories, and the log of calls beside them.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually, launchBrowser, leaveAll } from '../lib/browser.mjs';
import { folder, rest } from '../lib/rest.mjs';
import { Proxy, startTandem } from '../lib/server.mjs';
import { FLAGS } from './flags.mjs';
import { bubble, inStep, loaded, mark, openTalk, texts, toTop, topOf, write } from './chat.mjs';
import { answer, connected, dial, done, join, lobby, openPage, part } from './page.mjs';

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startTandem({ flags: FLAGS })]);
});
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (name, at = server.url) => openPage(browser, name, { at });
const waiting = (page, n) => eventually(`${n} wait`, async () => (await part(page, 'waiting').count()) === n);

/** As the REST routes have it: what the server keeps, without any page. */
const kept = async (user, peer, at = server) => (await rest(at, user)('GET', `/api/messages/${peer}`)).body.map((m) => m.message);

test('M1 M3: what is written offline waits and is sent once; what came meanwhile is there', async () => {
  const line = await Proxy.to(server);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben')]);
    const cora = rest(server, 'cora');
    await cora('POST', '/api/messages/send/anna', { text: 'kept from before' });
    await Promise.all([openTalk(anna, 'ben'), openTalk(ben, 'anna')]);
    await write(anna, 'before');
    await mark(anna, 'before', 'Seen');
    await part(anna, 'tab-chats').click();
    await part(anna, 'talk-cora').click();
    await bubble(anna, 'kept from before').waitFor();
    await part(anna, 'talk-ben').click();
    await bubble(anna, 'before').waitFor();

    await anna.context().setOffline(true);
    line.block();
    line.reset();
    await part(anna, 'offline').waitFor();
    for (const text of ['one', 'two', 'three']) await write(anna, text);
    await waiting(anna, 3);
    await part(anna, 'offline').filter({ hasText: '3 messages wait' }).waitFor();
    await write(ben, 'while you were away');
    // What was read is read on, in other conversations too.
    await part(anna, 'talk-cora').click();
    await bubble(anna, 'kept from before').waitFor();
    await part(anna, 'talk-ben').click();
    await bubble(anna, 'before').waitFor();
    await waiting(anna, 3);

    await anna.context().setOffline(false);
    line.unblock();
    await waiting(anna, 0);
    const all = ['before', 'while you were away', 'one', 'two', 'three'];
    await inStep([anna, ben], all);
    assert.deepEqual(await kept('anna', 'ben'), all);
    await part(anna, 'offline').waitFor({ state: 'detached' });
    await done(anna, ben);
  } finally {
    await line.close();
  }
});

test('M1 M3: the server is killed: what waits is sent to the next one, once, and nothing is lost', async (t) => {
  const dir = folder(t);
  let tandem = await startTandem({ flags: FLAGS, dir });
  const line = await Proxy.to(tandem);
  try {
    const [anna, ben] = await Promise.all([open('Anna', line.url), open('Ben', line.url)]);
    await Promise.all([openTalk(anna, 'ben'), openTalk(ben, 'anna')]);
    const want = [];
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5; i++) {
        want.push(`${round} ${i}`);
        await write(anna, `${round} ${i}`);
      }
      // Some are on their way, some are not: kill -9.
      await tandem.stop({ signal: 'SIGKILL', check: false });
      line.cut();
      for (let i = 5; i < 8; i++) {
        want.push(`${round} ${i}`);
        await write(anna, `${round} ${i}`);
      }
      await part(anna, 'waiting').first().waitFor();
      tandem = await startTandem({ flags: FLAGS, dir });
      line.target.port = tandem.port;
      await waiting(anna, 0);
      await inStep([anna, ben], want);
    }
    assert.deepEqual(await kept('anna', 'ben', tandem), want);
    await done(anna, ben);
  } finally {
    await line.close();
    await tandem.stop({ check: false });
  }
});

/** Somebody who has what dan wrote on the screen, and written down in the browser. */
async function reader(name) {
  const page = await open(name);
  await rest(server, 'dan')('POST', `/api/messages/send/${page.user}`, { text: 'read me offline' });
  await part(page, 'tab-chats').click();
  await part(page, 'talk-dan').click();
  await bubble(page, 'read me offline').waitFor();
  // Written down a moment later: when it says so, and not before.
  await eventually('it is kept', () => page.evaluate(() => new Promise((resolve) => {
    const request = indexedDB.open('tandem-chat');
    request.onsuccess = () => {
      const all = request.result.transaction('threads').objectStore('threads').getAll();
      all.onsuccess = () => {
        request.result.close();
        resolve(all.result.some((r) => r.messages.some((m) => m.message === 'read me offline')));
      };
    };
  })));
  return page;
}

test('M1: what was written offline is not lost when its tab is killed in that moment', async () => {
  const anna = await reader('Anna Sun');
  let blocked = true;
  await anna.context().routeWebSocket(/\/ws/, (ws) => (blocked ? ws.close() : ws.connectToServer()));
  await anna.reload();
  await part(anna, 'talk-dan').click();
  await bubble(anna, 'read me offline').waitFor();
  // The page comes to nothing more once it shows that the message waits.
  await anna.evaluate(() => new MutationObserver(() => {
    if (!document.querySelector('[data-testid=waiting]')) return;
    console.log('it waits');
    for (;;);
  }).observe(document.body, { childList: true, subtree: true }));
  const waits = anna.waitForEvent('console', (m) => m.text() === 'it waits');
  write(anna, 'last words').catch(() => {}); // nobody is there to say that it is done
  await waits;
  const gone = anna.waitForEvent('crash');
  const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
  for (const p of processInfo) if (p.type === 'renderer') process.kill(p.id, 'SIGKILL');
  await gone;

  blocked = false;
  const again = await anna.context().newPage();
  await again.goto(server.url);
  await join(again, 'Anna Sun');
  await eventually('it is sent by the next tab', async () => (await kept('dan', 'anna-sun')).includes('last words'));
});

test('M3: a page that is opened without a connection shows what was kept, and what waited is sent later', async () => {
  const anna = await reader('Anna Lena');
  let blocked = true;
  await anna.routeWebSocket(/\/ws/, (ws) => (blocked ? ws.close() : ws.connectToServer()));
  await anna.reload();
  await part(anna, 'my-name').waitFor();
  await part(anna, 'talk-dan').click();
  await bubble(anna, 'read me offline').waitFor();
  await write(anna, 'an answer');
  await waiting(anna, 1);
  await anna.reload(); // it waits over a reload too
  await part(anna, 'talk-dan').click();
  await waiting(anna, 1);
  blocked = false;
  await waiting(anna, 0);
  await inStep([anna], ['read me offline', 'an answer']);
  assert.deepEqual(await kept('dan', 'anna-lena'), ['read me offline', 'an answer']);
  await done(anna);
});

test('a history of 2,000 messages is scrolled back to its beginning and forth: no jump, few rows', async () => {
  const N = 2000;
  const [fay, gus] = [rest(server, 'fay'), rest(server, 'gus')];
  for (let i = 0; i < N; i++) {
    const [who, to] = i % 3 === 0 ? [gus, 'fay'] : [fay, 'gus'];
    const r = await who('POST', `/api/messages/send/${to}`, { text: `number ${i}${i % 7 === 0 ? ' with a text that is long enough to be broken into lines on every screen, '.repeat(3) : ''}` });
    assert.equal(r.status, 201);
  }
  const page = await open('Gus');
  await part(page, 'tab-chats').click();
  await part(page, 'talk-fay').click();
  await loaded(page);
  await bubble(page, `number ${N - 1}`).waitFor();
  const first = async () => Number((await texts(page))[0].split(' ')[1]);
  const start = Date.now();
  let most = 0;
  while ((await first()) > 0) {
    const was = await first();
    const { id, top } = await toTop(page);
    await eventually('older ones come', async () => (await first()) < was || (await first()) === 0);
    // What was before the eyes has not moved.
    const now = await topOf(page, id);
    assert.ok(Math.abs(now - top) <= 2, `number ${was} jumped from ${top} to ${now}`);
    most = Math.max(most, await part(page, 'message').count());
  }
  const took = Date.now() - start;
  assert.ok(most <= 240, `${most} messages were in the page at once`);
  assert.ok(took < 30_000, `scrolling back took ${took} ms`);
  await page.getByText('The beginning of your conversation').waitFor();

  // Down again, page by page, without a hole.
  const seen = new Set();
  await eventually('the newest is reached', async () => {
    for (const t of await texts(page)) seen.add(Number(t.split(' ')[1]));
    await page.evaluate(() => (document.querySelector('[data-testid=messages]').scrollTop += 3000));
    return seen.has(N - 1);
  });
  assert.equal(seen.size, N);
  // And from the beginning to the end at once.
  for (let i = 0; i < 6; i++) {
    const was = await first();
    await toTop(page);
    await eventually('older ones come', async () => (await first()) < was);
  }
  await fay('POST', '/api/messages/send/gus', { text: 'number 2000' });
  await part(page, 'to-end').filter({ hasText: '1' }).waitFor();
  await part(page, 'to-end').click();
  await bubble(page, 'number 2000').waitFor();
  await part(page, 'to-end').waitFor({ state: 'detached' });
  await done(page);
});

test('C14: the log of calls counts missed ones until they are looked at', async () => {
  const [hana, ian] = await Promise.all([open('Hana'), open('Ian')]);
  await dial(ian, 'hana', false);
  await part(hana, 'incoming').waitFor();
  await part(ian, 'cancel').click();
  await lobby(hana, ian);
  await part(hana, 'calls-count').filter({ hasText: '1' }).waitFor();
  await dial(hana, 'ian');
  await answer(ian);
  await connected(hana, ian);
  await part(hana, 'hangup').click();
  await lobby(hana, ian);
  await part(hana, 'tab-calls').click();
  await eventually('both calls are listed', async () => (await part(hana, 'logged-call').count()) === 2);
  const rows = await part(hana, 'logged-call').allTextContents();
  assert.match(rows[0], /Ian.*Video call.*0:0\d/s);
  assert.match(rows[1], /Ian.*Missed/s);
  assert.equal(await hana.locator('[data-testid=logged-call][data-new]').count(), 1);
  await part(hana, 'calls-count').waitFor({ state: 'detached' });
  await hana.reload();
  await part(hana, 'logged-call').first().waitFor();
  assert.equal(await part(hana, 'calls-count').count(), 0);
  assert.equal(await hana.locator('[data-testid=logged-call][data-new]').count(), 0);
  await part(ian, 'tab-calls').click();
  await part(ian, 'logged-call').filter({ hasText: 'Cancelled' }).waitFor();
  assert.equal(await part(ian, 'calls-count').count(), 0);
  await done(hana, ian);
});

test('a server that keeps no messages: the page says nothing of them', async () => {
  const quiet = await startTandem({ flags: { ...FLAGS, 'no-chat': true } });
  try {
    const asked = [];
    const [jo, kim] = await Promise.all([open('Jo', quiet.url), open('Kim', quiet.url)]);
    jo.on('request', (r) => asked.push(new URL(r.url()).pathname));
    await part(jo, 'contact-kim').click();
    await part(jo, 'panel-video').waitFor();
    assert.equal(await part(jo, 'tab-chats').count(), 0);
    assert.equal(await part(jo, 'messages').count(), 0);
    await part(jo, 'panel-audio').click();
    await answer(kim, false);
    await connected(jo, kim);
    assert.equal(await part(jo, 'side').count(), 0);
    await part(jo, 'hangup').click();
    await lobby(jo, kim);
    assert.deepEqual(asked.filter((p) => p.startsWith('/api/')), []);
    await done(jo, kim);
  } finally {
    await quiet.stop();
  }
});
