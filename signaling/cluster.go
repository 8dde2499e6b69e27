package signaling

import (
	"context"
	"slices"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// The switchboard's side of the cluster: what it does with what other nodes
// tell it.

var (
	_ presence.Handler  = (*Switchboard)(nil)
	_ presence.Observer = (*Switchboard)(nil)
)

// Receive gets what another node sent. It runs on the goroutine that reads this
// node's inbox; Drained ends the turn that it begins.
func (sw *Switchboard) Receive(from presence.Peer, kind presence.Kind, payload []byte) {
	<-sw.joined
	if sw.inTurn == nil {
		sw.inTurn = sw.newTurn()
	}
	var err error
	switch kind {
	case kindCall:
		err = sw.receiveCall(sw.inTurn, nil, payload)
	case kindEvent:
		err = sw.receiveEvent(sw.inTurn, nil, payload)
	case kindEvict:
		sw.evict(string(payload))
	case kindAsk:
		sw.asked(from, payload)
	case kindReply:
		sw.replied(payload)
	default: // of a newer release
	}
	if err != nil {
		sw.log.Warn("what another node sent can not be used", "from", from.Name, "kind", kind, "error", err)
	}
}

// Drained flushes what Receive gathered.
func (sw *Switchboard) Drained() {
	if t := sw.inTurn; t != nil {
		sw.inTurn = nil
		t.end()
	}
}

// receiveCall takes effects of a call for this node's sessions. was: they were held
// back for a session.
func (sw *Switchboard) receiveCall(t *turn, was *arrival, payload []byte) error {
	flags, c, fx, err := decodeCallEnvelope(payload)
	if err != nil {
		return err
	}
	if !sw.hold(was, kindCall, payload, c.Caller.User, c.Callee.User) {
		sw.takeCall(t, flags, c, fx)
	}
	return nil
}

func (sw *Switchboard) takeCall(t *turn, flags byte, c *call.Call, fx []call.Effect) {
	if flags&flagSoft == 0 {
		sw.tellFrom(t, flags, c, fx)
		return
	}
	for _, e := range sw.takeSoft(t, flags, c, fx) {
		sw.stepUndelivered(context.Background(), t, c, &e)
	}
}

func (sw *Switchboard) tellFrom(t *turn, flags byte, c *call.Call, fx []call.Effect) {
	mu := sw.callLock(c.ID)
	mu.Lock()
	defer mu.Unlock()
	newest := sw.hear(c, t.now)
	fresh := sw.book.fresh(c.ID, fx)
	// What another node said later may have come before: a call that does not
	// ring any more starts to ring nowhere.
	rings := func(e call.Effect) bool { return e.Kind == call.EffectIncoming }
	if newest.State != call.Ringing && slices.ContainsFunc(fresh, rings) {
		fresh = slices.DeleteFunc(slices.Clone(fresh), rings)
	}
	here := sw.tellHere(t, c, unlogged(fresh)) // who stepped it has logged it
	sw.forwardCall(flags, c, fx, &here)
	if flags&(flagForwarded|flagRepeat) != flagForwarded {
		return
	}
	// What was told here before has been sent to a session where that was, which
	// has come since then.
	for i := range fx {
		if e := &fx[i]; numbered(e) && !e.Resumed && !rings(*e) && !slices.ContainsFunc(fresh, func(f call.Effect) bool { return f.Seq == e.Seq }) {
			sw.tell(t, c, e, sw.lacking(c, e))
		}
	}
}

// numbered reports whether the number of an effect is its own: what only passes
// through a call takes none.
func numbered(e *call.Effect) bool {
	return e.Kind != call.EffectSignal && e.Kind != call.EffectCandidates
}

// lacking lists the sessions of an effect's user that came from other nodes and
// have not been told of it here.
func (sw *Switchboard) lacking(c *call.Call, e *call.Effect) (list []*Session) {
	for _, s := range sw.hub.of(e.To.User) {
		if s.came && e.To.Includes(s.device) && s.hears(c.ID, e.Seq) {
			list = append(list, s)
		}
	}
	return list
}

// hear takes the version of a call that came with its effects, and returns the
// newest one known.
func (sw *Switchboard) hear(c *call.Call, now time.Time) *call.Call {
	if old := sw.book.get(c.ID); old != nil {
		call.MergeSeen(c, old)
	}
	if !sw.hasPart(c) {
		return c
	}
	old, taken := sw.book.put(c, now)
	if !taken {
		return old
	}
	sw.settle(c)
	return c
}

// receiveEvent does so with an event.
func (sw *Switchboard) receiveEvent(t *turn, was *arrival, payload []byte) error {
	e, err := decodeEventEnvelope(payload)
	if err != nil {
		return err
	}
	if !sw.hold(was, kindEvent, payload, e.user) {
		sw.takeEvent(t, &e)
	}
	return nil
}

func (sw *Switchboard) takeEvent(t *turn, e *eventEnvelope) {
	if e.event == blockNews {
		sw.takeBlock(e)
		return
	}
	here := sw.hub.of(e.user)
	ev := eventOf(e.event, slices.Clone(e.args)) // the payload is borrowed
	if e.flags&flagDroppable != 0 {
		ev = droppable(e.event, ev.Args)
		if e.event == wire.UserTyping || e.event == wire.UserStopTyping {
			sw.noteTyping(t, e)
		}
	}
	ev.Shared = len(here) > 1
	who := audience(e.flags & (flagExtended | flagBase))
	for _, s := range here {
		if (e.device == "" || e.device == s.device) && who.includes(s.extended) {
			s.send(t, ev)
			if e.from != "" {
				s.met(e.from)
			}
		}
	}
	if e.event == wire.NewMessage {
		sw.gotMessage(e.user, e.device, ev.Args)
	}
	e.told = here // one that moves meanwhile takes it along
	sw.forwardEvent(e)
}

// takeBlock takes the news of a change of who has blocked whom.
func (sw *Switchboard) takeBlock(e *eventEnvelope) {
	user, other, on, ok := decodeBlock(e.args)
	if !ok {
		sw.log.Warn("what another node sent can not be used", "event", "block", "user", e.user)
		return
	}
	sw.heardBlock(e.user, user, other, on)
	sw.forwardEvent(e)
}

// evict ends a session whose device has connected to another node.
func (sw *Switchboard) evict(sid string) {
	user, id, ok := cutEvict(sid)
	if !ok {
		return
	}
	if s := sw.hub.session(user, id); s != nil {
		sw.soon(func() { s.replaced(context.Background()) })
	}
}

// Undelivered gets back what a dead node did not confirm. Signals are kept for
// the device's return, or go where it is now; what is in a call's record is
// told again.
func (sw *Switchboard) Undelivered(_ presence.Peer, kind presence.Kind, payload []byte) {
	<-sw.joined
	switch kind {
	case kindCall:
	case kindAsk:
		sw.unasked(payload)
		return
	default: // events are for those who are there
		return
	}
	flags, c, fx, err := decodeCallEnvelope(payload)
	if err != nil {
		return
	}
	t := sw.newTurn()
	defer t.end()
	ctx := context.Background()
	for i := range fx {
		if !sw.stepUndelivered(ctx, t, c, &fx[i]) && flags&flagSoft == 0 {
			sw.deliverAgain(ctx, t, c, fx[i:i+1])
		}
	}
}

// deliverAgain hands over effects that may have been handed over before.
func (sw *Switchboard) deliverAgain(ctx context.Context, t *turn, c *call.Call, fx []call.Effect) {
	mu := sw.callLock(c.ID)
	mu.Lock()
	defer mu.Unlock()
	here := sw.tellHere(t, c, unlogged(sw.book.fresh(c.ID, fx)))
	sw.tellOthers(ctx, t, flagRepeat, c, fx, &here, sw.publish(c, fx, sw.settled(c)))
}
