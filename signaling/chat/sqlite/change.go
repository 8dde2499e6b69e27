package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func isNotFound(err error) bool { return errors.Is(err, chat.ErrNotFound) }

// Mark implements chat.Messages.
func (s *Store) Mark(ctx context.Context, reader, id string, to chat.Status) (m *chat.Message, rose bool, err error) {
	name := parseID(id)
	err = s.do(ctx, func(b *batch) error {
		m, rose, err = b.mark(name, reader, to)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return m, rose, nil
}

var raiseStatus = `UPDATE messages SET status = ?2, seq = ?1 WHERE id = ?3 AND receiver = ?4 AND status < ?2
	RETURNING ` + strings.ReplaceAll(columns, "m.", "")

func (b *batch) mark(id []byte, reader string, to chat.Status) (*chat.Message, bool, error) {
	var r row
	err := b.row(raiseStatus, []any{b.next(), int64(to) + statusBase, id, reader}, r.dest()...)
	if err == nil {
		m, err := r.message()
		return m, err == nil, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, false, err
	}
	m, err := b.message(`m.id = ? AND m.receiver = ?`, id, reader)
	return m, false, err
}

const raiseAll = `UPDATE messages INDEXED BY messages_unread SET status = 4
	WHERE conv = (SELECT conv FROM pairs WHERE a = ?1 AND b = ?2) AND dir = ?3 AND status < 4`

// MarkAll implements chat.Messages.
func (s *Store) MarkAll(ctx context.Context, reader, author string) (n int, err error) {
	err = s.do(ctx, func(b *batch) error {
		rose, err := b.exec(raiseAll, min(reader, author), max(reader, author), author > reader)
		if n = int(rose); err != nil || n == 0 {
			return err
		}
		seq := b.next()
		for _, user := range slices.Compact([]string{author, reader}) {
			if _, err := b.exec(`INSERT INTO seen (user, author, reader, seq, until) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET seq = excluded.seq, until = excluded.until`, user, author, reader, seq, b.now); err != nil {
				return err
			}
		}
		b.now++ // what comes after is later
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Update implements chat.Messages. The rule runs here, not on the writer's
// goroutine; the writer changes the message only if nobody else has meanwhile.
func (s *Store) Update(ctx context.Context, id string, change func(*chat.Message) (bool, error)) (*chat.Message, bool, error) {
	for {
		r, err := s.get(ctx, id)
		if err != nil {
			return nil, false, err
		}
		was, err := r.message()
		if err != nil {
			return nil, false, err
		}
		next := was.Clone()
		changed, err := change(next)
		if err != nil || !changed {
			return was, false, err
		}
		m, err := s.replace(ctx, r, was, next)
		if !errors.Is(err, errLost) {
			return m, err == nil, err
		}
	}
}

// errLost: somebody else has changed it meanwhile.
var errLost = errors.New("chat/sqlite: the message has changed")

func (s *Store) replace(ctx context.Context, r *row, was, next *chat.Message) (m *chat.Message, err error) {
	reactions, err := packReactions(next.Reactions)
	if err != nil {
		return nil, err
	}
	edits, err := packEdits(next.Edits)
	if err != nil {
		return nil, err
	}
	hidden := hiddenBits(next)
	content := hidden == r.hidden || next.Text != was.Text || next.Media != was.Media ||
		!slices.Equal(next.Reactions, was.Reactions) || !slices.Equal(next.Edits, was.Edits)
	err = s.do(ctx, func(b *batch) error {
		n, err := b.exec(`UPDATE messages SET rev = rev + 1, updated = ?3, text = ?4, media = ?5, reactions = ?6, edits = ?7, hidden = ?8,
				content = iif(?9, ?10, content), seq = iif(?9, ?10, seq)
			WHERE id = ?1 AND rev = ?2`,
			r.id, r.rev, b.now, next.Text, next.Media, reactions, edits, hidden, content, b.next())
		if err != nil {
			return err
		}
		if n == 0 {
			return errLost
		}
		// Whom it is hidden from hears of that, and of nothing after.
		for bit, user := range map[int64]string{hiddenSender: r.sender, hiddenReceiver: r.receiver} {
			if hidden&^r.hidden&bit == 0 {
				continue
			}
			if err := b.bury(r.id, user); err != nil {
				return err
			}
		}
		m, err = b.message(`m.id = ?`, r.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Remove implements chat.Messages.
func (s *Store) Remove(ctx context.Context, id string, allow func(*chat.Message) error) (*chat.Message, error) {
	for {
		r, err := s.get(ctx, id)
		if err != nil {
			return nil, err
		}
		m, err := r.message()
		if err != nil {
			return nil, err
		}
		if err := allow(m.Clone()); err != nil {
			return nil, err
		}
		err = s.do(ctx, func(b *batch) error {
			n, err := b.exec(`DELETE FROM messages WHERE id = ? AND rev = ? AND status = ?`, r.id, r.rev, r.status)
			if err != nil {
				return err
			}
			if n == 0 {
				return errLost
			}
			return b.bury(r.id, r.sender, r.receiver)
		})
		if !errors.Is(err, errLost) {
			return m, err
		}
	}
}

// bury leaves word for users' devices that a message is no more.
func (b *batch) bury(id []byte, users ...string) error {
	seq := b.next()
	for _, user := range slices.Compact(users) {
		if _, err := b.exec(`INSERT INTO gone (user, seq, id, at) VALUES (?, ?, ?, ?)`, user, seq, id, b.now); err != nil {
			return err
		}
	}
	return nil
}
