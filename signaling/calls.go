package signaling

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxRaces bounds how often a step is tried again after a lost compare-and-set.
const maxRaces = 16

// step applies an input to a call and delivers what follows. Steps of one call
// take turns on this node, so that their effects are queued in their order.
func (sw *Switchboard) step(ctx context.Context, t *turn, id string, in call.Input) (*call.Call, []call.Effect, error) {
	mu := sw.callLock(id)
	mu.Lock()
	defer mu.Unlock()
	return sw.stepLocked(ctx, t, id, in)
}

// stepLocked is step for who holds the call's lock.
func (sw *Switchboard) stepLocked(ctx context.Context, t *turn, id string, in call.Input) (*call.Call, []call.Effect, error) {
	c, known, err := sw.load(ctx, id)
	noted := false
	for range maxRaces {
		if err != nil {
			return nil, nil, storeError(err)
		}
		// What the known version asked for was handed over by who made it; a
		// version that had to be looked up keeps its witnesses.
		base := *c
		if known {
			base = base.Acked(base.Seq)
		}
		next, fx, refused := call.StepInto(base, in, t.now, t.room(sw.shared))
		if next.Version == base.Version {
			if !known {
				return c, fx, refused
			}
			// It may look so only because the news has not arrived here.
			if newer, loadErr := sw.store.Load(ctx, id); loadErr == nil && newer.Version > c.Version {
				c, known = newer, false
				continue
			}
			return c, fx, refused
		}
		if err = sw.keep(ctx, t, c, &next, fx); err == nil {
			return &next, fx, refused
		}
		var nobody *absentError
		switch {
		case errors.Is(err, presence.ErrConflict):
			c, err = sw.store.Load(ctx, id)
		case errors.As(err, &nobody) && !noted:
			noted = true
			c, err = sw.noteAbsent(ctx, t, id, nobody.who)
		}
		known = false
	}
	return nil, nil, wire.Errorf(wire.CodeUnavailable, "")
}

func (sw *Switchboard) callLock(id string) *sync.Mutex {
	return &sw.callLocks[maphash.String(sw.hub.seed, id)%uint64(len(sw.callLocks))]
}

// load returns a call: the version that this node knows, if it works with it
// and others do too, else the stored one. That of an ended call may still hold
// what nobody has done yet: its record (C14).
func (sw *Switchboard) load(ctx context.Context, id string) (c *call.Call, known bool, err error) {
	var here *call.Call
	if sw.shared {
		if here = sw.book.get(id); here != nil && here.Live() {
			return here, true, nil
		}
	}
	if c, err = sw.store.Load(ctx, id); err != nil && here != nil {
		return here, true, nil
	}
	return c, false, err
}

// keep stores a step's result and delivers its effects. What only passes through
// a call is not stored where that would cost a round for every signal: who sent
// it hears if it could not be passed on.
func (sw *Switchboard) keep(ctx context.Context, t *turn, old, next *call.Call, fx []call.Effect) error {
	if !sw.shared {
		next.Outbox = nil // they are handed over before anybody else can step
		if err := sw.store.Save(ctx, next, old.Version); err != nil {
			return err
		}
		sw.settle(next)
		sw.deliver(ctx, t, next, fx, nil)
		return nil
	}
	if call.Soft(old, next) {
		next.Version, next.Seq, next.Outbox = old.Version, old.Seq, old.Outbox
		if err := sw.pass(ctx, t, next, fx); err != nil {
			return err
		}
		sw.book.put(next, t.now)
		return nil
	}
	if err := sw.store.Save(ctx, next, old.Version); err != nil {
		return err
	}
	sw.settle(next)
	sw.note(next, t.now, fx)
	sw.deliver(ctx, t, next, fx, sw.settled(next))
	sw.keepAnswers(ctx, next, fx)
	return nil
}

// note puts a version into the book, if sessions of this node have a part in
// the call, with the effects that are about to be told here.
func (sw *Switchboard) note(c *call.Call, now time.Time, fx []call.Effect) {
	if !sw.hasPart(c) {
		sw.book.drop(c.ID)
		return
	}
	sw.book.put(c, now)
	sw.book.note(c.ID, fx)
}

