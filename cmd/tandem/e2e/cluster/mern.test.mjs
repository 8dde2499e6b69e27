// An app as MERN apps are written, unchanged, with Tandem in front of its back end
// (1.1, 1.3, M5, M6): accounts, pages and everything else stay where they were.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import mongoose from 'mongoose';
import { atEnd } from '../lib/atend.mjs';
import { BASE_EVENTS } from '../browser/base.mjs';
import { closePages, eventually, launchBrowser, mediaFlows } from '../lib/browser.mjs';
import * as person from '../mern/person.mjs';
import { startSite } from '../mern/site.mjs';

const { bubble, dialog, entry, noCall, notice, open, openApp, press, reads, says, send, shows, signUp, status, talk, write } = person;
const shots = process.env.SHOTS ?? path.join(tmpdir(), 'tandem-shots');

/** What the profile of an author may have in it (M5, I2). */
const PROFILE = ['_id', 'fullName', 'gender', 'profilePic', 'username'];

test('1.1 1.3 M5 M6: an unmodified MERN app, on two nodes', async (t) => {
  const site = await startSite(t);
  const browser = await launchBrowser();
  atEnd(t, () => browser.close());
  const [one, two] = [site.doors[0], site.doors.at(-1)];
  const shot = (page, name) => page.screenshot({ path: path.join(shots, `mern-${name}.png`), animations: 'disabled' });
  mkdirSync(shots, { recursive: true });
  const [anna, ben] = await Promise.all([openApp(browser, one), openApp(browser, two)]);

  // Each step begins where the one before ended.
  let failed;
  const step = (name, f) =>
    t.test(name, async () => {
      assert.equal(failed, undefined, 'a step before failed');
      await f().catch(async (err) => {
        failed = name;
        err.message += `\n${[...anna.troubles, ...ben.troubles].join('\n')}`;
        await Promise.all([anna, ben].filter((p) => !p.isClosed()).map((p) => shot(p, `failed-${p.user}`)));
        throw err;
      });
    });

  await step('accounts are the back end’s; who has none is refused', async () => {
    assert.equal((await anna.request.get(`${one}/api/messages/0123456789abcdef01234567`)).status(), 401);
    await signUp(anna, 'Anna Adler');
    await signUp(ben, 'Ben Berg');
    await anna.reload(); // Ben was not there when the list was made
    await Promise.all([says(anna, 'ben', 'online'), says(ben, 'anna', 'online')]);
  });

  await step('a conversation that is empty', async () => {
    await open(anna, 'ben');
    await anna.getByText('No messages yet').waitFor();
    await shot(anna, 'empty');
  });

  await step('typing shows, and stops', async () => {
    await write(anna, 'hel');
    await says(ben, 'anna', 'typing…');
    await says(ben, 'anna', 'online');
  });

  await step('M2: a message is delivered, then seen, and the author is told', async () => {
    await send(anna, 'hello Ben');
    await status(anna, 'hello Ben', 'delivered');
    await entry(ben, 'anna').locator('.unread', { hasText: '1' }).waitFor();
    await shot(ben, 'unread');
    await open(ben, 'anna');
    await reads(ben, 'hello Ben');
    await status(anna, 'hello Ben', 'seen');
    await send(ben, 'hello Anna');
    await status(ben, 'hello Anna', 'seen');
    await write(ben, 'there is ');
    await anna.getByText('Ben Berg is typing…').waitFor();
    await shot(anna, 'typing');
  });

  await step('reactions are put there, replaced and taken back', async () => {
    const [hers, his] = [bubble(anna, 'hello Anna'), bubble(ben, 'hello Anna')];
    await hers.getByRole('button', { name: 'Love it' }).click();
    await his.locator('.reactions', { hasText: '❤️' }).waitFor();
    await hers.getByRole('button', { name: 'Like it' }).click();
    await his.locator('.reactions', { hasText: /^👍$/ }).waitFor();
    await hers.getByRole('button', { name: 'Like it' }).click();
    await his.locator('.reactions').waitFor({ state: 'detached' });
    await his.getByRole('button', { name: 'Love it' }).click();
    await hers.locator('.reactions', { hasText: /^❤️$/ }).waitFor();
  });

  await step('a reply, and a deletion that both see', async () => {
    await bubble(ben, 'hello Ben').getByRole('button', { name: 'Reply' }).click();
    await send(ben, 'a reply');
    await bubble(anna, 'a reply').locator('blockquote', { hasText: 'hello Ben' }).waitFor();
    await send(anna, 'a slip');
    await reads(ben, 'a slip');
    await bubble(anna, 'a slip').getByRole('button', { name: 'Delete' }).click();
    for (const p of [anna, ben]) await shows(p, ['hello Ben', 'hello Anna', 'a reply']);
    await anna.getByRole('button', { name: 'Send' }).click(); // of nothing
    await anna.locator('.chat .error').waitFor();
  });

  await step('after a reload everything is there', async () => {
    await anna.reload();
    await says(anna, 'ben', 'online');
    await open(anna, 'ben');
    await shows(anna, ['hello Ben', 'hello Anna', 'a reply']);
    await status(anna, 'hello Ben', 'seen');
    await bubble(anna, 'hello Anna').locator('.reactions', { hasText: '❤️' }).waitFor();
    await shot(anna, 'history');
  });

  await step('a second tab hears the same, and a call rings in both', async () => {
    const tab = await person.newTab(anna, two);
    await open(tab, 'ben');
    await shows(tab, ['hello Ben', 'hello Anna', 'a reply']);
    await send(ben, 'to both tabs');
    await Promise.all([reads(anna, 'to both tabs'), reads(tab, 'to both tabs')]);
    await press(ben, 'Voice call');
    await Promise.all([anna, tab].map((p) => dialog(p, 'ringing').waitFor()));
    await press(tab, 'Accept');
    await Promise.all([tab, ben].map((p) => dialog(p, 'talking').waitFor()));
    await noCall(anna);
    await mediaFlows([tab, ben], { frames: 0 });
    await press(tab, 'Hang up');
    await Promise.all([noCall(tab), noCall(ben)]);
    await tab.close();
    await says(ben, 'anna', 'online');
  });

  await step('a video call has picture and sound both ways', async () => {
    await talk(anna, ben);
    await mediaFlows([anna, ben]);
    await shot(anna, 'call');
  });

  await step('who is in a call is busy', async () => {
    const carla = await openApp(browser, two);
    await signUp(carla, 'Carla Conti');
    await open(carla, 'anna');
    await press(carla, 'Video call');
    await notice(carla, 'User is currently on another call');
    await shot(carla, 'busy');
    await mediaFlows([anna, ben]);
    await press(ben, 'Hang up');
    await Promise.all([noCall(anna), noCall(ben)]);
    // Its peer connection may hear of it first.
    await notice(anna, /The call has ended|The connection failed/);

    // Somebody new writes: with the profile that comes with the message.
    await send(carla, 'I tried to call');
    await entry(anna, 'carla').locator('.unread', { hasText: '1' }).waitFor();
    await status(carla, 'I tried to call', 'delivered');
    await closePages(carla);
    await says(anna, 'carla', 'offline');
  });

  await step('M5: the profile comes from the accounts, and nothing else of them', async () => {
    const [, message, profile] = anna.heard.find(([name, m]) => name === 'newMessage' && m.message === 'I tried to call');
    assert.deepEqual(Object.keys(profile).sort(), PROFILE);
    assert.deepEqual([profile.fullName, profile._id], ['Carla Conti', message.senderId]);
    await eventually('the picture is there', () => entry(anna, 'carla').locator('img').evaluate((img) => img.naturalWidth > 0));
  });

  await step('M5: a program with Mongoose reads the same messages', async () => {
    const db = await mongoose.createConnection(site.uri).asPromise();
    const id = { type: mongoose.Schema.Types.ObjectId, ref: 'User' };
    const Message = db.model('Message', { senderId: id, receiverId: id, message: String, status: String, reactions: [{ userId: id, emoji: String }] });
    const Conversation = db.model('Conversation', { participants: [id], messages: [{ type: mongoose.Schema.Types.ObjectId, ref: 'Message' }] });
    const found = await Message.findOne({ message: 'hello Anna' });
    assert.equal(found.status, 'seen');
    assert.deepEqual(found.reactions.map((r) => [String(r.userId), r.emoji]), [[String(found.senderId), '❤️']]);
    const talk = await Conversation.findOne({ participants: { $all: [found.senderId, found.receiverId] } }).populate('messages');
    assert.deepEqual(talk.messages.map((m) => m.message), ['hello Ben', 'hello Anna', 'a reply', 'to both tabs']);
    await db.close();
  });

  await step('a call that is declined', async () => {
    await press(ben, 'Video call');
    await dialog(anna, 'ringing').waitFor();
    await shot(anna, 'ringing');
    await press(anna, 'Decline');
    await notice(ben, 'The call was declined');
    await noCall(ben);
  });

  await step('a closed tab shows as offline; what was written meanwhile is there later', async () => {
    await closePages(ben);
    await says(anna, 'ben', 'offline');
    await press(anna, 'Video call');
    await notice(anna, 'User is offline');
    await send(anna, 'while you were away');
    await status(anna, 'while you were away', 'sent');
    const again = await openApp(browser, two);
    await person.logIn(again, 'Ben Berg');
    await says(anna, 'ben', 'online');
    await open(again, 'anna');
    await reads(again, 'while you were away');
    await status(anna, 'while you were away', 'seen');
  });

  await step('1.1: nothing of it is ours, and nothing but the base profile was heard', async () => {
    assert.ok(anna.heard.length > 10 && ben.heard.length > 10, 'the sockets were not listened to');
    const names = [...anna.heard, ...ben.heard].map(([name]) => name);
    assert.deepEqual(names.filter((n) => !BASE_EVENTS.has(n)), []);
    assert.ok(site.sources.length > 12);
    for (const f of site.sources) assert.doesNotMatch(readFileSync(f, 'utf8'), /tandem/i, f);
    const own = /^(react|react-dom|scheduler|simple-peer|socket\.io-.*|@socket\.io\/.*|engine\.io-.*|debug|ms)$/;
    assert.deepEqual([...site.packages].filter((p) => !own.test(p)), []);
    // What Tandem has taken over did not reach the back end, and all the rest did.
    await eventually('the back end has been asked', () => site.requests.includes('POST /api/auth/login'));
    assert.deepEqual(site.requests.filter((r) => /messages|socket\.io/.test(r)), []);
    assert.deepEqual(anna.troubles, []);
    assert.deepEqual(ben.troubles, []);
  });
});
