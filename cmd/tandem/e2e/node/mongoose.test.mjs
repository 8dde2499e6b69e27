// An existing back end with Mongoose and Tandem on the same collections (M5): what
// either writes the other reads.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mongoose from 'mongoose';
import { SECRET, startTandem } from '../lib/server.mjs';
import { join } from '../lib/clients.mjs';
import { eventually } from '../lib/eventually.mjs';
import { startMongo } from '../lib/mongo.mjs';
import { rest } from '../lib/rest.mjs';

const { Schema } = mongoose;
const { ObjectId } = Schema.Types;

// The models as such back ends have them.
const User = mongoose.model('User', new Schema({
  fullName: { type: String, required: true },
  username: { type: String, required: true, unique: true },
  email: String,
  password: { type: String, required: true },
  resetToken: String,
  gender: { type: String, enum: ['male', 'female'] },
  profilePic: { type: String, default: '' },
}, { timestamps: true }));

const Message = mongoose.model('Message', new Schema({
  senderId: { type: ObjectId, ref: 'User', required: true },
  receiverId: { type: ObjectId, ref: 'User', required: true },
  message: { type: String, default: '' },
  media: { type: String, default: null },
  status: { type: String, enum: ['sent', 'delivered', 'seen'], default: 'sent' },
  replyTo: { messageId: { type: ObjectId, ref: 'Message', default: null }, text: { type: String, default: null } },
  reactions: [{ userId: { type: ObjectId, ref: 'User' }, emoji: String }],
}, { timestamps: true }));

const Conversation = mongoose.model('Conversation', new Schema({
  participants: [{ type: ObjectId, ref: 'User' }],
  messages: [{ type: ObjectId, ref: 'Message', default: [] }],
}, { timestamps: true }));

/** What their controllers do. */
async function oldSend(from, to, fields) {
  const conversation = (await Conversation.findOne({ participants: { $all: [from, to] } })) ?? (await Conversation.create({ participants: [from, to] }));
  const message = new Message({ senderId: from, receiverId: to, ...fields });
  conversation.messages.push(message._id);
  await Promise.all([conversation.save(), message.save()]);
  return message;
}

async function oldHistory(a, b) {
  const conversation = await Conversation.findOne({ participants: { $all: [a, b] } }).populate('messages');
  return conversation?.messages ?? [];
}

let mongo;
let server;
before(async () => {
  mongo = await startMongo();
  await mongoose.connect(mongo.uri);
  server = await startTandem({ secret: SECRET, env: { MONGO_DB_URI: mongo.uri } });
});
after(async () => {
  try {
    await server?.stop();
    await mongoose.connection.dropDatabase();
  } finally {
    await mongoose.disconnect();
    await mongo?.stop();
  }
});

let people = 0;

/** Two new users with accounts, as ids. */
async function couple() {
  const make = (fullName) => User.create({ fullName, username: `${fullName}-${++people}`, password: '$2b$10$hidden-hash', resetToken: 'hidden-token', email: `${fullName}@hidden.example`, gender: 'female', profilePic: 'https://pics.example/a.png' });
  const [a, b] = [await make('alice'), await make('bob')];
  return [a.id, b.id];
}

const texts = (list) => list.map((m) => m.message);

