package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A handler serves one event. What it returns is the acknowledgement: raw JSON
// arguments, or an error.
type handler func(*Switchboard, context.Context, *turn, *Session, [][]byte) ([]byte, error)

type route struct {
	handle handler
	// extended events are unknown to base clients.
	extended bool
	// stored, if not nil, serves the event where messages are kept, behind the
	// others of its session.
	stored stored
	// inCall events may belong to a call that waits for its permission.
	inCall bool
	// silent events have a limit of their own and no answer when over it.
	silent bool
}

// routes is the protocol from the client's side, in the order of PROTOCOL.md.
var routes = map[string]route{
	wire.CallUser:     {handle: (*Switchboard).onCallUser, inCall: true},
	wire.CallAnswer:   {handle: (*Switchboard).onCallAnswer},
	wire.CallEnd:      {handle: (*Switchboard).onCallEnd, inCall: true},
	wire.CallRejected: {handle: (*Switchboard).onCallRejected, inCall: true},

	wire.MessageDelivered: {handle: (*Switchboard).onMessageDelivered, stored: (*Switchboard).markMessageDelivered},
	wire.MessageSeen:      {handle: (*Switchboard).onMessageSeen, stored: (*Switchboard).markMessageSeen},
	wire.AllMessageSeen:   {handle: (*Switchboard).onAllMessageSeen, stored: (*Switchboard).markAllSeen},
	wire.Typing:           {handle: (*Switchboard).onTyping, silent: true},
	wire.StopTyping:       {handle: (*Switchboard).onStopTyping, silent: true},

	wire.CallCandidate: {handle: (*Switchboard).onCallCandidate, extended: true},
	wire.CallSignal:    {handle: (*Switchboard).onCallSignal, extended: true},
	wire.CallResume:    {handle: (*Switchboard).onCallResume, extended: true},
	wire.CallHandoff:   {handle: (*Switchboard).onCallHandoff, extended: true},
	wire.CallTransfer:  {handle: (*Switchboard).onCallTransfer, extended: true},
	wire.CallInvite:    {handle: (*Switchboard).notConfigured, extended: true},

	wire.MessageSend:          {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageSend, extended: true},
	wire.MessageSync:          {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageSync, extended: true},
	wire.MessageEdit:          {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageEdit, extended: true},
	wire.MessageDelete:        {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageDelete, extended: true},
	wire.MessageReact:         {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageReact, extended: true},
	wire.MessageHistory:       {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageHistory, extended: true},
	wire.MessageConversations: {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onMessageConversations, extended: true},

	wire.UserBlock:   {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onUserBlock, extended: true},
	wire.UserUnblock: {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onUserUnblock, extended: true},
	wire.UserBlocks:  {handle: (*Switchboard).notConfigured, stored: (*Switchboard).onUserBlocks, extended: true},

	wire.PresenceWatch:   {handle: (*Switchboard).onPresenceWatch, extended: true},
	wire.PresenceUnwatch: {handle: (*Switchboard).onPresenceUnwatch, extended: true},

	wire.ICEServers:  {handle: (*Switchboard).onICEServers, extended: true},
	wire.AuthRefresh: {handle: (*Switchboard).onAuthRefresh, extended: true},
	wire.Ping:        {handle: (*Switchboard).onPing, extended: true},
}

// dispatch finds the handler of an event and answers for it.
func (sw *Switchboard) dispatch(t *turn, s *Session, r *Request) {
	rt, ok := routes[string(r.Event)]
	if ok && rt.extended && !s.extended {
		ok = false
	}
	if ok && rt.silent {
		if !s.admitTyping(t) {
			sw.metrics.dropped.Inc()
			return
		}
	} else if err := s.admit(t); err != nil {
		sw.fail(t, s, r, err)
		return
	}
	if !ok {
		sw.fail(t, s, r, wire.Errorf(wire.CodeUnknownEvent, ""))
		return
	}
	if rt.stored != nil && sw.chat != nil {
		if err := s.later(r, rt.stored); err != nil {
			sw.fail(t, s, r, err)
		}
		return
	}
	if rt.inCall && sw.permits != nil && s.waits(t, r, rt.handle) {
		return
	}
	t.answer = r.Reply != nil
	reply, err := rt.handle(sw, context.Background(), t, s, r.Args)
	if lost := t.await(); lost != nil && err == nil {
		err = wire.Errorf(wire.CodeUnavailable, "")
	}
	if question, ok := asksFirst(err); ok {
		s.inquire(t, r, rt.handle, question)
		return
	}
	if err != nil {
		sw.fail(t, s, r, err)
		return
	}
	if r.Reply != nil {
		r.Reply.Ack(reply)
		t.touch(s.link)
	}
}

// fail tells the client what was wrong: in the acknowledgement if it asked for
// one, else as an error event to an extended client. A base client hears
// nothing: it would not know what to do with it.
func (sw *Switchboard) fail(t *turn, s *Session, r *Request, err error) {
	p, known := wire.ProblemOf(err)
	if !known {
		sw.log.Error("an event failed", "event", string(r.Event), "user", s.user, "session", s.id, "error", err)
	}
	sw.metrics.problem(p.Code)
	if r.Reply != nil {
		r.Reply.Fail(p)
		t.touch(s.link)
		return
	}
	if !s.extended {
		return
	}
	o := newObject(nil)
	o.str("code", string(p.Code))
	o.str("message", p.Message)
	event := r.Event
	if len(event) > wire.MaxCallID {
		event = event[:wire.MaxCallID]
	}
	o.str("event", string(event))
	s.send(t, droppable(wire.Error, o.end()))
}

// notConfigured serves the events of parts that this server runs without.
func (sw *Switchboard) notConfigured(context.Context, *turn, *Session, [][]byte) ([]byte, error) {
	return nil, wire.Errorf(wire.CodeNotConfigured, "")
}
