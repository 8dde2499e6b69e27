package socketio

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// acks are the questions a socket has asked and that wait for an answer.
type acks struct {
	next    uint64
	waiting map[uint64]*question
}

type question struct {
	socket *Socket
	id     uint64
	timer  wheel.Timer
	answer func(*Event, error)
}

// Ask queues an event that wants an acknowledgement, without flushing: answer
// is called once, with the reply or with an error: ErrTimeout after timeout (0:
// none), ErrDisconnected when the transport goes away first. The reply is valid
// during the call. args as in [Socket.EmitRaw]; the event is not kept for a
// client that is away.
func (s *Socket) Ask(event string, args []byte, timeout time.Duration, answer func(*Event, error)) {
	s.ask(&packet{name: appendName(nil, event), args: args}, timeout, answer)
}

// EmitAck is Ask with arguments encoded as by [Socket.Emit]; it flushes.
func (s *Socket) EmitAck(timeout time.Duration, answer func(*Event, error), event string, args ...any) error {
	m, err := Encode(event, args...)
	if err != nil {
		return err
	}
	s.ask(&packet{name: m.name, args: m.args, attachments: m.attachments}, timeout, answer)
	s.Flush()
	return nil
}

// EmitWithAck sends an event and waits for the acknowledgement: its arguments,
// raw. Attachments of a reply are lost here, see EmitAck. It must not be called
// from a callback of the same client: the reply is read by the goroutine that
// would wait for it.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) ([]json.RawMessage, error) {
	type reply struct {
		args []json.RawMessage
		err  error
	}
	done := make(chan reply, 1)
	m, err := Encode(event, args...)
	if err != nil {
		return nil, err
	}
	q := s.ask(&packet{name: m.name, args: m.args, attachments: m.attachments}, 0, func(e *Event, err error) {
		r := reply{err: err}
		if err == nil {
			for _, arg := range e.List(nil) {
				r.args = append(r.args, append(json.RawMessage(nil), arg...))
			}
		}
		done <- r
	})
	s.Flush()
	select {
	case r := <-done:
		return r.args, r.err
	case <-ctx.Done():
		if q != nil {
			s.takeAck(q.id)
		}
		return nil, ctx.Err()
	}
}

func (s *Socket) ask(p *packet, timeout time.Duration, answer func(*Event, error)) *question {
	s.mu.Lock()
	c := s.client.Load()
	if c == nil {
		s.mu.Unlock()
		answer(nil, ErrDisconnected)
		return nil
	}
	if s.acks == nil {
		s.acks = &acks{}
	}
	if s.acks.waiting == nil {
		s.acks.waiting = make(map[uint64]*question)
	}
	q := &question{socket: s, id: s.acks.next, answer: answer}
	s.acks.next++
	s.acks.waiting[q.id] = q
	if timeout > 0 {
		s.nsp.srv.wheel.Schedule(&q.timer, timeout, q)
	}
	sent := c.sendQuestion(s.nsp, p, q.id)
	s.mu.Unlock()
	if !sent && s.takeAck(q.id) != nil {
		answer(nil, ErrDisconnected)
	}
	return q
}

// Expire is the timeout.
func (q *question) Expire() {
	if q.socket.takeAck(q.id) == q {
		q.socket.nsp.srv.spawn(func() { q.socket.guard(func() { q.answer(nil, ErrTimeout) }) })
	}
}

// takeAck removes a question; nil if it is not there any more.
func (s *Socket) takeAck(id uint64) *question {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acks == nil {
		return nil
	}
	q := s.acks.waiting[id]
	if q != nil {
		delete(s.acks.waiting, id)
		s.nsp.srv.wheel.Stop(&q.timer)
	}
	return q
}

type questions map[uint64]*question

func (s *Socket) takeAcksLocked() questions {
	if s.acks == nil {
		return nil
	}
	all := s.acks.waiting
	s.acks.waiting = nil
	for _, q := range all {
		s.nsp.srv.wheel.Stop(&q.timer)
	}
	return all
}

func (qs questions) fail(s *Socket, err error) {
	for _, q := range qs {
		s.guard(func() { q.answer(nil, err) })
	}
}