func (sw *Switchboard) hasPart(c *call.Call) bool {
	return len(sw.hub.of(c.Caller.User)) > 0 || len(sw.hub.of(c.Callee.User)) > 0
}

// settle gives the in-call heartbeat (C9) to the devices that hold a call, and
// takes it from those that do not. It goes by the call alone: what this node knew
// before may be older than what the call was made of. The caller holds the call's
// lock, so that no older version comes after a newer one.
func (sw *Switchboard) settle(c *call.Call) {
	for _, user := range [...]string{c.Caller.User, c.Callee.User} {
		for _, s := range sw.hub.of(user) {
			if c.Holds(user, s.device) {
				s.hold(c.ID)
			} else {
				s.unhold(c.ID)
			}
		}
	}
}

// open stores a new call and delivers its first effects.
func (sw *Switchboard) open(ctx context.Context, t *turn, c *call.Call, fx []call.Effect, marks []string) error {
	mu := sw.callLock(c.ID)
	mu.Lock()
	defer mu.Unlock()
	if !sw.shared {
		c.Outbox = nil
	}
	if err := sw.store.Open(ctx, c, marks); err != nil {
		return err
	}
	sw.settle(c)
	if sw.shared {
		sw.note(c, t.now, fx)
	}
	sw.deliver(ctx, t, c, fx, sw.settled(c))
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
	if sw.shared {
		if c, err := match(ev, s.who(), to, sw.book.liveOf(s.user)); err == nil {
			return c.ID, nil
		}
	}
	list, err := sw.liveCalls(ctx, s.user)
	if err != nil {
		return "", wire.Errorf(wire.CodeUnavailable, "")
	}
	c, err := match(ev, s.who(), to, list)
	if err == nil {
		return c.ID, nil
	}
	// None that is live: it may be late for one that has just ended.
	if last, lastErr := sw.store.LastOf(ctx, s.user); lastErr == nil && last != "" {
		if ended, loadErr := sw.store.Load(ctx, last); loadErr == nil {
			if c, err = match(ev, s.who(), to, append(list, ended)); err == nil {
				return c.ID, nil
			}
		}
	}
	return "", err
}

// match is call.Match for who may not know that its call is screened.
func match(ev call.Event, who call.Who, to string, list []*call.Call) (*call.Call, error) {
	c, err := call.Match(ev, who, to, list)
	if err == nil || to == "" {
		return c, err
	}
	return call.Match(ev, who, screened(who.User, to), list)
}

// who is the session's device as the call machine knows it.
func (s *Session) who() call.Who {
	return call.Who{User: s.user, Device: s.device, Session: s.id, Extended: s.extended}
}

// settled returns what to do when an ended call has been told of everywhere.
func (sw *Switchboard) settled(c *call.Call) func() {
	if !sw.shared || c.Live() {
		return nil
	}
	if sw.chat != nil && isLogged(c) {
		r := c.Record()
		return func() { sw.soon(func() { sw.logShared(r) }) }
	}
	id := c.ID
	return func() { sw.store.Settled(context.Background(), id) }
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
			c, _, err := sw.step(ctx, t, id, call.Timeout{})
			if err != nil {
				sw.log.Warn("a due call could not be stepped", "call", id, "error", err)
			} else if sw.shared && !c.Live() && len(c.Outbox) > 0 {
				sw.unsettled(ctx, t, id)
			}
		}
		t.end()
		if len(ids) < batch {
			return
		}
	}
}

// unsettled tells again of the end of a call: who ended it may have died before
// it told anybody. What was told is dropped by those who have it.
func (sw *Switchboard) unsettled(ctx context.Context, t *turn, id string) {
	c, err := sw.store.Load(ctx, id)
	if err == nil && !c.Live() {
		sw.deliverAgain(ctx, t, c, c.Outbox)
	}
}

// newCallID makes a call id: 128 random bits, so that it can not be guessed
// (C1).
func newCallID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
