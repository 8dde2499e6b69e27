package socketio

import (
	"encoding/json"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Message is an event encoded once for many sockets. It is immutable and may be
// sent to any number of sockets of any namespace, from any goroutine.
type Message struct {
	name        []byte
	args        []byte
	attachments [][]byte
	// frame is the ready frame for the namespace that needed it first.
	frame atomic.Pointer[messageFrame]
}

type messageFrame struct {
	nsp   *Namespace
	frame *engine.Frame
}

// NewMessage makes a message of an event and the raw JSON of its arguments,
// separated by commas; args is copied, not checked.
func NewMessage(event string, args []byte) *Message {
	m := &Message{name: appendName(make([]byte, 0, len(event)+3), event)}
	if len(args) > 0 {
		m.args = append(make([]byte, 0, len(args)), args...)
	}
	return m
}

// NewBinaryMessage is NewMessage with attachments for the
// {"_placeholder":true,"num":n} in args. They are kept as they are: do not change
// them.
func NewBinaryMessage(event string, args []byte, attachments [][]byte) *Message {
	m := NewMessage(event, args)
	m.attachments = attachments
	return m
}

// Encode makes a message of an event and arguments, encoded as by [Socket.Emit].
func Encode(event string, args ...any) (*Message, error) {
	if reserved(event) {
		return nil, ErrReserved
	}
	raw, attachments, err := encodeArgs(nil, args)
	if err != nil {
		return nil, err
	}
	return &Message{name: appendName(nil, event), args: raw, attachments: attachments}, nil
}

// frameFor returns the encoded frame for one namespace, or nil if the message
// must be sent by parts.
func (m *Message) frameFor(n *Namespace) *engine.Frame {
	if len(m.attachments) > 0 {
		return nil
	}
	f := m.frame.Load()
	if f == nil {
		f = &messageFrame{n, engine.NewFrame(false, n.eventPrefix, m.name, comma(m.args), m.args, closing)}
		if !m.frame.CompareAndSwap(nil, f) {
			f = m.frame.Load()
		}
	}
	if f.nsp != n {
		return nil
	}
	return f.frame
}

var (
	closing = []byte("]")
	commas  = []byte(",")
)

func comma(args []byte) []byte {
	if len(args) == 0 {
		return nil
	}
	return commas
}

// appendName writes ["event" with the bracket and the quotes.
func appendName(dst []byte, event string) []byte {
	return rawjson.AppendString(append(dst, '['), event)
}

// encodeArgs appends the JSON of args, separated by commas, and collects their
// binary parts.
func encodeArgs(dst []byte, args []any) (raw []byte, attachments [][]byte, err error) {
	for i, a := range args {
		if i > 0 {
			dst = append(dst, ',')
		}
		if raw, ok := a.(json.RawMessage); ok && len(raw) > 0 {
			dst = append(dst, raw...)
			continue
		}
		b, err := marshal(deconstruct(a, &attachments))
		if err != nil {
			return nil, nil, err
		}
		dst = append(dst, b...)
	}
	return dst, attachments, nil
}
