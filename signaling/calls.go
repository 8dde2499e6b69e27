package signaling

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash/maphash"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxRaces bounds how often a step is tried again after a lost compare-and-set.
const maxRaces = 16

// step applies an input to a call and delivers what follows. Steps of one call
// take turns on this node, so that their effects are queued in their order.
func (sw *Switchboard) step(ctx context.Context, t *turn, id string, in call.Input) (*call.Call, []call.Effect, error) {
	mu := &sw.callLocks[maphash.String(sw.hub.seed, id)%uint64(len(sw.callLocks))]
	mu.Lock()
	defer mu.Unlock()
	for range maxRaces {
		c, err := sw.store.Load(ctx, id)
		if err != nil {
			return nil, nil, storeError(err)
		}
		next, fx, refused := call.StepInto(*c, in, t.now, t.room(sw.store.Shared()))
		if next.Version == c.Version {
			return c, fx, refused
		}
		err = sw.save(ctx, t, c, &next, fx)
		if errors.Is(err, presence.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, nil, storeError(err)
		}
		return &next, fx, refused
	}
	return nil, nil, wire.Errorf(wire.CodeUnavailable, "")
}

// save stores a step's result and delivers its effects.
func (sw *Switchboard) save(ctx context.Context, t *turn, old, next *call.Call, fx []call.Effect) error {
	if !sw.store.Shared() {
		next.Outbox = nil // they are handed over before anybody else can step
	}
	if err := sw.store.Save(ctx, next, old.Version); err != nil {
		return err
	}
	sw.settle(old, next)
	sw.deliver(t, next, fx)
	return nil
}

// settle moves the in-call heartbeat (C9) to the devices that hold the call
// now.
func (sw *Switchboard) settle(old, next *call.Call) {
	for _, role := range [...]call.Role{call.Caller, call.Callee} {
		before, after := "", ""
		if old != nil && old.Live() {
			before = old.Party(role).Device
		}
		if next.Live() {
			after = next.Party(role).Device
		}
		if before == after {
			continue
		}
		for _, s := range sw.hub.of(next.Party(role).User) {
			switch s.device {
			case before:
				s.unhold()
			case after:
				s.hold()
			}
		}
	}
}

// open stores a new call and delivers its first effects.
func (sw *Switchboard) open(ctx context.Context, t *turn, c *call.Call, fx []call.Effect, marks []string) error {
	mu := &sw.callLocks[maphash.String(sw.hub.seed, c.ID)%uint64(len(sw.callLocks))]
	mu.Lock()
	defer mu.Unlock()
	if !sw.store.Shared() {
		c.Outbox = nil
	}
	if err := sw.store.Open(ctx, c, marks); err != nil {
		return err
	}
	sw.settle(nil, c)
	sw.deliver(t, c, fx)
	return nil
}

// storeError turns what a store says into what a client may hear.
func storeError(err error) error {
	if errors.Is(err, presence.ErrNotFound) {
		return call.ErrNotInCall
	}
	return wire.Errorf(wire.CodeUnavailable, "")
}

// liveCalls loads the user's live calls.
func (sw *Switchboard) liveCalls(ctx context.Context, user string) ([]*call.Call, error) {
	ids, err := sw.store.CallsOf(ctx, user)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	list := make([]*call.Call, 0, len(ids)+1)
	for _, id := range ids {
		c, err := sw.store.Load(ctx, id)
		if errors.Is(err, presence.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// find names the call that an event of the session is about: the one with the
// id, or, for base clients that give none, the one that fits (C1, C3, C7).
func (sw *Switchboard) find(ctx context.Context, s *Session, ev call.Event, id, to string) (string, error) {
	if id != "" {
		return id, nil
	}
	list, err := sw.liveCalls(ctx, s.user)
	if err != nil {
		return "", wire.Errorf(wire.CodeUnavailable, "")
	}
	c, err := call.Match(ev, s.who(), to, list)
	if err == nil {
		return c.ID, nil
	}
	// None that is live: it may be late for one that has just ended.
	if last, lastErr := sw.store.LastOf(ctx, s.user); lastErr == nil && last != "" {
		if ended, loadErr := sw.store.Load(ctx, last); loadErr == nil {
			if c, err = call.Match(ev, s.who(), to, append(list, ended)); err == nil {
				return c.ID, nil
			}
		}
	}
	return "", err
}

// who is the session's device as the call machine knows it.
func (s *Session) who() call.Who {
	return call.Who{User: s.user, Device: s.device, Session: s.id, Extended: s.extended}
}

// present lists the devices of a user that are connected to this node now.
func (sw *Switchboard) present(user string) []call.Who {
	list := sw.hub.of(user)
	if len(list) == 0 {
		return nil
	}
	out := make([]call.Who, 0, len(list))
	for _, s := range list {
		if s.isLive() {
			out = append(out, s.who())
		}
	}
	return out
}

// attach brings a connected session to the calls of its user: those that ring,
// and those that its device holds or held when it was last here (C2, C9, C13).
func (sw *Switchboard) attach(ctx context.Context, t *turn, s *Session, recovered bool) {
	ids, err := sw.store.CallsOf(ctx, s.user)
	if err != nil {
		sw.log.Warn("calls of a user are not to be had", "user", s.user, "error", err)
		return
	}
	for _, id := range ids {
		c, _, err := sw.step(ctx, t, id, call.DeviceOnline{Who: s.who(), Recovered: recovered})
		if err != nil || c == nil {
			continue
		}
		// A new session of the device takes the heartbeat over; one that is
		// back has kept it.
		if !recovered && c.Holds(s.user, s.device) {
			s.hold()
		}
	}
	if recovered {
		return
	}
	if last, err := sw.store.LastOf(ctx, s.user); err == nil && last != "" {
		_, _, _ = sw.step(ctx, t, last, call.DeviceOnline{Who: s.who()})
	}
}

// deviceAway and deviceGone tell the user's calls what became of a device.
func (sw *Switchboard) deviceAway(ctx context.Context, t *turn, s *Session) {
	sw.tellCalls(ctx, t, s, call.DeviceAway{Who: s.who()})
}

func (sw *Switchboard) deviceGone(ctx context.Context, t *turn, s *Session, clean bool) {
	sw.tellCalls(ctx, t, s, call.DeviceGone{Who: s.who(), Lost: !clean})
}

func (sw *Switchboard) tellCalls(ctx context.Context, t *turn, s *Session, in call.Input) {
	ids, err := sw.store.CallsOf(ctx, s.user)
	if err != nil {
		sw.log.Warn("calls of a user are not to be had", "user", s.user, "error", err)
		return
	}
	for _, id := range ids {
		if _, _, err := sw.step(ctx, t, id, in); err != nil {
			sw.log.Debug("a call refused the news of a device", "call", id, "session", s.id, "error", err)
		}
	}
}

// due steps the calls whose time has come (C6, C9).
func (sw *Switchboard) due(ctx context.Context) {
	const batch = 256
	for {
		ids, err := sw.store.Due(ctx, batch)
		if err != nil {
			sw.log.Warn("due calls are not to be had", "error", err)
			return
		}
		if len(ids) == 0 {
			return
		}
		t := sw.newTurn()
		for _, id := range ids {
			if _, _, err := sw.step(ctx, t, id, call.Timeout{}); err != nil {
				sw.log.Warn("a due call could not be stepped", "call", id, "error", err)
			}
		}
		t.end()
		if len(ids) < batch {
			return
		}
	}
}

// newCallID makes a call id: 128 random bits, so that it can not be guessed
// (C1).
func newCallID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
