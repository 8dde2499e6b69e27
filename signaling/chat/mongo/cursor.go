package mongo

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Kinds of cursors.
const (
	talkCursor    = 't'
	journalCursor = 'j'
	callCursor    = 'c'
)

// cursor packs places: the database's tag, the kind, numbers, and a text. Clients
// give it back as it is.
func (s *Store) cursor(kind byte, text string, places ...int64) string {
	b := append([]byte(nil), s.tag[:]...)
	b = append(b, kind)
	for _, p := range places {
		b = binary.AppendVarint(b, p)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, text...))
}

// parseCursor reads what cursor wrote; chat.ErrBadCursor if that was of another
// database, another kind, or nothing of the sort.
func (s *Store) parseCursor(cursor string, kind byte, places int) (list []int64, text string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 5 || [4]byte(b[:4]) != s.tag || b[4] != kind {
		return nil, "", chat.ErrBadCursor
	}
	for b = b[5:]; len(list) < places; {
		p, n := binary.Varint(b)
		if n <= 0 {
			return nil, "", chat.ErrBadCursor
		}
		list, b = append(list, p), b[n:]
	}
	return list, string(b), nil
}
