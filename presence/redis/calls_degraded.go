package redis

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// alone keeps the calls that were opened or changed here while Redis was away
// (P7). Only calls of users whose sessions are all on this node can be. When
// Redis is back they are asserted (calls_assert.go) before anything else is
// asked about calls.
type alone struct {
	entries  atomic.Int32  // and doubts
	asserted atomic.Uint64 // health.trips up to which all is asserted
	one      sync.Mutex    // asserting
	rechecks line

	mu       sync.Mutex
	calls    map[string]*aloneCall
	byUser   map[string][]string // ids of live ones
	marks    map[string]string   // moved marks
	last     map[string]string
	byClient map[clientKey]string
	// doubts were opened, but Redis went away before it said so: whoever asked
	// was told that they are not.
	doubts map[string]*call.Call
}

type clientKey struct{ user, clientID string }

// aloneCall is guarded by alone.mu.
type aloneCall struct {
	c     *call.Call
	fresh bool      // opened here: Redis has never had it
	look  time.Time // not due before
	ended time.Time
	// settled: everybody has heard of its end.
	settled bool
}

// callsAlone reports whether Redis is away. If it is back, all that is known of
// calls here is told first.
func (s *Store) callsAlone() (bool, error) {
	switch {
	case s.closed.Load():
		return false, presence.ErrClosed
	case s.health.isDown():
		return true, nil
	case s.alone.entries.Load() == 0 && s.alone.asserted.Load() == s.health.trips.Load():
		return false, nil
	}
	if err := s.assertCalls(s.ctx); err != nil {
		return false, fmt.Errorf("redis: assert calls: %w", err)
	}
	return false, nil
}

// countLocked is called after a change.
func (a *alone) countLocked() { a.entries.Store(int32(len(a.calls) + len(a.doubts))) }

// doubt notes that a call may be in Redis, and should not.
func (a *alone) doubt(c *call.Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.doubts == nil {
		a.doubts = map[string]*call.Call{}
	}
	a.doubts[c.ID] = c
	a.countLocked()
}

// knownCalls are those that this node works with.
func (s *Store) knownCalls() []*call.Call {
	if s.handler == nil {
		return nil
	}
	return s.handler.Known()
}

// known finds a call that this node works with, or nil.
func (s *Store) known(id string) *call.Call {
	list := s.knownCalls()
	if i := slices.IndexFunc(list, func(c *call.Call) bool { return c.ID == id }); i >= 0 {
		return list[i]
	}
	return nil
}

// bothHere reports whether a call can change its state while Redis is away.
func (s *Store) bothHere(c *call.Call) bool {
	return s.onlyLocal(c.Caller.User) && s.onlyLocal(c.Callee.User)
}

func errAlone(what string) error {
	return fmt.Errorf("redis: %s: %w", what, presence.ErrUnavailable)
}

func (s *Store) openAlone(c *call.Call, marks, over []string) error {
	if c.Live() && !s.bothHere(c) {
		return errAlone("open")
	}
	known := s.knownCalls()
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls[c.ID] != nil {
		return presence.ErrConflict
	}
	if c.Live() {
		for _, user := range marks {
			if held := a.heldLocked(known, user, over); held != "" && held != c.ID {
				return &presence.Held{User: user, Call: held}
			}
		}
		for _, user := range marks {
			delete(a.marks, user)
		}
	}
	a.putLocked(c, nil, s.Now())
	return nil
}

// heldLocked is the live call that the user is in, but for those in over.
func (a *alone) heldLocked(known []*call.Call, user string, over []string) string {
	for _, id := range a.byUser[user] {
		if !slices.Contains(over, id) {
			return id
		}
	}
	for _, c := range known {
		if c.Live() && c.RoleOf(user) != 0 && a.calls[c.ID] == nil && !slices.Contains(over, c.ID) {
			return c.ID
		}
	}
	return ""
}

// putLocked stores a version in place of an older one.
func (a *alone) putLocked(c *call.Call, old *aloneCall, now time.Time) {
	if a.calls == nil {
		a.calls, a.byUser, a.marks = map[string]*aloneCall{}, map[string][]string{}, map[string]string{}
		a.last, a.byClient = map[string]string{}, map[clientKey]string{}
	}
	e := &aloneCall{c: c, fresh: old == nil}
	if old != nil {
		e.fresh = old.fresh
	}
	a.calls[c.ID] = e
	for _, user := range [...]string{c.Caller.User, c.Callee.User} {
		list := a.byUser[user]
		i := slices.Index(list, c.ID)
		switch {
		case c.Live() && i < 0:
			a.byUser[user] = append(list[:len(list):len(list)], c.ID)
		case !c.Live() && i >= 0:
			a.byUser[user] = slices.Delete(slices.Clone(list), i, i+1)
		}
		if !c.Live() {
			a.last[user] = c.ID
			if len(a.byUser[user]) == 0 {
				delete(a.byUser, user)
			}
			if a.marks[user] == c.ID {
				delete(a.marks, user)
			}
		}
	}
	if c.ClientID != "" {
		a.byClient[clientKey{c.Caller.User, c.ClientID}] = c.ID
	}
	if !c.Live() {
		e.ended = now
	}
	delete(a.doubts, c.ID) // it is one after all
	a.countLocked()
}