describe('M5: Mongoose and Tandem', () => {
  test('M5: what Mongoose wrote is history, conversation and sync', async (t) => {
    const [a, b] = await couple();
    const first = await oldSend(a, b, { message: 'one', reactions: [{ userId: b, emoji: '👍' }] });
    await oldSend(b, a, { message: 'two', media: 'https://media.example/x.png', status: 'seen', replyTo: { messageId: first._id, text: 'one' } });
    const bob = rest(server, b);
    const { status, body } = await bob('GET', `/api/messages/${a}`);
    assert.equal(status, 200);
    assert.deepEqual(texts(body), ['one', 'two']);
    assert.deepEqual({ ...body[0] }, {
      _id: first.id, senderId: a, receiverId: b, message: 'one', media: null, status: 'sent', replyTo: null,
      reactions: [{ userId: b, emoji: '👍' }], createdAt: first.createdAt.toISOString(), updatedAt: first.updatedAt.toISOString(),
    });
    assert.deepEqual(body[1].replyTo, { messageId: first.id, text: 'one' });
    assert.equal(body[1].status, 'seen');
    const c = await join(t, server, 'json', b);
    const sync = await c.ask('message:sync', { since: '' });
    assert.deepEqual(texts(sync.messages), ['one', 'two']);
    await oldSend(a, b, { message: 'three' });
    const more = await c.ask('message:sync', { since: sync.cursor });
    assert.deepEqual(texts(more.messages).filter((x) => x !== 'one'), ['three'], 'what came later, and no second time what was there');
  });

  test('M5: what Tandem wrote Mongoose reads, populates, changes and saves', async (t) => {
    const [a, b] = await couple();
    const old = await oldSend(a, b, { message: 'old' });
    const alice = rest(server, a);
    const sent = await alice('POST', `/api/messages/send/${b}`, { text: 'new', media: 'https://media.example/x.png', replyTo: { messageId: old.id, message: 'forged' } });
    assert.equal(sent.status, 201);
    const doc = await Message.findById(sent.body._id);
    assert.equal(doc.senderId.toString(), a);
    assert.equal(doc.replyTo.messageId.toString(), old.id);
    assert.equal(doc.replyTo.text, 'old');
    assert.equal(doc.media, 'https://media.example/x.png');
    assert.equal(doc.status, 'sent');
    assert.equal(doc.createdAt.toISOString(), sent.body.createdAt);
    assert.equal(await doc.validate(), undefined);
    assert.deepEqual(texts(await oldHistory(a, b)), ['old', 'new']);
    assert.equal(await Conversation.countDocuments({ participants: { $all: [a, b] } }), 1, 'one conversation');
    assert.equal(await Message.countDocuments({ senderId: a, receiverId: b }), 2, 'found by ObjectIds');

    doc.reactions.push({ userId: b, emoji: '❤️' });
    await doc.save();
    await Message.updateMany({ senderId: a, receiverId: b, status: { $ne: 'seen' } }, { $set: { status: 'delivered' } });
    const { body } = await alice('GET', `/api/messages/${b}`);
    assert.deepEqual(body.map((m) => m.status), ['delivered', 'delivered']);
    assert.deepEqual(body[1].reactions, [{ userId: b, emoji: '❤️' }]);

    assert.equal((await rest(server, b)('POST', '/api/messages/react', { messageId: old.id, emoji: '😂' })).status, 200);
    const reacted = await Message.findById(old.id);
    assert.deepEqual(reacted.reactions.map((r) => [r.userId.toString(), r.emoji]), [[b, '😂']]);
    const c = await join(t, server, 'base', b);
    c.send('allmessageSeen', { receiverId: b, senderId: a });
    await eventually('Mongoose sees that all are seen', async () => (await Message.countDocuments({ senderId: a, status: 'seen' })) === 2);

    assert.equal((await alice('DELETE', `/api/messages/${sent.body._id}`)).status, 200);
    assert.equal(await Message.findById(sent.body._id), null);
    assert.deepEqual(texts(await oldHistory(a, b)), ['old']);
    assert.equal((await Conversation.findOne({ participants: { $all: [a, b] } })).messages.length, 1);
  });

  test('M5: two who never talked get a conversation that Mongoose goes on with', async () => {
    const [a, b] = await couple();
    await rest(server, a)('POST', `/api/messages/send/${b}`, { text: 'one' });
    await oldSend(b, a, { message: 'two' });
    await rest(server, a)('POST', `/api/messages/send/${b}`, { text: 'three' });
    assert.deepEqual(texts(await oldHistory(a, b)), ['one', 'two', 'three']);
    assert.equal(await Conversation.countDocuments({ participants: { $all: [a, b] } }), 1);
    const { body } = await rest(server, b)('GET', `/api/messages/${a}`);
    assert.deepEqual(texts(body), ['one', 'two', 'three']);
  });

  test('M5: the second argument of newMessage is the account reduced to an allow-list', async (t) => {
    const [a, b] = await couple();
    const c = await join(t, server, 'base', b);
    await rest(server, a)('POST', `/api/messages/send/${b}`, { text: 'hi' });
    const [, profile] = await c.next('newMessage');
    const { username } = await User.findById(a);
    assert.deepEqual(profile, { _id: a, username, fullName: 'alice', profilePic: 'https://pics.example/a.png', gender: 'female' });
    assert.ok(!JSON.stringify(c.events.map((e) => e.args)).includes('hidden'), 'nothing else of the account came');
  });
});
