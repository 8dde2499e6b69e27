package socketio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// State is a socket on its way from one server to another: see
// [Socket.Export] and [Recovery].Fetch.
type State struct {
	ID    string // of the socket
	PID   string // without what Recovery.Seal adds
	Rooms []string
	// Seen is the number of the last packet that the client has; Missed are all
	// that came after it, in order.
	Seen   uint64
	Missed []Packet
	// Data is the application's own; the package carries it.
	Data []byte
}

// Packet is an event that was kept for a client.
type Packet struct {
	Event       string
	Args        []byte // raw JSON, separated by commas
	Attachments [][]byte
}

// ErrState: bytes that are no State.
var ErrState = errors.New("socketio: not the state of a socket")

// stateVersion stands in front: servers of two releases may exchange sockets.
const stateVersion = 1

// AppendBinary writes the state behind b. It never fails.
func (s *State) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, stateVersion)
	b = appendBytes(b, s.ID)
	b = appendBytes(b, s.PID)
	b = binary.AppendUvarint(b, uint64(len(s.Rooms)))
	for _, r := range s.Rooms {
		b = appendBytes(b, r)
	}
	b = binary.AppendUvarint(b, s.Seen)
	b = binary.AppendUvarint(b, uint64(len(s.Missed)))
	for i := range s.Missed {
		p := &s.Missed[i]
		b = appendBytes(b, p.Event)
		b = appendBytes(b, p.Args)
		b = binary.AppendUvarint(b, uint64(len(p.Attachments)))
		for _, a := range p.Attachments {
			b = appendBytes(b, a)
		}
	}
	return appendBytes(b, s.Data), nil
}

// MarshalBinary writes the state.
func (s *State) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary wrote, and nothing else: JSON that is
// none does not reach a client. The state keeps nothing of b.
func (s *State) UnmarshalBinary(b []byte) error {
	r := stateReader{rest: bytes.Clone(b)}
	if r.byte() != stateVersion {
		return fmt.Errorf("%w: unknown version", ErrState)
	}
	got := State{ID: r.text(), PID: r.text()}
	for range r.count() {
		got.Rooms = append(got.Rooms, r.text())
	}
	got.Seen = r.number()
	for range r.count() {
		p := Packet{Event: r.text(), Args: r.bytes()}
		for range r.count() {
			p.Attachments = append(p.Attachments, r.bytes())
		}
		if r.bad || !p.valid() {
			return fmt.Errorf("%w: a packet", ErrState)
		}
		got.Missed = append(got.Missed, p)
	}
	got.Data = r.bytes()
	if r.bad || len(r.rest) > 0 || got.ID == "" || got.PID == "" {
		return ErrState
	}
	*s = got
	return nil
}

// valid reports whether the packet can be sent to a client.
func (p *Packet) valid() bool {
	list := make([]byte, 0, len(p.Args)+2)
	list = append(append(append(list, '['), p.Args...), ']')
	if _, err := rawjson.Array(nil, list); err != nil {
		return false
	}
	return checkPlaceholders(list, len(p.Attachments))
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// stateReader reads pieces off the front; bad: there was one that is not there.
type stateReader struct {
	rest []byte
	bad  bool
}

func (r *stateReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

func (r *stateReader) number() uint64 {
	n, w := binary.Uvarint(r.rest)
	if w <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[w:]
	return n
}

// count is a number of pieces: each of them takes a byte at least.
func (r *stateReader) count() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *stateReader) bytes() []byte {
	n := r.count()
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *stateReader) text() string { return string(r.bytes()) }
