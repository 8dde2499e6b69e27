package socketio

import (
	"errors"
	"sync"
)

// Errors of emitting.
var (
	// ErrDisconnected: the socket is gone, or has no transport and the packet
	// is not one that is kept for its return.
	ErrDisconnected = errors.New("socketio: socket is not connected")
	// ErrDropped: a droppable packet was dropped because too much waits already.
	ErrDropped = errors.New("socketio: packet dropped")
	// ErrReserved: the event name has a meaning of its own on clients.
	ErrReserved = errors.New("socketio: reserved event name")
	// ErrTimeout: no acknowledgement in time.
	ErrTimeout = errors.New("socketio: no acknowledgement in time")
)

// Emit sends an event in the MustArrive lane and flushes. Arguments are encoded
// with encoding/json; a []byte, also inside []any and map[string]any, becomes a
// binary attachment.
func (s *Socket) Emit(event string, args ...any) error {
	return s.emit(MustArrive, event, args)
}

// EmitVolatile is Emit in the Droppable lane: the event is lost if the client
// is away or slow.
func (s *Socket) EmitVolatile(event string, args ...any) error {
	return s.emit(Droppable, event, args)
}

func (s *Socket) emit(lane Lane, event string, args []any) error {
	m, err := Encode(event, args...)
	if err != nil {
		return err
	}
	if !s.Send(lane, m) {
		if lane == Droppable && s.Connected() {
			return ErrDropped
		}
		return ErrDisconnected
	}
	s.Flush()
	return nil
}

// EmitRaw queues an event without flushing. args is the raw JSON of the
// arguments separated by commas, not checked, copied. False: it was dropped or
// the socket is gone.
//
// With recovery on, a packet of the MustArrive lane gets its offset as an
// additional last argument and is kept until a heartbeat confirms it, also
// while the client is away.
func (s *Socket) EmitRaw(lane Lane, event string, args []byte) bool {
	return s.EmitBinary(lane, event, args, nil)
}

// EmitOwned is EmitRaw for args that are handed over: they are kept as they are
// with recovery on, so they must not change any more.
func (s *Socket) EmitOwned(lane Lane, event string, args []byte) bool {
	b := scratch.Get().(*[]byte)
	*b = appendName((*b)[:0], event)
	sent := s.send(lane, &packet{name: *b, args: args, owned: true})
	scratch.Put(b)
	return sent
}

// EmitBinary is EmitRaw with attachments for the {"_placeholder":true,"num":n}
// in args. The attachments are kept as they are with recovery on: do not change
// them.
func (s *Socket) EmitBinary(lane Lane, event string, args []byte, attachments [][]byte) bool {
	b := scratch.Get().(*[]byte)
	*b = appendName((*b)[:0], event)
	sent := s.send(lane, &packet{name: *b, args: args, attachments: attachments})
	scratch.Put(b)
	return sent
}

// Send queues a message that was encoded once for many. It does not flush.
func (s *Socket) Send(lane Lane, m *Message) bool {
	p := packet{name: m.name, args: m.args, attachments: m.attachments, message: m}
	return s.send(lane, &p)
}

// scratch has buffers for names and numbers on their way out.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 128); return &b }}

// packet is an event on its way out: [name args… (offset)].
type packet struct {
	name        []byte // ["event"   with bracket and quotes
	args        []byte
	attachments [][]byte
	message     *Message // what it was made from, if that is shared
	owned       bool     // args never change
}

func (s *Socket) send(lane Lane, p *packet) bool {
	if s.rec == nil {
		c := s.client.Load()
		return c != nil && c.sendEvent(lane, s.nsp, p, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.client.Load()
	if lane == Droppable {
		if c == nil {
			return false
		}
		if !endsWithString(p) {
			return c.sendEvent(lane, s.nsp, p, nil)
		}
		// A client takes any string at the end for an offset, so it gets the
		// one it has.
		return c.sendEvent(lane, s.nsp, p, s.rec.offset(s.rec.seq.Load()))
	}
	if s.state != connected && s.state != away {
		return false
	}
	seq := s.rec.keep(p)
	if c != nil {
		c.sendEvent(lane, s.nsp, p, s.rec.offset(seq))
		s.rec.queued.Store(seq)
	}
	return true
}

// endsWithString reports whether the last element of the packet is a string:
// its last argument, or the name if there is none. (For a client's listener the
// name is no argument, but it is what the client looks at.)
func endsWithString(p *packet) bool {
	if len(p.args) == 0 {
		return true
	}
	for i := len(p.args) - 1; i >= 0; i-- {
		switch p.args[i] {
		case ' ', '\t', '\n', '\r':
		default:
			return p.args[i] == '"'
		}
	}
	return false
}
