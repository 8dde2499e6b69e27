import { createContext, useContext, useEffect, useState } from 'react';
import { io } from 'socket.io-client';

const SocketContext = createContext({ socket: null, onlineUsers: [] });
export const useSocket = () => useContext(SocketContext);

export function SocketProvider({ user, children }) {
  const [socket, setSocket] = useState(null);
  const [onlineUsers, setOnlineUsers] = useState([]);

  useEffect(() => {
    const s = io({ query: { userId: user._id }, withCredentials: true });
    s.on('getOnlineUsers', setOnlineUsers);
    s.on('disconnect', () => setOnlineUsers([]));
    setSocket(s);
    return () => s.close();
  }, [user._id]);

  return <SocketContext.Provider value={{ socket, onlineUsers }}>{children}</SocketContext.Provider>;
}

/** Calls handler for an event as long as the component is there. */
export function useEvent(name, handler) {
  const { socket } = useSocket();
  useEffect(() => {
    if (!socket) return undefined;
    socket.on(name, handler);
    return () => socket.off(name, handler);
  });
}
