package signaling

import (
	"context"
	"errors"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/permit"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A call:user whose permission has to be asked for (C15) is put aside: the session
// goes on being read, and the event is handled when the answer is there. What the
// device sends for that call meanwhile waits behind it; a hang-up, another call and
// the end of the session take it back.

// inquiry is such a call. All but the first two are guarded by the session's mu.
type inquiry struct {
	to, callID string
	cancel     context.CancelFunc
	answered   bool // it is being handled
	queue      []held
	bytes      int // of those in it
}

// held is an event that waits.
type held struct {
	job
	handle handler
}

// inquire puts an event aside until the question is answered.
func (s *Session) inquire(t *turn, r *Request, do handler, question permit.Question) {
	ctx, cancel := context.WithCancel(context.Background())
	q := &inquiry{to: question.To, callID: newCallID(), cancel: cancel}
	j := keepEvent(r)
	s.mu.Lock()
	if s.state == closed {
		s.mu.Unlock()
		cancel()
		return
	}
	if r.Reply != nil {
		j.reply = r.Reply.Later()
	}
	q.queue, q.bytes = []held{{j, do}}, j.bytes
	old := s.inquiry
	s.inquiry = q
	s.mu.Unlock()
	s.takeBack(t, old)
	s.sw.soon(func() { s.follow(ctx, q, question) })
}

// follow waits for the answer and handles what waits for it.
func (s *Session) follow(ctx context.Context, q *inquiry, question permit.Question) {
	defer q.cancel()
	answer, err := s.sw.permits.Ask(ctx, question)
	if err != nil {
		return // it was taken back
	}
	g := &granted{answer: answer, callID: q.callID}
	for {
		s.mu.Lock()
		if s.inquiry != q {
			s.mu.Unlock()
			return
		}
		q.answered = true
		if len(q.queue) == 0 {
			s.inquiry = nil
			s.mu.Unlock()
			return
		}
		h := q.queue[0]
		q.queue[0] = held{}
		q.queue = q.queue[1:]
		q.bytes -= h.bytes
		s.mu.Unlock()
		s.handleHeld(&h, g)
	}
}

// handleHeld handles an event that has waited. The session's state stands still
// meanwhile; a device that has vanished before is away for the call, too.
func (s *Session) handleHeld(h *held, g *granted) {
	ctx, sw := context.Background(), s.sw
	t := sw.newTurn()
	defer t.end()
	t.granted, t.answer = g, h.reply != nil
	r := Request{Event: h.event, Reply: h.reply}
	var reply []byte
	s.shift.Lock()
	if s.now() == closed {
		s.shift.Unlock()
		return
	}
	err := guard(func() (err error) {
		reply, err = h.handle(sw, ctx, t, s, h.args)
		return err
	})
	switch s.now() {
	case away:
		sw.deviceAway(ctx, t, s)
	case closed:
		if !s.movedAway() {
			sw.deviceGone(ctx, t, s, false)
		}
	}
	s.shift.Unlock()
	if lost := t.await(); lost != nil && err == nil {
		err = wire.Errorf(wire.CodeUnavailable, "")
	}
	if err != nil {
		sw.fail(t, s, &r, err)
		return
	}
	if h.reply != nil {
		h.reply.Ack(reply)
		t.touch(s.link)
	}
}

// waits reports whether an event of the device has to wait behind its inquiry, or
// was what takes it back: then it is dealt with.
func (s *Session) waits(t *turn, r *Request, do handler) bool {
	s.mu.Lock()
	q := s.inquiry
	s.mu.Unlock()
	if q == nil {
		return false
	}
	isEnd := false
	if string(r.Event) == wire.CallUser {
		if p, err := wire.DecodeCallUser(r.Args); err != nil || p.To != q.to {
			return false
		}
	} else {
		p, err := wire.DecodeCallRef(r.Args)
		isEnd = true
		if err != nil || (p.CallID != "" && p.CallID != q.callID) || (p.CallID == "" && p.To != q.to && (p.To != "" || string(r.Event) != wire.CallEnd)) {
			return false
		}
	}
	taken, ended, err := s.putBehind(q, r, do, isEnd)
	switch {
	case !taken:
		return false
	case err != nil:
		s.sw.fail(t, s, r, err)
	case ended:
		s.takeBack(t, q)
		if r.Reply != nil {
			r.Reply.Ack(endedReply(q.callID))
			t.touch(s.link)
		}
	}
	return true
}

// putBehind puts an event behind the inquiry, if that is still there; with isEnd
// it ends it, unless it is being handled already.
func (s *Session) putBehind(q *inquiry, r *Request, do handler, isEnd bool) (taken, ended bool, err error) {
	j := keepEvent(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.inquiry != q:
		return false, false, nil
	case isEnd && !q.answered:
		s.inquiry = nil
		return true, true, nil
	case len(q.queue) >= maxJobs || q.bytes+j.bytes > maxJobBytes:
		return true, false, wire.Errorf(wire.CodeRateLimited, "")
	}
	if r.Reply != nil {
		j.reply = r.Reply.Later()
	}
	q.queue = append(q.queue, held{j, do})
	q.bytes += j.bytes
	return true, false, nil
}

// hangUpInquiry ends whatever the device has asked for, as a call:end does that
// fits no call (C7), and returns the answer to it.
func (s *Session) hangUpInquiry(t *turn) (reply []byte, ok bool) {
	s.mu.Lock()
	q := s.inquiry
	if q == nil || q.answered {
		s.mu.Unlock()
		return nil, false
	}
	s.inquiry = nil
	s.mu.Unlock()
	s.takeBack(t, q)
	return endedReply(q.callID), true
}

// dropInquiry takes back what the session has asked for: it places another call,
// or is over.
func (s *Session) dropInquiry(t *turn) {
	s.mu.Lock()
	q := s.inquiry
	s.inquiry = nil
	lost := s.moved && q != nil && !q.answered
	s.mu.Unlock()
	if q == nil {
		return
	}
	s.takeBack(t, q)
	if lost {
		// The client goes on elsewhere, where nobody asks for it: it hears that
		// it does not ring.
		c, fx := call.Refuse(call.Ring{ID: q.callID, Caller: s.who(), Callee: q.to}, call.Failed, t.now)
		s.sw.deliver(context.Background(), t, &c, unlogged(fx), nil)
	}
}

// takeBack answers what waited in an inquiry that is the session's no more.
func (s *Session) takeBack(t *turn, q *inquiry) {
	if q == nil {
		return
	}
	q.cancel()
	s.mu.Lock()
	list := q.queue
	q.queue, q.bytes = nil, 0
	s.mu.Unlock()
	for i := range list {
		if list[i].reply != nil {
			list[i].reply.Fail(wire.Errorf(wire.CodeCallEnded, ""))
			t.touch(s.link)
		}
	}
}

func endedReply(callID string) []byte {
	o := newObject(nil)
	o.str("callId", callID)
	o.str("state", call.Ended.String())
	return o.end()
}

// asksFirst reports whether an event has to wait for a permission.
func asksFirst(err error) (permit.Question, bool) {
	var ask *mustAsk
	if errors.As(err, &ask) {
		return ask.question, true
	}
	return permit.Question{}, false
}
