package chat

import (
	"encoding/base64"
	"encoding/binary"
)

// Cursors makes places to go on from in lists: texts that clients give back as
// they are. It is the tag of one file or database, whose cursors are no other's.
type Cursors [4]byte

// Kinds of cursors: a place in one list is none in another.
const (
	TalkCursor    = 't'
	JournalCursor = 'j'
	CallCursor    = 'c'
)

// Pack makes a cursor of places and a text.
func (c Cursors) Pack(kind byte, text string, places ...int64) string {
	b := append(append([]byte(nil), c[:]...), kind)
	for _, p := range places {
		b = binary.AppendVarint(b, p)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, text...))
}

// Parse reads what Pack wrote; ErrBadCursor if that was of another file or
// database, another kind, or nothing of the sort.
func (c Cursors) Parse(cursor string, kind byte, places int) (list []int64, text string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 5 || Cursors(b[:4]) != c || b[4] != kind {
		return nil, "", ErrBadCursor
	}
	for b = b[5:]; len(list) < places; {
		p, n := binary.Varint(b)
		if n <= 0 {
			return nil, "", ErrBadCursor
		}
		list, b = append(list, p), b[n:]
	}
	return list, string(b), nil
}