// dropLocked forgets a call.
func (a *alone) dropLocked(e *aloneCall) {
	c := e.c
	delete(a.calls, c.ID)
	for _, user := range [...]string{c.Caller.User, c.Callee.User} {
		if i := slices.Index(a.byUser[user], c.ID); i >= 0 {
			a.byUser[user] = slices.Delete(slices.Clone(a.byUser[user]), i, i+1)
		}
		if len(a.byUser[user]) == 0 {
			delete(a.byUser, user)
		}
		if a.last[user] == c.ID {
			delete(a.last, user)
		}
		if a.marks[user] == c.ID {
			delete(a.marks, user)
		}
	}
	if key := (clientKey{c.Caller.User, c.ClientID}); a.byClient[key] == c.ID {
		delete(a.byClient, key)
	}
	a.countLocked()
}

func (s *Store) saveAlone(c *call.Call, was uint64) error {
	known := s.known(c.ID)
	here := s.bothHere(c)
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.calls[c.ID]
	switch {
	case old == nil && !here: // what began here may go on here
		return errAlone("save")
	case old != nil && old.c.Version != was, old == nil && known != nil && known.Version > was:
		return presence.ErrConflict
	case old == nil:
		old = &aloneCall{} // Redis has had it
	}
	a.putLocked(c, old, s.Now())
	return nil
}

// settledAlone notes that everybody has heard of a call's end, and reports whether
// it ended here while Redis was away.
func (a *alone) settledAlone(id string) bool {
	if a.entries.Load() == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.calls[id]
	if e != nil {
		e.settled = true
	}
	return e != nil
}

func (s *Store) loadAlone(id string) (*call.Call, error) {
	a := &s.alone
	a.mu.Lock()
	e := a.calls[id]
	a.mu.Unlock()
	if e != nil {
		return e.c, nil
	}
	if c := s.known(id); c != nil {
		return c, nil
	}
	return nil, errAlone("load")
}

func (s *Store) markAlone(user string) string {
	known := s.knownCalls()
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := a.marks[user]; id != "" {
		return id
	}
	return a.heldLocked(known, user, nil)
}

func (s *Store) moveAlone(user, id string) error {
	c, err := s.loadAlone(id)
	if err != nil {
		return err
	}
	if !c.Live() || c.RoleOf(user) == 0 {
		return presence.ErrNotFound
	}
	if !s.bothHere(c) {
		return errAlone("move")
	}
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.marks == nil {
		a.marks = map[string]string{}
	}
	a.marks[user] = id
	return nil
}

// callsOfAlone lists the user's live calls, as far as they are known here.
func (s *Store) callsOfAlone(user string) []string {
	known := s.knownCalls()
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.byUser[user])
	for _, c := range known {
		if c.Live() && c.RoleOf(user) != 0 && a.calls[c.ID] == nil {
			list = append(list, c.ID)
		}
	}
	return list
}

func (s *Store) lastAlone(user string) string {
	s.alone.mu.Lock()
	defer s.alone.mu.Unlock()
	return s.alone.last[user]
}

func (s *Store) byClientAlone(user, clientID string) string {
	s.alone.mu.Lock()
	defer s.alone.mu.Unlock()
	return s.alone.byClient[clientKey{user, clientID}]
}

func (s *Store) liveCallsAlone() int {
	known := s.knownCalls()
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, e := range a.calls {
		if e.c.Live() {
			n++
		}
	}
	for _, c := range known {
		if c.Live() && a.calls[c.ID] == nil {
			n++
		}
	}
	return n
}

// dueAlone lists the calls that can be stepped here and whose deadline has come.
func (s *Store) dueAlone(limit int) []string {
	known := s.knownCalls()
	now := s.Now()
	come := func(c *call.Call) bool {
		at := call.Deadline(c)
		return !at.IsZero() && !now.Before(at)
	}
	var ids []string
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.calls {
		switch {
		case !e.c.Live():
			if e.fresh && e.settled && now.Sub(e.ended) >= s.cfg.EndedKeep {
				a.dropLocked(e)
			}
		case come(e.c) && !now.Before(e.look) && len(ids) < limit:
			e.look = now.Add(lookAgain)
			ids = append(ids, e.c.ID)
		}
	}
	for _, c := range known {
		if len(ids) < limit && a.calls[c.ID] == nil && come(c) && s.bothHere(c) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
