package signaling

import (
	"encoding/binary"
	"errors"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// The kinds of what switchboards send each other. kindAsk and kindReply are in
// ask.go.
const (
	kindCall  presence.Kind = 1 // effects of a call, with the call
	kindEvent presence.Kind = 2 // one event for a user's devices
	kindEvict presence.Kind = 3 // a session whose device has connected elsewhere
)

// envelopeVersion stands in front of every payload. A node drops what it does
// not know, and a newer one keeps sending what the older ones know.
const envelopeVersion = 1

var errEnvelope = errors.New("signaling: an envelope can not be read")

// Flags of envelopes.
const (
	flagForwarded = 1 << iota // by a node that lacked the session
	flagRepeat                // may have been delivered before: drop what was
	flagDroppable             // for the droppable lane of the clients
	flagSoft                  // the effects are not in the stored record
	flagExtended              // for extended devices only
	flagBase                  // for base devices only
)

// The two bits above the flags count how often more than once it was forwarded.
const (
	againShift = 6
	maxAgain   = 3
)

// forwarded returns the flags of what is passed on to where a session went; false:
// it has been passed on often enough. After the first time it goes only where this
// node knows that it sent the session, which is where that was later: it gains on it,
// but for one that never arrived where it went.
func forwarded(flags byte) (next byte, ok bool) {
	switch {
	case flags&flagForwarded == 0:
		return flags | flagForwarded, true
	case flags>>againShift == maxAgain:
		return 0, false
	default:
		return flags + 1<<againShift, true
	}
}

// An eventEnvelope is an event for a user's devices on another node.
type eventEnvelope struct {
	flags  byte
	user   string // whose devices get it
	device string // only this one; or ""
	from   string // the user it is from, or ""
	event  string
	args   []byte

	// told are the sessions of this node that were told, or are not to be. One that
	// moves meanwhile takes the event along. It is not sent.
	told []*Session
}

func (e *eventEnvelope) encode() []byte { return e.encodeFor(e.device) }

// encodeFor is encode for one device.
func (e *eventEnvelope) encodeFor(device string) []byte {
	b := make([]byte, 0, 16+len(e.user)+len(device)+len(e.from)+len(e.event)+len(e.args))
	b = append(b, envelopeVersion, e.flags)
	for _, s := range [...]string{e.user, device, e.from, e.event} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, e.args...)
}

func decodeEventEnvelope(b []byte) (e eventEnvelope, err error) {
	if len(b) < 2 || b[0] != envelopeVersion {
		return e, errEnvelope
	}
	e.flags, b = b[1], b[2:]
	for _, dst := range [...]*string{&e.user, &e.device, &e.from, &e.event} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return e, errEnvelope
		}
		*dst, b = string(b[w:w+int(n)]), b[w+int(n):]
	}
	e.args = b
	return e, nil
}

// encodeCall puts a call with the effects to be told into an envelope.
func encodeCall(flags byte, c *call.Call, fx []call.Effect) []byte {
	copied := *c
	copied.Outbox = fx
	return call.AppendCall([]byte{envelopeVersion, flags}, &copied)
}

// decodeCallEnvelope reads what encodeCall wrote.
func decodeCallEnvelope(b []byte) (flags byte, c *call.Call, fx []call.Effect, err error) {
	if len(b) < 2 || b[0] != envelopeVersion {
		return 0, nil, nil, errEnvelope
	}
	got, err := call.Decode(append([]byte(nil), b[2:]...)) // the call keeps pieces of it
	if err != nil {
		return 0, nil, nil, err
	}
	fx, got.Outbox = got.Outbox, nil
	return b[1], &got, fx, nil
}
