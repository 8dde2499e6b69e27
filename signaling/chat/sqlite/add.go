package sqlite

import (
	"context"
	"database/sql"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Add implements chat.Messages.
func (s *Store) Add(ctx context.Context, m chat.Message) (stored *chat.Message, created bool, err error) {
	err = s.do(ctx, func(b *batch) error {
		stored, created, err = b.add(&m)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return stored, created, nil
}

// AddMany implements chat.Messages: all are stored, or none.
func (s *Store) AddMany(ctx context.Context, list []chat.Message) []chat.Added {
	added := make([]chat.Added, len(list))
	err := s.doMany(ctx, len(list), func(b *batch) (err error) {
		for i := range list {
			a := &added[i]
			if a.Message, a.Created, err = b.add(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for i := range added {
			added[i] = chat.Added{Err: err}
		}
	}
	return added
}

const (
	insertMessage = `INSERT INTO messages (n, conv, dir, sender, receiver, hidden, seq, content, created, updated, text, media, reply_id, reply_text, client_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (sender, client_id) WHERE client_id IS NOT NULL DO NOTHING`
	findClient = `SELECT n FROM messages WHERE sender = ? AND client_id = ?`
)

func (b *batch) add(m *chat.Message) (*chat.Message, bool, error) {
	who := namesOf(m.Sender, m.Receiver)
	p, err := b.pair(who)
	if p == nil && err == nil {
		// A second send under one name is none, to whomever it is.
		if m.ClientID != "" {
			if was, err := b.sent(m); was != nil || err != nil {
				return was, false, err
			}
		}
		p, err = b.meet(who)
	}
	if err != nil {
		return nil, false, err
	}
	n := b.next()
	r := &row{
		n: n, conv: p.conv, dir: int64(dir(m.Sender, m.Receiver)), sender: m.Sender, receiver: m.Receiver, status: statusBase,
		hidden: hiddenBits(m), seq: n, content: n, created: b.now, updated: b.now, text: m.Text, media: m.Media,
	}
	r.clientID.String, r.clientID.Valid = m.ClientID, m.ClientID != ""
	if m.ReplyTo != nil {
		r.replyID.String, r.replyID.Valid = m.ReplyTo.MessageID, true
		r.replyText.String, r.replyText.Valid = m.ReplyTo.Text, true
	}
	added, err := b.exec(insertMessage, r.n, r.conv, r.dir, r.sender, r.receiver, r.hidden, r.seq, r.content, r.created, r.updated,
		r.text, r.media, r.replyID, r.replyText, r.clientID)
	if err != nil {
		return nil, false, err
	}
	if added == 0 {
		was, err := b.sent(m)
		return was, false, err
	}
	p.way[r.dir].count(r.hidden, 1)
	b.touch(who, p)
	b.w.known.put(r)
	stored, err := r.message(b.w.tag)
	return stored, err == nil, err
}

// sent finds what a sender has sent under a message's name; nil if nothing.
func (b *batch) sent(m *chat.Message) (*chat.Message, error) {
	var n int64
	found := false
	err := b.rows(findClient, []any{m.Sender, m.ClientID}, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&n)
	})
	if err != nil || !found {
		return nil, err
	}
	r, err := b.stored(n)
	if err != nil {
		return nil, err
	}
	_, p, err := b.pairOf(r)
	if err != nil {
		return nil, err
	}
	return b.message(r, p)
}
