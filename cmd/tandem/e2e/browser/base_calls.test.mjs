// What becomes of calls between front ends of the base profile that do not
// simply go well: every ending, and what networks and people do to a call.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closePages, eventually, launchBrowser, leaveAll, mediaFlows } from '../lib/browser.mjs';
import { Proxy, startTandem } from '../lib/server.mjs';
import { accept, BASE_EVENTS, count, dial, heard, names, openBase, sees, startSite, status } from './base.mjs';
import { FLAGS } from './flags.mjs';

let browser, site, server;

before(async () => {
  [browser, site] = await Promise.all([launchBrowser(), startSite()]);
  server = await startTandem({ flags: FLAGS, env: { FRONTEND_URL: site.origin } });
});
// Also after a failure: nobody of one test is online in the next.
afterEach(() => leaveAll(browser));
after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

const open = (user, options) => openBase(browser, user, { at: site.origin, server: server.url, ...options });

/** Opens a page for each user, all of which see each other. */
async function people(...users) {
  const pages = await Promise.all(users.map((u) => open(u)));
  await Promise.all(pages.flatMap((p) => users.map((u) => sees(p, u))));
  return pages;
}

/** Nothing but the base profile was heard, nothing was thrown; then all leave. */
async function done(...pages) {
  for (const page of pages) {
    assert.deepEqual((await names(page)).filter((e) => !BASE_EVENTS.has(e)), [], `${page.user} heard what is not of the base profile`);
    assert.deepEqual(page.troubles, []);
  }
  await closePages(...pages);
}

/** Neither of the two is left busy: another call goes through. */
async function canCall(caller, callee) {
  const before = await count(callee);
  await dial(caller, callee.user, false);
  await heard(callee, 'call:incoming', before);
  const then = await count(callee);
  await caller.evaluate(() => window.app.hangup());
  await heard(callee, 'call:end', then);
  await status(callee, 'idle');
}

test('C3 C4: declining ends the call for the caller, and nobody stays busy', async () => {
  const [anna, ben] = await people('anna', 'ben');
  await dial(anna, 'ben');
  await heard(ben, 'call:incoming');
  await ben.click('#reject');
  await heard(anna, 'call:rejected');
  await status(anna, 'idle');
  await canCall(anna, ben);
  await canCall(ben, anna);
  await done(anna, ben);
});

test('C7: cancelling silences the callee', async () => {
  const [anna, ben] = await people('anna', 'ben');
  await dial(anna, 'ben');
  await heard(ben, 'call:incoming');
  await anna.click('#hangup');
  await heard(ben, 'call:end');
  await status(ben, 'idle');
  await canCall(ben, anna);
  await done(anna, ben);
});

test('C4: a busy callee: only the asking device is told, with the sentence of the base profile', async () => {
  const [anna, ben, cora] = await people('anna', 'ben', 'cora');
  await dial(anna, 'ben');
  await accept(ben, anna);
  const mark = await count(ben);
  await dial(cora, 'ben');
  const [told] = await heard(cora, 'call:unavailable');
  assert.equal(told.reason, 'User is currently on another call');
  assert.equal(told.code, 'busy');
  await status(cora, 'idle');
  assert.equal(await cora.locator('#notice').textContent(), 'User is currently on another call');
  await mediaFlows([anna, ben]);
  assert.deepEqual(await names(ben, mark), [], 'the call went on undisturbed');
  await done(anna, ben, cora);
});

test('C5: a callee who is offline', async () => {
  const [anna] = await people('anna');
  await dial(anna, 'nobody-here');
  const [told] = await heard(anna, 'call:unavailable');
  assert.equal(told.code, 'offline');
  await status(anna, 'idle');
  await done(anna);
});

test('C6: no answer within the ring timeout', async () => {
  const impatient = await startTandem({ flags: { ...FLAGS, 'ring-timeout': '2s' }, env: { FRONTEND_URL: site.origin } });
  try {
    const [anna, ben] = await Promise.all(['anna', 'ben'].map((u) => open(u, { server: impatient.url })));
    await sees(anna, 'ben');
    await dial(anna, 'ben');
    await heard(ben, 'call:incoming');
    const [told] = await heard(anna, 'call:unavailable');
    assert.equal(told.code, 'no_answer');
    const [end] = await heard(ben, 'call:end');
    assert.equal(end.reason, 'no_answer');
    await Promise.all([status(anna, 'idle'), status(ben, 'idle')]);
    await canCall(ben, anna);
    await done(anna, ben);
  } finally {
    await impatient.stop();
  }
});

