package signaling

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A seal says which device of which user a client was. It stands at the end of
// what clients show again when they come back (a Socket.IO pid, a resume token
// of /ws), so that every node of the cluster knows the device, also when the
// node that had it is dead: its calls are attached to it again (C13). It gives
// no right by itself: the client has to show a token of the same user, which
// could name any device (I8).
//
//	base64url(device) "." base64url(HMAC-SHA256(key, user, device), 128 bits)

// sealSize is how much of the hash stands in a seal.
const sealSize = 16

// Seal writes a seal; always the same for the same arguments.
func Seal(key []byte, user, device string) string {
	h := hmac.New(sha256.New, key)
	b := make([]byte, 0, 160)
	b = append(b, "tandem device"...) // the key has other uses
	b = binary.AppendUvarint(b, uint64(len(user)))
	b = append(b, user...)
	h.Write(append(b, device...))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	b = base64.RawURLEncoding.AppendEncode(b[:0], []byte(device))
	b = append(b, '.')
	return string(base64.RawURLEncoding.AppendEncode(b, sum[:sealSize]))
}

// Unseal reads a seal; false: it is none, not made with the key, or of another
// user.
func Unseal(key []byte, user, text string) (device string, ok bool) {
	name, _, found := strings.Cut(text, ".")
	if !found || len(name) > base64.RawURLEncoding.EncodedLen(wire.MaxUserID) {
		return "", false
	}
	d, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || len(d) == 0 {
		return "", false
	}
	device = string(d)
	if !hmac.Equal([]byte(text), []byte(Seal(key, user, device))) {
		return "", false
	}
	return device, true
}

// NewSealKey makes a key for a node that shares none with others.
func NewSealKey() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}
