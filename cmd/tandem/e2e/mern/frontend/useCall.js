import SimplePeer from 'simple-peer/simplepeer.min.js';
import { useRef, useState } from 'react';
import { useEvent, useSocket } from './SocketContext.jsx';

const IDLE = { state: 'idle', notice: '' };

/** One call at a time: idle, calling, ringing or talking. */
export default function useCall(me) {
  const { socket } = useSocket();
  const [call, setCall] = useState(IDLE);
  const peer = useRef(null);
  const stream = useRef(null);

  function leave(notice = '') {
    peer.current?.destroy();
    peer.current = null;
    stream.current?.getTracks().forEach((track) => track.stop());
    stream.current = null;
    setCall({ ...IDLE, notice });
  }

  async function connect(other, isVideoCall, initiator, onSignal) {
    stream.current = await navigator.mediaDevices.getUserMedia({ audio: true, video: isVideoCall });
    const p = new SimplePeer({ initiator, trickle: false, stream: stream.current });
    p.on('signal', onSignal);
    p.on('stream', (remote) => setCall((c) => ({ ...c, remote })));
    p.on('error', () => {
      if (peer.current !== p) return;
      socket.emit('call:rejected', { to: other._id, from: me._id });
      leave('The connection failed');
    });
    peer.current = p;
    setCall((c) => ({ ...c, mine: stream.current }));
    return p;
  }

  function start(other, isVideoCall) {
    setCall({ state: 'calling', other, isVideoCall, notice: '' });
    connect(other, isVideoCall, true, (signal) => {
      socket.emit('call:user', { to: other._id, signal, from: me, fromId: me._id, callerName: me.fullName, isVideoCall });
    });
  }

  async function accept() {
    const { other, signal, isVideoCall } = call;
    setCall((c) => ({ ...c, state: 'talking' }));
    const p = await connect(other, isVideoCall, false, (answer) => {
      socket.emit('call:answer', { to: other._id, signal: answer, from: me._id });
    });
    p.signal(signal);
  }

  function decline() {
    socket.emit('call:rejected', { to: call.other._id, from: me._id });
    leave();
  }

  function hangUp() {
    socket.emit('call:end', { to: call.other._id, from: me._id });
    leave();
  }

  useEvent('call:incoming', ({ from, signal, callerName, isVideoCall, fromId }) => {
    setCall({ state: 'ringing', other: { ...from, _id: fromId, fullName: callerName }, signal, isVideoCall, notice: '' });
  });
  useEvent('call:accepted', (signal) => {
    setCall((c) => ({ ...c, state: 'talking' }));
    peer.current?.signal(signal);
  });
  useEvent('call:end', () => leave('The call has ended'));
  useEvent('call:rejected', () => leave('The call was declined'));
  useEvent('call:unavailable', ({ reason }) => leave(reason));

  return { ...call, start, accept, decline, hangUp, dismiss: () => setCall(IDLE) };
}
