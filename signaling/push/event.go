package push

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Ring: a call rings for a user.
type Ring struct {
	CallID string
	User   string // the callee
	From   string // the caller
	Name   string // the caller's, to show; "" if nobody knows it
	Video  bool
	Until  time.Time // it rings until then
}

// Over: a call does not ring for a user any more, because it was answered or has
// ended.
type Over struct {
	CallID string
	User   string // the callee
	From   string // the caller
	Name   string
	Video  bool
	Reason string // "answered_elsewhere", "cancelled", …
	Missed bool   // the user did not get to answer: worth a note that stays
}

// Message: a user who is not there was written to.
type Message struct {
	ID   string
	User string // the receiver
	From string // the author
	Name string
	Text string // "" for one that is a file only
}

// Kinds of what is pushed: the member type of a payload.
const (
	kindRing    = "call"
	kindOver    = "call-over"
	kindMessage = "message"
)

const (
	// maxName and maxText are how much of a name and of a message is pushed, in
	// bytes: a push carries 4 KiB at most (RFC 8030 §7.2), and lock screens show
	// less.
	maxName = 120
	maxText = 240
	// overTTL is how long a push service keeps for a browser that is away that a
	// call rings no more, and missedTTL that it was missed.
	overTTL   = 10 * time.Minute
	missedTTL = 24 * time.Hour
)

// payload is what a service worker gets.
type payload struct {
	Type   string `json:"type"`
	User   string `json:"user"` // whom it is for
	From   string `json:"from"`
	Name   string `json:"name,omitempty"`
	CallID string `json:"callId,omitempty"`
	Video  bool   `json:"isVideoCall,omitempty"`
	Until  int64  `json:"expiresAt,omitempty"` // ms since 1970
	Reason string `json:"reason,omitempty"`
	Missed bool   `json:"missed,omitempty"`
	ID     string `json:"messageId,omitempty"`
	Text   string `json:"text,omitempty"`
	At     int64  `json:"at"` // when it was sent, ms
}

// job is one push to one subscription.
type job struct {
	kind   string
	topic  string // a later one with the same takes its place
	call   string // that it rings for, or ""
	urgent bool
	body   []byte
	until  time.Time // worth nothing after it
	tries  int
	began  time.Time
}

func (r Ring) job(now time.Time) job {
	j := newJob(now, r.CallID, true, r.Until, payload{
		Type: kindRing, User: r.User, From: r.From, Name: r.Name, CallID: r.CallID, Video: r.Video, Until: r.Until.UnixMilli(),
	})
	j.call = r.CallID
	return j
}

func (o Over) job(now time.Time) job {
	ttl := overTTL
	if o.Missed {
		ttl = missedTTL
	}
	return newJob(now, o.CallID, true, now.Add(ttl), payload{
		Type: kindOver, User: o.User, From: o.From, Name: o.Name, CallID: o.CallID, Video: o.Video, Reason: o.Reason, Missed: o.Missed,
	})
}

func (m Message) job(now time.Time, keep time.Duration) job {
	return newJob(now, "m\n"+m.From+"\n"+m.User, false, now.Add(keep), payload{
		Type: kindMessage, User: m.User, From: m.From, Name: m.Name, ID: m.ID, Text: m.Text,
	})
}

func newJob(now time.Time, about string, urgent bool, until time.Time, p payload) job {
	p.Name, p.Text, p.At = cut(p.Name, maxName), cut(p.Text, maxText), now.UnixMilli()
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers always encode
		body = []byte("{}")
	}
	body = slices.Clip(body) // the encryption appends to it, for many at once
	return job{kind: p.Type, topic: hash(about), urgent: urgent, body: body, until: until, began: now}
}

// closes reports whether all that a job does is to take back a ring.
func (o Over) closes() bool { return !o.Missed }

// cut shortens a text to whole letters, and says that it did.
func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	n := limit - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
