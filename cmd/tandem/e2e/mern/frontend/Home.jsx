import { useEffect, useState } from 'react';
import * as api from './api.js';
import CallView from './CallView.jsx';
import Chat from './Chat.jsx';
import Sidebar from './Sidebar.jsx';
import { useEvent, useSocket } from './SocketContext.jsx';
import useCall from './useCall.js';

export default function Home({ user, onLogout }) {
  const { socket } = useSocket();
  const [others, setOthers] = useState([]);
  const [selected, setSelected] = useState(null);
  const [unread, setUnread] = useState({});
  const [typing, setTyping] = useState([]);
  const [toast, setToast] = useState('');
  const call = useCall(user);

  useEffect(() => {
    api.getOthers().then(setOthers);
  }, []);

  // The second argument is who wrote: somebody new comes into the list.
  useEvent('newMessage', (message, sender) => {
    if (message.senderId === selected?._id) return; // Chat has it
    socket.emit('messageDelivered', { messageId: message._id, senderId: message.senderId });
    setUnread((all) => ({ ...all, [message.senderId]: (all[message.senderId] ?? 0) + 1 }));
    setOthers((list) => (list.some((u) => u._id === sender._id) ? list : [...list, sender]));
    const known = others.find((u) => u._id === message.senderId);
    setToast(`${sender.fullName ?? known?.fullName ?? 'Somebody'}: ${message.message}`);
  });
  useEvent('userTyping', (id) => setTyping((list) => (list.includes(id) ? list : [...list, id])));
  useEvent('userStopTyping', (id) => setTyping((list) => list.filter((other) => other !== id)));

  function select(other) {
    setSelected(other);
    setToast('');
    setUnread((all) => ({ ...all, [other._id]: 0 }));
  }

  return (
    <div className="home">
      <Sidebar {...{ user, others, selected, unread, typing, onLogout }} onSelect={select} />
      {selected ? (
        <Chat key={selected._id} user={user} other={selected} isTyping={typing.includes(selected._id)} onCall={call.start} />
      ) : (
        <main className="nobody">Welcome, {user.fullName}. Choose somebody to chat with.</main>
      )}
      {toast && <p className="toast" role="status">{toast}</p>}
      <CallView call={call} />
    </div>
  );
}
