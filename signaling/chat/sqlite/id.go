package sqlite

import (
	"encoding/binary"
	"encoding/hex"
)

// tag tells one file from others, in cursors and ids.
type tag [4]byte

// id makes the name of the message at a place: seconds, as MongoDB's begin with,
// three bytes of the tag, and the place, by which it is found again.
func (t tag) id(n, created int64) []byte {
	b := make([]byte, 0, 12)
	b = binary.BigEndian.AppendUint32(b, uint32(created/1000))
	b = append(b, t[:3]...)
	return append(b, byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func (t tag) name(n, created int64) string { return hex.EncodeToString(t.id(n, created)) }

// place is where the message with that name would be; 0, where none is, if it is
// no name of this file's. Whether it is that message's name is for its row to say.
func (t tag) place(name string) int64 {
	var b [12]byte
	if len(name) != 24 {
		return 0
	}
	if _, err := hex.Decode(b[:], []byte(name)); err != nil || [3]byte(b[4:7]) != [3]byte(t[:3]) {
		return 0
	}
	return int64(b[7])<<32 | int64(binary.BigEndian.Uint32(b[8:]))
}
