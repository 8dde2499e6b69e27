package signaling

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// What is sent to a device that is not there is kept with its call until it is
// (C11, C13). That it is not there may be known to nobody yet: its node has just
// died, or its session is on the way from one node to another.

// absentError says that a signal was not passed on: its device has no session
// anywhere.
type absentError struct{ who call.Who }

func (e *absentError) Error() string { return "signaling: a device has no session on any node" }

// carries reports whether an effect brings a device what is kept for it.
func carries(e *call.Effect) bool {
	switch e.Kind {
	case call.EffectSignal, call.EffectCandidates, call.EffectAccepted, call.EffectPending:
		return e.To.Scope == call.ToDevice && !e.Resumed
	default:
		return false
	}
}

// absent reports whether a device has a session on no node.
func (sw *Switchboard) absent(ctx context.Context, user, device string) (bool, error) {
	if sw.hub.device(user, device) != nil {
		return false, nil
	}
	list, err := sw.elsewhere(ctx, user)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(list, func(s presence.Session) bool { return s.Device == device && !sw.mine(&s) }), nil
}

// lastSeen is the device that an effect is for, in the session in which the call
// knows it: if it has another one by now, that is not meant.
func lastSeen(c *call.Call, e *call.Effect) call.Who {
	p := c.Party(c.RoleOf(e.To.User))
	return call.Who{User: e.To.User, Device: e.To.Device, Session: p.Session, Extended: p.Extended}
}

// noteAbsent makes a call see that a device is away, so that what is sent to it
// is kept, and returns the call as it is then. The caller holds the call's lock.
func (sw *Switchboard) noteAbsent(ctx context.Context, t *turn, id string, who call.Who) (*call.Call, error) {
	was := sw.book.get(id)
	if err := sw.markAwayLocked(ctx, t, id, who); err != nil {
		return nil, err
	}
	c, err := sw.store.Load(ctx, id)
	if err != nil || was == nil {
		return c, err
	}
	merged := *c // what was seen is only known here
	call.MergeSeen(&merged, was)
	return &merged, nil
}

// markAway makes a call see that a device is away of whose session another node
// ought to know, and does not say anything any more.
func (sw *Switchboard) markAway(ctx context.Context, t *turn, id string, who call.Who) error {
	mu := sw.callLock(id)
	mu.Lock()
	defer mu.Unlock()
	return sw.markAwayLocked(ctx, t, id, who)
}

func (sw *Switchboard) markAwayLocked(ctx context.Context, t *turn, id string, who call.Who) error {
	if sw.connected(ctx, who) {
		return nil
	}
	if _, _, err := sw.stepLocked(ctx, t, id, call.DeviceAway{Who: who}); err != nil {
		return err
	}
	// A node that has taken the session over meanwhile registers it first, and
	// tells its calls then. If that was before this step, it has to be told again:
	// nobody else would, and the device would be away for good.
	if !sw.connected(ctx, who) {
		return nil
	}
	_, _, err := sw.stepLocked(ctx, t, id, call.DeviceOnline{Who: who, Recovered: true})
	return err
}

// connected reports whether a session is connected to a node that lives.
func (sw *Switchboard) connected(ctx context.Context, who call.Who) bool {
	if s := sw.hub.device(who.User, who.Device); s != nil && s.id == who.Session {
		return s.isLive()
	}
	list, err := sw.elsewhere(ctx, who.User)
	return err == nil && slices.ContainsFunc(list, func(s presence.Session) bool {
		return s.ID == who.Session && s.Device == who.Device && !s.Away && !sw.mine(&s)
	})
}

