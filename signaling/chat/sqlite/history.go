package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Get implements chat.Messages.
func (s *Store) Get(ctx context.Context, id string) (*chat.Message, error) {
	r, err := s.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.message(s.tag)
}

// Sent implements chat.Messages.
func (s *Store) Sent(ctx context.Context, sender, clientID string) (*chat.Message, error) {
	r, err := s.one(ctx, sentMessage, sender, clientID)
	if err != nil {
		return nil, err
	}
	return r.message(s.tag)
}

// get reads a message; ErrNotFound if there is none.
func (s *Store) get(ctx context.Context, id string) (*row, error) {
	// An id that is none is looked for too, so that a store that is closed or
	// damaged says so.
	r, err := s.one(ctx, oneMessage, s.tag.place(id))
	if err == nil && s.tag.name(r.n, r.created) != id {
		return nil, chat.ErrNotFound
	}
	return r, err
}

// one reads the one message that a query gives; ErrNotFound if it gives none.
func (s *Store) one(ctx context.Context, text string, args ...any) (*row, error) {
	var r *row
	err := s.query(ctx, text, func(rows *sql.Rows) error {
		r = new(row)
		return rows.Scan(r.dest()...)
	}, args...)
	if err == nil && r == nil {
		return nil, chat.ErrNotFound
	}
	return r, err
}

// messages runs a query that gives columns.
func (s *Store) messages(ctx context.Context, text string, args ...any) ([]*chat.Message, error) {
	list := []*chat.Message{}
	err := s.query(ctx, text, func(rows *sql.Rows) error {
		var r row
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		m, err := r.message(s.tag)
		list = append(list, m)
		return err
	}, args...)
	return list, err
}

// visible is a condition: the message is not hidden for user ?1.
const visible = `NOT (m.hidden & ((m.sender = ?1) + 2 * (m.receiver = ?1)))`

var (
	oneMessage    = `SELECT ` + columns + ` FROM messages m JOIN pairs p ON p.conv = m.conv WHERE m.n = ?`
	sentMessage   = `SELECT ` + columns + ` FROM messages m JOIN pairs p ON p.conv = m.conv WHERE m.sender = ? AND m.client_id = ?`
	olderMessages = `SELECT ` + columns + ` FROM pairs p CROSS JOIN messages m INDEXED BY messages_conv ON m.conv = p.conv
		WHERE p.a = ?2 AND p.b = ?3 AND m.n < ?4 AND ` + visible + `
		ORDER BY m.n DESC LIMIT ?5`
)

// History implements chat.Messages.
func (s *Store) History(ctx context.Context, user, peer, before string, limit int) ([]*chat.Message, error) {
	from := end
	if before != "" {
		r, err := s.get(ctx, before)
		switch {
		case err != nil && !isNotFound(err):
			return nil, err
		case err != nil || !between(r, user, peer):
			return nil, chat.ErrBadCursor
		}
		from = r.n
	}
	list, err := s.messages(ctx, olderMessages, user, min(user, peer), max(user, peer), from, limit)
	slices.Reverse(list)
	return list, err
}

func between(r *row, user, peer string) bool {
	return r.sender == user && r.receiver == peer || r.sender == peer && r.receiver == user
}
