package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// present lists the devices of a user that are connected now, here first.
func (sw *Switchboard) present(ctx context.Context, user string) ([]call.Who, error) {
	here := sw.hub.of(user)
	others, err := sw.elsewhere(ctx, user)
	if err != nil {
		return nil, err
	}
	if len(here)+len(others) == 0 {
		return nil, nil
	}
	out := make([]call.Who, 0, len(here)+len(others))
	for _, s := range here {
		if s.isLive() {
			out = append(out, s.who())
		}
	}
	for i := range others {
		if o := &others[i]; !o.Away && !sw.mine(o) {
			out = append(out, call.Who{User: o.User, Device: o.Device, Session: o.ID, Extended: o.Extended})
		}
	}
	return out, nil
}

// enter tells a session that has connected, and is registered, what it has to
// know: who is online, how those are that it watched, and the calls of its user.
// What the store has to say to that is asked for at the same time: its answers may
// be a long way off.
func (sw *Switchboard) enter(ctx context.Context, t *turn, s *Session, recovered bool, watching []string) {
	var list roll
	var states []presence.State
	listed := sw.beside(func() { list = sw.online.read(ctx) })
	watched := sw.beside(func() { states = s.watchAgain(ctx, watching) })
	ids, err := sw.store.CallsOf(ctx, s.user)
	listed()
	sw.online.welcome(ctx, t, s, list)
	watched()
	for _, st := range states {
		s.send(t, droppable(wire.PresenceUpdate, appendState(nil, s.asShown(st))))
	}
	sw.attachTo(ctx, t, s, recovered, ids, err)
}

// beside runs f at the same time as what follows, where that may have to wait for
// other machines, and returns what waits for its end.
func (sw *Switchboard) beside(f func()) (wait func()) {
	if !sw.shared {
		f()
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return func() { <-done }
}

// attach brings a connected session to the calls of its user: those that ring,
// and those that its device holds or held when it was last here (C2, C9, C13).
func (sw *Switchboard) attach(ctx context.Context, t *turn, s *Session, recovered bool) {
	ids, err := sw.store.CallsOf(ctx, s.user)
	sw.attachTo(ctx, t, s, recovered, ids, err)
}

func (sw *Switchboard) attachTo(ctx context.Context, t *turn, s *Session, recovered bool, ids []string, err error) {
	if err != nil {
		sw.tryLater(s, "online", err, func(ctx context.Context, t *turn) error {
			if s.isLive() {
				sw.attach(ctx, t, s, recovered)
			}
			return nil
		})
		return
	}
	// A new session of the device takes the heartbeat over, and so does one
	// that comes from another node; one that is back has kept it.
	takesOver := s.arrives() || !recovered
	for _, id := range ids {
		sw.bringTo(ctx, t, s, id, recovered, takesOver)
	}
	if recovered {
		return
	}
	if last, err := sw.store.LastOf(ctx, s.user); err == nil && last != "" {
		_, _, _ = sw.step(ctx, t, last, call.DeviceOnline{Who: s.who()})
	}
}

// bringTo is attachTo for one call. It keeps the call's lock until the heartbeat is
// taken: nobody ends the call in between, who would not find that to give back.
func (sw *Switchboard) bringTo(ctx context.Context, t *turn, s *Session, id string, recovered, takesOver bool) {
	mu := sw.callLock(id)
	mu.Lock()
	defer mu.Unlock()
	c, _, err := sw.stepLocked(ctx, t, id, call.DeviceOnline{Who: s.who(), Recovered: recovered})
	if err != nil || c == nil || !takesOver || !c.Holds(s.user, s.device) {
		return
	}
	s.hold(c.ID)
	if sw.shared {
		sw.book.put(c, t.now) // its end gives the heartbeat back
	}
}

// deviceAway and deviceGone tell the user's calls what became of a device.
func (sw *Switchboard) deviceAway(ctx context.Context, t *turn, s *Session) {
	in := call.DeviceAway{Who: s.who()}
	if err := sw.stepCallsOf(ctx, t, s.user, in); err != nil {
		sw.tryLater(s, "news", err, func(ctx context.Context, t *turn) error {
			s.shift.Lock()
			defer s.shift.Unlock()
			if s.now() != away { // it is back, or on another node
				return nil
			}
			return sw.stepCallsOf(ctx, t, s.user, in)
		})
	}
}

func (sw *Switchboard) deviceGone(ctx context.Context, t *turn, s *Session, clean bool) {
	in := call.DeviceGone{Who: s.who(), Lost: !clean}
	if err := sw.stepCallsOf(ctx, t, s.user, in); err != nil {
		sw.tryLater(s, "news", err, func(ctx context.Context, t *turn) error { return sw.stepCallsOf(ctx, t, s.user, in) })
	}
}

// stepCallsOf gives all calls of a user an input; the error says that it could
// not be done now.
func (sw *Switchboard) stepCallsOf(ctx context.Context, t *turn, user string, in call.Input) error {
	ids, err := sw.store.CallsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, _, err := sw.step(ctx, t, id, in); unavailable(err) {
			return err
		} else if err != nil {
			sw.log.Debug("a call refused the news of a device", "call", id, "user", user, "error", err)
		}
	}
	return nil
}

// tryLater puts down what could not be told to the calls of a session: the
// newest of each kind counts.
func (sw *Switchboard) tryLater(s *Session, kind string, err error, f func(context.Context, *turn) error) {
	if !sw.shared || !unavailable(err) {
		sw.log.Warn("calls of a user are not to be had", "user", s.user, "error", err)
		return
	}
	sw.owe(kind+"/"+s.id, f)
}