// keepAnswers keeps what a stored step has for a device that is not there: an
// answer whose caller's node has just died.
func (sw *Switchboard) keepAnswers(ctx context.Context, c *call.Call, fx []call.Effect) {
	for i := range fx {
		if !carries(&fx[i]) {
			continue
		}
		if gone, err := sw.absent(ctx, fx[i].To.User, fx[i].To.Device); err != nil || !gone {
			continue
		}
		e := fx[i]
		e.Signal = bytes.Clone(e.Signal) // it may be borrowed
		name := "unheard/" + c.ID + "/" + strconv.FormatUint(e.Seq, 10)
		sw.owe(name, func(ctx context.Context, t *turn) error { return sw.giveBack(ctx, t, c, &e) })
		sw.soon(func() { sw.payNow(context.Background(), name) }) // the call is locked
	}
}

// tellLive gives signals to the devices that they are for, if all of these are
// connected here; else none.
func (sw *Switchboard) tellLive(t *turn, c *call.Call, fx []call.Effect) bool {
	var few [4][]*Session
	if len(fx) > len(few) {
		return false
	}
	for i := range fx {
		list, s := sw.deviceHere(&fx[i])
		if s == nil || !s.isLive() {
			return false
		}
		few[i] = list
	}
	for i := range fx {
		sw.tell(t, c, &fx[i], few[i])
	}
	return true
}

// deviceHere finds the session on this node of the device that a signal is for,
// among its user's: one look, for what a session gets that has just left is sent
// after it.
func (sw *Switchboard) deviceHere(e *call.Effect) (list []*Session, s *Session) {
	if !carries(e) {
		return nil, nil
	}
	list = sw.hub.of(e.To.User)
	if i := slices.IndexFunc(list, func(s *Session) bool { return s.device == e.To.Device }); i >= 0 {
		s = list[i]
	}
	return list, s
}

// takeSoft takes signals that another node has passed on, and returns those for
// a device that is away, or that is here no more and nowhere else either, which
// their sender did not know: they are kept with the call, so that the device gets
// them also if it returns as another page.
func (sw *Switchboard) takeSoft(t *turn, flags byte, c *call.Call, fx []call.Effect) (absent []call.Effect) {
	mu := sw.callLock(c.ID)
	mu.Lock()
	defer mu.Unlock()
	sw.hear(c, t.now)
	for i := range fx {
		e := &fx[i]
		switch list, s := sw.deviceHere(e); {
		case s != nil && s.isLive():
			sw.tell(t, c, e, list)
		case !carries(e):
			here := sw.tellHere(t, c, fx[i:i+1])
			sw.forwardCall(flags, c, fx[i:i+1], &here)
		case s != nil || flags&flagForwarded != 0 || !sw.sendAfter(flags, c, e):
			absent = append(absent, *e)
		}
	}
	return absent
}

// sendAfter passes a signal on, once, to where its device has gone (P2).
func (sw *Switchboard) sendAfter(flags byte, c *call.Call, e *call.Effect) bool {
	to, ok := sw.whereTo(e.To.User, e.To.Device, true)
	return ok && sw.sendCall([]target{{to, []call.Effect{*e}}}, flags|flagForwarded, c, presence.Must, nil) == nil
}

// stepUndelivered gives a lost signal back to its call; false: it is none.
func (sw *Switchboard) stepUndelivered(ctx context.Context, t *turn, c *call.Call, e *call.Effect) bool {
	if !carries(e) || c.RoleOf(e.To.User) == 0 {
		return false
	}
	if err := sw.giveBack(ctx, t, c, e); err != nil {
		sw.log.Warn("a signal for a device that was not there is lost", "call", c.ID, "user", e.To.User, "error", err)
	}
	return true
}

func (sw *Switchboard) giveBack(ctx context.Context, t *turn, c *call.Call, e *call.Effect) error {
	if !sw.reachable(ctx, e.To.User, e.To.Device) {
		// Its end may not have been noticed yet.
		_ = sw.markAway(ctx, t, c.ID, lastSeen(c, e))
	}
	_, _, err := sw.step(ctx, t, c.ID, call.Undelivered{Effect: *e})
	return err
}

// reachable reports whether a device has a session on a node that lives, or may
// have.
func (sw *Switchboard) reachable(ctx context.Context, user, device string) bool {
	gone, err := sw.absent(ctx, user, device)
	return err != nil || !gone
}
