package sqlite

import (
	"context"
	"database/sql"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// talks lists those with whom user ?1 has messages, and the newest of these that
// meets a condition, newest first, from before place ?2 on, at most ?3. Each
// pair costs one step in an index; sending a message costs this list nothing.
func talks(condition string) string {
	last := `(SELECT m.n FROM messages m WHERE m.conv = p.conv AND ` + condition + ` ORDER BY m.n DESC LIMIT 1)`
	return `SELECT * FROM (
			SELECT p.conv, p.b AS peer, iif(p.a = p.b, p.unread0, p.unread1) AS unread, ` + last + ` AS last FROM pairs p WHERE p.a = ?1
			UNION ALL
			SELECT p.conv, p.a, p.unread0, ` + last + ` FROM pairs p WHERE p.b = ?1 AND p.a <> ?1
		) WHERE last < ?2 ORDER BY last DESC LIMIT ?3`
}

var (
	listTalks = `SELECT t.peer, t.unread, ` + columns + `
		FROM (` + talks(visible) + `) t JOIN messages m ON m.n = t.last JOIN pairs p ON p.conv = m.conv ORDER BY t.last DESC`
	listPartners = talks(`1`)
)

const end = int64(1<<63 - 1)

// Conversations implements chat.Messages.
func (s *Store) Conversations(ctx context.Context, user, cursor string, limit int) ([]chat.Conversation, string, error) {
	before := []int64{end}
	if cursor != "" {
		var err error
		var rest string
		if before, rest, err = chat.Cursors(s.tag).Parse(cursor, chat.TalkCursor, 1); err != nil || rest != "" {
			return nil, "", chat.ErrBadCursor
		}
	}
	list, next, more := []chat.Conversation{}, int64(0), false
	err := s.query(ctx, listTalks, func(rows *sql.Rows) error {
		if more = len(list) == limit; more {
			return nil
		}
		var c chat.Conversation
		var r row
		if err := rows.Scan(append([]any{&c.Peer, &c.Unread}, r.dest()...)...); err != nil {
			return err
		}
		var err error
		c.Last, err = r.message(s.tag)
		list, next = append(list, c), r.n
		return err
	}, user, before[0], limit+1)
	if err != nil || !more {
		return list, "", err
	}
	return list, chat.Cursors(s.tag).Pack(chat.TalkCursor, "", next), nil
}

// Partners implements chat.Messages.
func (s *Store) Partners(ctx context.Context, user string, limit int) ([]string, error) {
	list := []string{}
	err := s.query(ctx, listPartners, func(rows *sql.Rows) error {
		var conv, unread, last int64
		var peer string
		err := rows.Scan(&conv, &peer, &unread, &last)
		list = append(list, peer)
		return err
	}, user, end, limit)
	return list, err
}