for (const trickle of [false, true]) {
  test(`C8: both press call in the same moment: one call, no call:end, media after one Accept (trickle:${trickle})`, async () => {
    const [anna, ben] = await Promise.all(['anna', 'ben'].map((u) => open(u, { trickle })));
    await Promise.all([sees(anna, 'ben'), sees(ben, 'anna')]);
    await Promise.all([dial(anna, 'ben'), dial(ben, 'anna')]);
    await Promise.all([anna, ben].map((p) => p.waitForFunction(() => window.app.said.includes('call:user'))));
    const loser = await eventually('one of the two is shown the call of the other', async () => {
      for (const page of [anna, ben]) if (await page.locator('#dialog').isVisible()) return page;
      return undefined;
    });
    const winner = loser === anna ? ben : anna;
    await loser.click('#accept');
    try {
      await status(winner, 'talking');
      await mediaFlows([anna, ben]);
    } catch (err) {
      const story = (p) => p.evaluate(() => ({ said: app.said, heard: app.heard.map(([e]) => e), error: app.peerError }));
      throw new Error(`${err.message}; loser: ${JSON.stringify(await story(loser))}; winner: ${JSON.stringify(await story(winner))}`, { cause: err });
    }
    for (const page of [anna, ben]) {
      const ends = (await names(page)).filter((e) => /call:(end|unavailable|rejected)/.test(e));
      assert.deepEqual(ends, [], `${page.user}: glare must not clear a dialog`);
    }
    assert.ok(!(await names(winner)).includes('call:incoming'), 'the winner is not rung');
    await anna.click('#hangup');
    await heard(ben, 'call:end');
    await done(anna, ben);
  });
}

test('C9 C10: reloading in a call ends it for the other, and both can call again', async () => {
  const [anna, ben] = await people('anna', 'ben');
  await dial(anna, 'ben');
  await accept(ben, anna);
  await mediaFlows([anna, ben]);
  await anna.reload();
  await heard(ben, 'call:end');
  await status(ben, 'idle');
  await Promise.all([sees(anna, 'ben'), sees(ben, 'anna')]);
  await dial(anna, 'ben');
  await accept(ben, anna);
  await mediaFlows([anna, ben]);
  await done(anna, ben);
});

test('C9: closing the tab in a call ends it for the other', async () => {
  const [anna, ben] = await people('anna', 'ben');
  await dial(anna, 'ben');
  await accept(ben, anna);
  await mediaFlows([anna, ben]);
  await closePages(anna);
  await heard(ben, 'call:end');
  await status(ben, 'idle');
  await eventually('anna is offline', () => ben.evaluate(() => !window.app.onlineUsers.includes('anna')));
  await done(ben);
});

test('C9: closing the tab while it rings silences the callee', async () => {
  const [anna, ben] = await people('anna', 'ben');
  await dial(anna, 'ben');
  await heard(ben, 'call:incoming');
  await closePages(anna);
  await heard(ben, 'call:end');
  await status(ben, 'idle');
  await done(ben);
});

test('C9: a cut network: media goes on, the socket returns and the call can still be ended', async () => {
  const line = await Proxy.to(server);
  try {
    const [anna, ben] = await Promise.all([open('anna', { server: line.url }), open('ben')]);
    await Promise.all([sees(anna, 'ben'), sees(ben, 'anna')]);
    await dial(anna, 'ben');
    await accept(ben, anna);
    await mediaFlows([anna, ben]);
    line.block();
    line.reset();
    await anna.waitForFunction(() => !window.app.socket.connected);
    await mediaFlows([anna, ben]);
    line.unblock();
    await anna.waitForFunction(() => window.app.socket.connected);
    await mediaFlows([anna, ben]);
    assert.deepEqual((await names(ben)).filter((e) => e === 'call:end'), []);
    await ben.click('#hangup');
    await heard(anna, 'call:end');
    await status(anna, 'idle');
    await done(anna, ben);
  } finally {
    await line.close();
  }
});

test('C9: a network that stays away: the other hears call:end when the window is over', async () => {
  const hasty = await startTandem({ flags: { ...FLAGS, 'resume-window': '1500ms' }, env: { FRONTEND_URL: site.origin } });
  const line = await Proxy.to(hasty);
  try {
    const [anna, ben] = await Promise.all([open('anna', { server: line.url }), open('ben', { server: hasty.url })]);
    await sees(anna, 'ben');
    await dial(anna, 'ben');
    await accept(ben, anna);
    line.block();
    line.reset();
    const [end] = await heard(ben, 'call:end');
    assert.equal(end.reason, 'lost');
    await status(ben, 'idle');
    await done(ben);
    await closePages(anna);
  } finally {
    await line.close();
    await hasty.stop();
  }
});

test('C2 C3: a second tab of the callee rings too and falls silent when the first answers', async () => {
  const [anna, ben, ben2] = await Promise.all([open('anna'), open('ben'), open('ben')]);
  await sees(anna, 'ben');
  await dial(anna, 'ben');
  await Promise.all([heard(ben, 'call:incoming'), heard(ben2, 'call:incoming')]);
  await accept(ben, anna);
  const [end] = await heard(ben2, 'call:end');
  assert.equal(end.reason, 'answered_elsewhere');
  await status(ben2, 'idle');
  await mediaFlows([anna, ben]);
  assert.deepEqual((await names(ben)).filter((e) => e === 'call:end'), []);
  await done(anna, ben, ben2);
});

test('M4: typing shows, stops, and stops by itself', async () => {
  const [anna, ben] = await people('anna', 'ben');
  const line = ben.locator('#typing');
  const says = (text) => eventually(`ben is shown "${text}"`, async () => (await line.textContent()) === text);
  await anna.evaluate(() => window.app.typingTo('ben'));
  await says('anna is typing');
  assert.deepEqual((await heard(ben, 'userTyping'))[0], 'anna');
  await anna.evaluate(() => window.app.stopTypingTo('ben'));
  await says('');
  await anna.evaluate(() => window.app.typingTo('ben'));
  await says('anna is typing');
  await says(''); // nobody said so
  await done(anna, ben);
});
