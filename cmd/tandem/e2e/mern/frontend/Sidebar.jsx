import { useSocket } from './SocketContext.jsx';

export default function Sidebar({ user, others, selected, unread, typing, onSelect, onLogout }) {
  const { onlineUsers } = useSocket();

  return (
    <aside className="sidebar">
      <header>
        <img src={user.profilePic} alt="" />
        <b>{user.fullName}</b>
        <button className="link" onClick={onLogout}>Log out</button>
      </header>
      <ul>
        {others.map((other) => (
          <li key={other._id}>
            <button
              data-user={other.username}
              className={`person ${other._id === selected?._id ? 'selected' : ''}`}
              onClick={() => onSelect(other)}
            >
              <img src={other.profilePic} alt="" />
              <span>
                <b>{other.fullName}</b>
                <small>
                  {typing.includes(other._id) ? 'typing…' : onlineUsers.includes(other._id) ? 'online' : 'offline'}
                </small>
              </span>
              {unread[other._id] > 0 && <em className="unread">{unread[other._id]}</em>}
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}
