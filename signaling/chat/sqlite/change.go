package sqlite

import (
	"context"
	"errors"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func isNotFound(err error) bool { return errors.Is(err, chat.ErrNotFound) }

// Mark implements chat.Messages.
func (s *Store) Mark(ctx context.Context, reader, id string, to chat.Status) (m *chat.Message, rose bool, err error) {
	err = s.do(ctx, func(b *batch) error {
		m, rose, err = b.mark(id, reader, to)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return m, rose, nil
}

// MarkDelivered implements chat.Messages.
func (s *Store) MarkDelivered(ctx context.Context, reader string, ids []string) (rose []*chat.Message, err error) {
	err = s.doMany(ctx, len(ids), func(b *batch) error {
		rose = nil
		for _, id := range ids {
			m, higher, err := b.mark(id, reader, chat.Delivered)
			if err != nil && !isNotFound(err) {
				return err
			}
			if higher {
				rose = append(rose, m)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rose, nil
}

const raiseStatus = `UPDATE messages SET status = ?, seq = ? WHERE n = ?`

func (b *batch) mark(id, reader string, to chat.Status) (*chat.Message, bool, error) {
	r, err := b.stored(b.w.tag.place(id))
	if err == nil && (r.receiver != reader || b.w.tag.name(r.n, r.created) != id) {
		err = chat.ErrNotFound
	}
	if err != nil {
		return nil, false, err
	}
	who, p, err := b.pairOf(r)
	if err != nil {
		return nil, false, err
	}
	rose := p.status(r) < to
	if rose {
		status, seq := int64(to)+statusBase, b.next()
		if _, err := b.exec(raiseStatus, status, seq, r.n); err != nil {
			return nil, false, err
		}
		r.status, r.seq = status, seq
		if to == chat.Seen {
			p.way[r.dir].count(r.hidden, -1)
			b.touch(who, p)
		}
	}
	m, err := b.message(r, p)
	return m, rose && err == nil, err
}

// MarkAll implements chat.Messages. It costs the same whatever the number.
func (s *Store) MarkAll(ctx context.Context, reader, author string) (n int, err error) {
	err = s.do(ctx, func(b *batch) error {
		n = 0
		who := namesOf(reader, author)
		p, err := b.pair(who)
		if p == nil || err != nil {
			return err
		}
		w := &p.way[dir(author, reader)]
		if n = int(w.unseen); n == 0 {
			return nil
		}
		seq := b.next()
		for _, user := range slices.Compact([]string{author, reader}) {
			if _, err := b.exec(`INSERT INTO seen (user, author, reader, seq, until) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET seq = excluded.seq, until = excluded.until`, user, author, reader, seq, b.now); err != nil {
				return err
			}
		}
		*w = way{seen: seq}
		b.touch(who, p)
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
		was, err := r.message(s.tag)
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
		now, err := b.stored(r.n)
		if isNotFound(err) || err == nil && now.rev != r.rev {
			return errLost
		}
		if err != nil {
			return err
		}
		who, p, err := b.pairOf(now)
		if err != nil {
			return err
		}
		seq := b.next()
		if _, err := b.exec(`UPDATE messages SET rev = rev + 1, updated = ?2, text = ?3, media = ?4, reactions = ?5, edits = ?6, hidden = ?7,
				content = iif(?8, ?9, content), seq = iif(?8, ?9, seq)
			WHERE n = ?1`,
			r.n, b.now, next.Text, next.Media, reactions, edits, hidden, content, seq); err != nil {
			return err
		}
		if p.status(now) < chat.Seen {
			p.way[r.dir].count(now.hidden, -1)
			p.way[r.dir].count(hidden, 1)
			b.touch(who, p)
		}
		b.w.known.drop(r.n)
		// Whom it is hidden from hears of that, and of nothing after.
		for bit, user := range map[int64]string{hiddenSender: r.sender, hiddenReceiver: r.receiver} {
			if hidden&^now.hidden&bit == 0 {
				continue
			}
			if err := b.bury(b.w.tag.id(r.n, r.created), user); err != nil {
				return err
			}
		}
		if now, err = b.stored(r.n); err == nil {
			m, err = b.message(now, p)
		}
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
		m, err := r.message(s.tag)
		if err != nil {
			return nil, err
		}
		if err := allow(m.Clone()); err != nil {
			return nil, err
		}
		err = s.do(ctx, func(b *batch) error {
			now, err := b.stored(r.n)
			if isNotFound(err) {
				return errLost
			}
			if err != nil {
				return err
			}
			_, p, err := b.pairOf(now)
			if err != nil {
				return err
			}
			if now.rev != r.rev || p.status(now) != m.Status {
				return errLost
			}
			if _, err := b.exec(`DELETE FROM messages WHERE n = ?`, r.n); err != nil {
				return err
			}
			if err := b.uncount(now); err != nil {
				return err
			}
			return b.bury(b.w.tag.id(r.n, r.created), r.sender, r.receiver)
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
