package jsonws

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// ticket is a resume token taken apart: sid "." secret "." seal. The sid begins
// with the tag of the node that the session began on; the seal says which
// device it is, also when that node is dead.
type ticket struct{ sid, secret, seal string }

// parseToken never fails: what is missing is empty, and names nothing.
func parseToken(text string) (t ticket) {
	t.sid, text, _ = strings.Cut(text, ".")
	t.secret, t.seal, _ = strings.Cut(text, ".")
	return t
}

// resumeSecret is the middle of a resume token.
type resumeSecret [16]byte

// parseSecret reads what a client shows; false: it is none.
func parseSecret(text string) (k resumeSecret, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(k) {
		return k, false
	}
	copy(k[:], b)
	return k, true
}

func (k *resumeSecret) is(other *resumeSecret) bool {
	return subtle.ConstantTimeCompare(k[:], other[:]) == 1
}

// freshSecret begins a session.
func freshSecret() (k resumeSecret) {
	_, _ = rand.Read(k[:]) // never fails
	return k
}

// after is the secret that follows one which was used: the same on every node of
// the cluster, so that a client whose hello is sent again, by whichever node,
// gets the token that it may have read the first time.
func (k *resumeSecret) after(key []byte, sid string) (next resumeSecret) {
	h := hmac.New(sha256.New, key)
	b := make([]byte, 0, 96)
	b = append(b, "tandem resume"...) // the key has other uses
	b = append(b, k[:]...)
	h.Write(append(b, sid...))
	var sum [sha256.Size]byte
	copy(next[:], h.Sum(sum[:0]))
	return next
}

// unproven stands for a take-over of whose hello nobody knows yet whether the
// client has read it. Until something comes from it that it sends only then the
// token it came with is good still: the network may have died under the hello,
// and the client knows no other one. With the first sign it is spent (I8).
type unproven struct {
	conn   *wsconn.Conn // a sign on this socket counts
	former resumeSecret
}

// acceptLocked checks the secret that a client shows and takes note of its use.
// again: it was used before, but nobody has seen the hello that it got. A link that
// ends with its socket is nobody's any more, though that may take its time to close.
func (l *link) acceptLocked(conn *wsconn.Conn, given *resumeSecret) (ok, again bool) {
	if l.gone || l.final != nil || l.sess == nil {
		return false, false
	}
	if l.token.is(given) {
		l.token = given.after(l.srv.cfg.Key, l.sid)
	} else if u := l.unproven.Load(); u == nil || !u.former.is(given) {
		return false, false
	} else {
		again = true // and the hello says the same
	}
	l.unproven.Store(&unproven{conn, *given})
	return true, again
}

// spendLocked makes every token of the session void.
func (l *link) spendLocked() {
	l.token = freshSecret()
	l.unproven.Store(nil)
}

// proves takes note of a sign that the client has read its hello.
func (l *link) proves(c *wsconn.Conn) {
	if u := l.unproven.Load(); u != nil && u.conn == c {
		l.unproven.CompareAndSwap(u, nil)
	}
}

// OnPong is the answer to a ping, the one behind a hello included.
func (l *link) OnPong(c *wsconn.Conn) { l.proves(c) }
