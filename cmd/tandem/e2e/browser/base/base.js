// A front end as chat and video-call apps on Socket.IO and simple-peer have
// them: it knows the events of the base profile and nothing of Tandem.
//
// Query of its address: user (id), server (URL of the socket server, default
// the page's own), trickle=1 (each signal goes out by itself), cookie=1 (the
// session is a cookie of the server's origin).
import { io } from 'socket.io-client';
import SimplePeer from 'simple-peer/simplepeer.min.js';

const query = new URLSearchParams(location.search);
const trickle = query.get('trickle') === '1';
const id = query.get('user');
const me = { _id: id, fullName: `${id[0].toUpperCase()}${id.slice(1)}`, profilePic: '', secret: 'not for others' };
const el = (name) => document.getElementById(name);

const app = {
  status: 'idle', // calling, ringing (here), talking
  other: null, // user id of the call
  onlineUsers: [],
  incoming: null, // as it came, with every signal that came for it
  typing: null,
  notice: '',
  peer: null,
  peerError: '',
  /** Every event that came, for tests: [name, ...arguments]. */
  heard: [],
  /** Names of the events that went out. */
  said: [],
  get pc() {
    return this.peer?._pc;
  },
  call,
  accept,
  reject,
  hangup,
  typingTo: (receiverId) => socket.emit('typing', { senderId: socket.id, receiverId }),
  stopTypingTo: (receiverId) => socket.emit('stopTyping', { senderId: socket.id, receiverId }),
};
window.app = app;
let stream = null;

const socket = io(query.get('server') ?? undefined, {
  query: { userId: id },
  withCredentials: query.get('cookie') === '1',
});
app.socket = socket;
socket.onAny((...event) => app.heard.push(event));
socket.onAnyOutgoing((name) => app.said.push(name));
socket.on('connect', render);
socket.on('disconnect', render);

socket.on('getOnlineUsers', (users) => {
  app.onlineUsers = users;
  render();
});

socket.on('call:incoming', ({ from, signal, callerName, isVideoCall, fromId }) => {
  // One that does not trickle takes a second ring as the first again.
  if (trickle && app.incoming?.fromId === fromId) {
    app.incoming.signals.push(signal);
    if (app.status === 'talking') app.peer?.signal(signal);
    return;
  }
  app.incoming = { from, callerName, isVideoCall, fromId, signals: [signal] };
  if (app.status === 'idle') app.status = 'ringing';
  render();
});

socket.on('call:accepted', (signal) => {
  if (app.status === 'calling') app.status = 'talking';
  app.peer?.signal(signal);
  render();
});

socket.on('call:end', () => leave('ended'));
socket.on('call:rejected', () => leave('rejected'));
socket.on('call:unavailable', ({ reason }) => leave(reason));

socket.on('userTyping', (user) => {
  app.typing = user;
  render();
});
socket.on('userStopTyping', () => {
  app.typing = null;
  render();
});

async function media(video) {
  stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
  el('mine').srcObject = stream;
  return stream;
}

function makePeer(options, onSignal) {
  const peer = new SimplePeer({ trickle, stream, ...options });
  peer.on('signal', onSignal);
  peer.on('stream', (remote) => {
    el('theirs').srcObject = remote;
  });
  peer.on('error', (err) => {
    if (app.peer !== peer) return;
    app.peerError = String(err.message ?? err);
    if (app.other) socket.emit('call:rejected', { to: app.other, from: me._id });
    leave('failed');
  });
  app.peer = peer;
}

async function call(to, isVideoCall) {
  app.other = to;
  app.status = 'calling';
  app.notice = '';
  await media(isVideoCall);
  makePeer({ initiator: true }, (signal) => {
    socket.emit('call:user', { to, signal, from: me, fromId: me._id, callerName: me.fullName, isVideoCall });
  });
  render();
}

async function accept() {
  const { fromId, signals, isVideoCall } = app.incoming;
  await media(isVideoCall);
  app.peer?.destroy(); // its own call, if it was calling meanwhile
  app.peer = null;
  app.other = fromId;
  app.status = 'talking';
  makePeer({ initiator: false }, (signal) => socket.emit('call:answer', { to: fromId, signal }));
  for (const signal of signals) app.peer.signal(signal);
  render();
}

function reject() {
  socket.emit('call:rejected', { to: app.incoming.fromId, from: me._id });
  leave('');
}

function hangup() {
  socket.emit('call:end', { to: app.other, from: me._id });
  leave('');
}

function leave(notice) {
  const { peer } = app;
  app.peer = app.incoming = app.other = null;
  app.status = 'idle';
  app.notice = notice;
  peer?.destroy();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  el('mine').srcObject = el('theirs').srcObject = null;
  render();
}

function render() {
  el('me').textContent = me.fullName;
  el('status').textContent = `${socket.connected ? 'connected' : 'away'}, ${app.status}`;
  el('online').replaceChildren(
    ...app.onlineUsers.map((user) => Object.assign(document.createElement('li'), { textContent: user })),
  );
  el('typing').textContent = app.typing ? `${app.typing} is typing` : '';
  el('notice').textContent = app.notice;
  el('caller').textContent = app.incoming ? `${app.incoming.callerName} calls` : '';
  el('dialog').hidden = !app.incoming || app.status === 'talking';
}

el('accept').onclick = accept;
el('reject').onclick = reject;
el('hangup').onclick = hangup;
render();
