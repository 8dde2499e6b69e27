import { useEffect, useRef, useState } from 'react';
import * as api from './api.js';
import Message from './Message.jsx';
import { useEvent, useSocket } from './SocketContext.jsx';

const RANK = { sent: 0, delivered: 1, seen: 2 };

export default function Chat({ user, other, isTyping, onCall }) {
  const { socket, onlineUsers } = useSocket();
  const [messages, setMessages] = useState(null);
  const [text, setText] = useState('');
  const [replyTo, setReplyTo] = useState(null);
  const [error, setError] = useState('');
  const stopTimer = useRef(null);
  const end = useRef(null);

  useEffect(() => {
    api.getMessages(other._id).then((list) => {
      setMessages(list);
      socket.emit('allmessageSeen', { receiverId: user._id, senderId: other._id });
    }, (err) => setError(err.message));
    return () => clearTimeout(stopTimer.current);
  }, [other._id]);

  useEffect(() => {
    end.current?.scrollIntoView();
  }, [messages?.length, isTyping]);

  const change = (id, f) => setMessages((list) => list?.map((m) => (m._id === id ? f(m) : m)));

  useEvent('newMessage', (message) => {
    if (message.senderId !== other._id) return;
    setMessages((list) => [...(list ?? []), message]);
    socket.emit('messageSeen', { messageId: message._id, senderId: message.senderId });
  });
  useEvent('messageStatusUpdated', ({ messageId, status }) => change(messageId, (m) => ({ ...m, status })));
  useEvent('allmessageStatusUpdated', ({ senderId, receiverId, status }) => {
    if (senderId !== user._id || receiverId !== other._id) return;
    setMessages((list) => list?.map((m) => (m.senderId === user._id && RANK[m.status] < RANK[status] ? { ...m, status } : m)));
  });
  useEvent('reactionUpdated', ({ messageId, reactions }) => change(messageId, (m) => ({ ...m, reactions })));
  useEvent('messageDeleted', (left, userA, userB) => {
    if ([userA, userB].includes(other._id)) setMessages(left);
  });

  function stopTyping() {
    clearTimeout(stopTimer.current);
    socket.emit('stopTyping', { senderId: socket.id, receiverId: other._id });
  }

  function type(e) {
    setText(e.target.value);
    socket.emit('typing', { senderId: socket.id, receiverId: other._id });
    clearTimeout(stopTimer.current);
    stopTimer.current = setTimeout(stopTyping, 1500);
  }

  async function send(e) {
    e.preventDefault();
    stopTyping();
    try {
      const reply = replyTo && { messageId: replyTo._id, message: replyTo.message };
      const message = await api.sendMessage(other._id, { text, media: null, replyTo: reply });
      setMessages((list) => [...list, message]);
      setText('');
      setReplyTo(null);
      setError('');
    } catch (err) {
      setError(err.message);
    }
  }

  const react = (message, emoji) =>
    api.reactTo(message._id, emoji).then(({ reactions }) => change(message._id, (m) => ({ ...m, reactions })), (err) => setError(err.message));
  const remove = (message) =>
    api.deleteMessage(message._id).then(
      () => setMessages((list) => list.filter((m) => m._id !== message._id)),
      (err) => setError(err.message),
    );

  return (
    <main className="chat">
      <header>
        <img src={other.profilePic} alt="" />
        <span>
          <b>{other.fullName}</b>
          <small>{onlineUsers.includes(other._id) ? 'online' : 'offline'}</small>
        </span>
        <button onClick={() => onCall(other, false)}>Voice call</button>
        <button onClick={() => onCall(other, true)}>Video call</button>
      </header>
      <section className="messages">
        {messages?.length === 0 && <p className="empty">No messages yet. Say hello!</p>}
        {messages?.map((m) => (
          <Message key={m._id} message={m} mine={m.senderId === user._id} onReact={react} onReply={setReplyTo} onDelete={remove} />
        ))}
        {isTyping && <p className="typing">{other.fullName} is typing…</p>}
        <div ref={end} />
      </section>
      {error && <p className="error" role="alert">{error}</p>}
      {replyTo && <p className="replying">Reply to “{replyTo.message}”</p>}
      <form onSubmit={send}>
        <input placeholder="Write a message" value={text} onChange={type} />
        <button type="submit">Send</button>
      </form>
    </main>
  );
}
