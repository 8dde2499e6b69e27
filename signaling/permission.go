package signaling

import (
	"context"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/permit"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Permits knows who may call and message whom (C15): a *permit.Asker.
type Permits interface {
	// Known returns an answer that is there without asking.
	Known(permit.Question) (permit.Answer, bool)
	// Ask waits for one; it fails only if ctx ends.
	Ask(context.Context, permit.Question) (permit.Answer, error)
}

// mustAsk: whether a call may be placed has to be asked. The event is handled
// again when that is known (inquiry.go).
type mustAsk struct{ question permit.Question }

func (*mustAsk) Error() string { return "signaling: a permission has to be asked for" }

// granted is what was answered for the event that is being handled.
type granted struct {
	answer permit.Answer
	callID string // the call that was asked for; "" once it is placed
}

// mayRing says whether a session may place a call to a user: nil, or the answer
// that says no. The error is that it has to be asked first.
func (sw *Switchboard) mayRing(t *turn, s *Session, to string) (*permit.Answer, error) {
	if sw.permits == nil {
		return nil, nil //nolint:nilnil // nothing stands against it
	}
	g := t.granted
	if g == nil {
		q := permit.Question{Action: permit.Call, From: s.user, To: to}
		answer, known := sw.permits.Known(q)
		if !known {
			return nil, &mustAsk{q}
		}
		g = &granted{answer: answer}
	}
	if g.answer.Allow {
		return nil, nil //nolint:nilnil // as above
	}
	return &g.answer, nil
}

// callID is the id of the call that the event asks for.
func (t *turn) callID() string {
	if t.granted == nil || t.granted.callID == "" {
		return newCallID()
	}
	id := t.granted.callID
	t.granted.callID = ""
	return id
}

// denied refuses a call that may not be placed: the asking device, and only it, is
// told, in the words of who decided. That nobody has answered is no decision: it is
// neither kept nor logged, and the client may try again.
func (sw *Switchboard) denied(ctx context.Context, t *turn, s *Session, r call.Ring, no *permit.Answer) (*call.Call, error) {
	// The client hears a reason of calls. To the log it is forbidden: the callee has
	// missed nothing.
	why, shown := call.Forbidden, call.Forbidden
	switch {
	case no.Failed, no.Code == wire.CodeUnavailable, no.Code == wire.CodeRateLimited:
		why, shown = call.Failed, call.Failed
	case no.Code == wire.CodeBusy:
		shown = call.Busy
	case no.Code == wire.CodeOffline:
		shown = call.Offline
	}
	c, fx := call.Refuse(r, why, t.now)
	message, text := clean(no.Message), sentence(string(shown))
	if message != "" {
		text = message
	}
	s.send(t, unavailableEvent(c.ID, string(shown), text))
	fx = slices.DeleteFunc(slices.Clone(fx), func(e call.Effect) bool { return e.Kind == call.EffectUnavailable })
	if no.Failed {
		sw.deliver(ctx, t, &c, unlogged(fx), nil)
	} else if err := sw.overAtOnce(ctx, t, &c, fx); err != nil {
		return nil, err
	}
	return nil, wire.Errorf(no.Code, message)
}

// unavailableEvent is call:unavailable.
func unavailableEvent(callID, code, sentence string) *wire.Event {
	o := newObject(nil)
	o.str("reason", sentence)
	o.str("code", code)
	o.str("callId", callID)
	return eventOf(wire.CallUnavailable, o.end())
}

// mayMessage says why a user may not message another. It waits for the answer: the
// messages of one device stay in their order, and nobody else waits with them.
func (sw *Switchboard) mayMessage(ctx context.Context, user, to string) error {
	if sw.permits == nil || user == to {
		return nil
	}
	answer, err := sw.permits.Ask(ctx, permit.Question{Action: permit.Message, From: user, To: to})
	switch {
	case err != nil:
		return wire.Errorf(wire.CodeUnavailable, "")
	case !answer.Allow:
		return wire.Errorf(answer.Code, clean(answer.Message))
	}
	return nil
}
