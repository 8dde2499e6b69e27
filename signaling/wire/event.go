package wire

import (
	"sync/atomic"
)

// Lane says what may happen to an event when its receiver does not keep up.
type Lane uint8

const (
	// Must events are queued, kept over a lost connection, and close a reader
	// that is too slow for them.
	Must Lane = iota
	// Droppable events (typing, presence lists) are left out while the
	// receiver is behind, and are not kept for one that is away.
	Droppable
)

// Event is one event on its way to clients: a name and its arguments as raw
// JSON, comma separated and without the brackets. It is immutable once sent and
// may be shared by any number of receivers of both dialects.
type Event struct {
	Name string
	Args []byte
	Lane Lane
	// Shared marks an event with many receivers: dialects keep its encoding.
	Shared bool
	// Binary is set, on a shared event, if there are binary values among the
	// arguments: Args has them as base64 texts.
	Binary *Binary

	encoded [2]atomic.Pointer[any]
}

// Binary is an event's arguments for dialects that carry bytes beside the text.
type Binary struct {
	Args        []byte // as Event.Args, with {"_placeholder":true,"num":n} for each
	Attachments [][]byte
}

// Dialect numbers the wire forms for Encoded.
type Dialect uint8

// The two dialects.
const (
	SocketIO Dialect = iota
	PlainJSON
)

// Encoded returns the event's frame for one dialect, made by encode at the first call.
// Two concurrent first calls may both make it; one of the results is kept.
func (e *Event) Encoded(d Dialect, encode func(*Event) any) any {
	if p := e.encoded[d].Load(); p != nil {
		return *p
	}
	v := encode(e)
	e.encoded[d].CompareAndSwap(nil, &v)
	return *e.encoded[d].Load()
}
