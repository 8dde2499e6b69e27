const TICKS = { sent: '✓', delivered: '✓✓', seen: '✓✓ seen' };

export default function Message({ message, mine, onReact, onReply, onDelete }) {
  const { _id, message: text, replyTo, reactions = [], status, createdAt } = message;
  return (
    <article className={mine ? 'message mine' : 'message'} data-id={_id}>
      {replyTo && <blockquote>{replyTo.text}</blockquote>}
      <p>{text}</p>
      <footer>
        <time dateTime={createdAt}>{new Date(createdAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</time>
        {mine && <span className={`status ${status}`}>{TICKS[status]}</span>}
      </footer>
      {reactions.length > 0 && <div className="reactions">{reactions.map((r) => r.emoji).join(' ')}</div>}
      <nav>
        <button onClick={() => onReact(message, '❤️')} aria-label="Love it">❤️</button>
        <button onClick={() => onReact(message, '👍')} aria-label="Like it">👍</button>
        <button onClick={() => onReply(message)}>Reply</button>
        {mine && <button onClick={() => onDelete(message)}>Delete</button>}
      </nav>
    </article>
  );
}
