package engine

import (
	"bytes"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// Frame is a message encoded once for many receivers. It is immutable.
type Frame struct {
	ws     *wsconn.Frame
	binary bool
	data   []byte
}

// NewFrame makes a frame of a message's parts, which are copied.
func NewFrame(binary bool, parts ...[]byte) *Frame {
	data := bytes.Join(parts, nil)
	f := &Frame{binary: binary, data: data}
	if binary {
		f.ws = wsconn.NewFrame(true, data)
	} else {
		f.ws = wsconn.NewFrame(false, messagePrefix, data)
	}
	return f
}

// Queue appends a message made of parts, which are copied, to what waits for the
// client; nothing is sent before Flush. False: it was dropped, or the session is
// over, or is over because of it: too much waited for a packet that must arrive.
func (s *Socket) Queue(lane Lane, binary bool, parts ...[]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queueLocked(lane, binary, parts)
}

// maxParts is how many parts are sent without an allocation.
const maxParts = 12

func (s *Socket) queueLocked(lane Lane, binary bool, parts [][]byte) bool {
	if s.state.Load() != open {
		return false
	}
	if s.conn == nil {
		if !s.fits(lane) {
			return false
		}
		if binary {
			s.poll.queue.add(true, nil, parts...)
		} else {
			s.poll.queue.add(false, messagePrefix, parts...)
		}
		return true
	}
	if binary {
		return s.conn.Queue(lane, true, parts...)
	}
	var all [maxParts][]byte
	if len(parts) >= maxParts {
		return s.conn.Queue(lane, false, messagePrefix, bytes.Join(parts, nil))
	}
	all[0] = messagePrefix
	for i, p := range parts { // not copy: that makes everything escape
		all[i+1] = p
	}
	return s.conn.Queue(lane, false, all[:len(parts)+1]...)
}

// QueueFrame is Queue for a message that goes to many.
func (s *Socket) QueueFrame(lane Lane, f *Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.state.Load() != open {
		return s.queueLocked(lane, f.binary, [][]byte{f.data})
	}
	return s.conn.QueueFrame(lane, f.ws)
}

// QueueBinary queues a text message made of parts and right behind it binary
// messages, with nothing between them. All of it is dropped, or nothing.
func (s *Socket) QueueBinary(lane Lane, attachments [][]byte, parts ...[]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queueLocked(lane, false, parts) {
		return false
	}
	for _, a := range attachments {
		if !s.queueLocked(MustArrive, true, [][]byte{a}) {
			return false
		}
	}
	return true
}

// Flush sends what is queued. It never blocks.
func (s *Socket) Flush() {
	s.mu.Lock()
	conn := s.conn
	if conn == nil {
		s.flushPollLocked()
	}
	s.mu.Unlock()
	if conn != nil {
		conn.Flush()
	}
}

// Pending is the number of bytes that wait unsent.
func (s *Socket) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return s.conn.Pending()
	}
	return len(s.poll.queue.buf)
}

// fits decides about a packet that would have to wait for a poll.
func (s *Socket) fits(lane Lane) bool {
	waiting := len(s.poll.queue.buf) + 32*len(s.poll.queue.ends)
	if lane == Droppable {
		return waiting <= s.srv.cfg.DropAbove
	}
	if waiting <= s.srv.cfg.MaxQueue {
		return true
	}
	// mu is held: end it from outside.
	s.srv.spawn(func() { s.Fail(ReasonSlow, CodeForbidden, wsconn.ErrSlow) })
	return false
}
