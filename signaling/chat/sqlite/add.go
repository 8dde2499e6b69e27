package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// ids makes names of messages as MongoDB makes its own: seconds, five random
// bytes of this process, a counter of three.
type ids struct {
	process [5]byte
	count   atomic.Uint32
}

func newIDs() *ids {
	var seed [9]byte
	_, _ = rand.Read(seed[:]) // never fails
	i := &ids{process: [5]byte(seed[:5])}
	i.count.Store(binary.BigEndian.Uint32(seed[5:]))
	return i
}

func (i *ids) next(ms int64) []byte {
	id := make([]byte, 12)
	c := i.count.Add(1)
	binary.BigEndian.PutUint32(id, uint32(ms/1000))
	copy(id[4:], i.process[:])
	id[9], id[10], id[11] = byte(c>>16), byte(c>>8), byte(c)
	return id
}

// Add implements chat.Messages.
func (s *Store) Add(ctx context.Context, m chat.Message) (stored *chat.Message, created bool, err error) {
	err = s.do(ctx, func(b *batch) error {
		stored, created, err = s.add(b, m)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return stored, created, nil
}

// The pair is looked up by the statement itself; a second send under the same
// name changes nothing.
const insertMessage = `INSERT INTO messages (n, id, conv, sender, receiver, dir, seq, content, created, updated,
		text, media, reply_id, reply_text, client_id, hidden)
	SELECT ?1, ?2, conv, ?3, ?4, ?3 > ?4, ?1, ?1, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?13 FROM pairs WHERE a = ?11 AND b = ?12
	ON CONFLICT (sender, client_id) WHERE client_id IS NOT NULL DO NOTHING`

func (s *Store) add(b *batch, m chat.Message) (*chat.Message, bool, error) {
	stored := &chat.Message{
		Sender: m.Sender, Receiver: m.Receiver, Text: m.Text, Media: m.Media, ClientID: m.ClientID, HiddenFor: m.HiddenFor,
		Created: clock(b.now), Updated: clock(b.now),
	}
	var replyID, replyText any
	if m.ReplyTo != nil {
		reply := *m.ReplyTo
		stored.ReplyTo, replyID, replyText = &reply, reply.MessageID, reply.Text
	}
	id, first, second := s.ids.next(b.now), min(m.Sender, m.Receiver), max(m.Sender, m.Receiver)
	stored.ID = hex.EncodeToString(id)
	n := b.next()
	for {
		added, err := b.exec(insertMessage, n, id, m.Sender, m.Receiver, b.now, m.Text, m.Media, replyID, replyText, null(m.ClientID), first, second, hiddenBits(stored))
		if err != nil {
			return nil, false, err
		}
		if added > 0 {
			return stored, true, nil
		}
		// Either it is there already, or the two have never talked.
		if m.ClientID != "" {
			was, err := b.message(`m.sender = ? AND m.client_id = ?`, m.Sender, m.ClientID)
			if !errors.Is(err, chat.ErrNotFound) {
				return was, false, err
			}
		}
		if _, err := b.exec(`INSERT INTO pairs (a, b) VALUES (?, ?)`, first, second); err != nil {
			return nil, false, err
		}
	}
}

// message reads the one message that a condition names; ErrNotFound if there is
// none.
func (b *batch) message(where string, args ...any) (*chat.Message, error) {
	r, err := b.stored(where, args...)
	if err != nil {
		return nil, err
	}
	return r.message()
}

func (b *batch) stored(where string, args ...any) (*row, error) {
	r := new(row)
	err := b.row(`SELECT `+columns+` FROM messages m WHERE `+where, args, r.dest()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, chat.ErrNotFound
	}
	return r, err
}
