import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import * as api from './api.js';
import AuthPage from './AuthPage.jsx';
import Home from './Home.jsx';
import { SocketProvider } from './SocketContext.jsx';
import './style.css';

function App() {
  const [user, setUser] = useState(undefined); // null: nobody

  useEffect(() => {
    api.me().then(setUser, () => setUser(null));
  }, []);

  if (user === undefined) return <p className="loading">Loading…</p>;
  if (user === null) return <AuthPage onUser={setUser} />;
  return (
    <SocketProvider user={user}>
      <Home user={user} onLogout={() => api.logout().then(() => setUser(null))} />
    </SocketProvider>
  );
}

createRoot(document.getElementById('root')).render(<App />);
