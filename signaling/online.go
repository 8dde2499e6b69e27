package signaling

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// online sends getOnlineUsers (P4): the whole list while few are online, made
// and encoded once for everybody; above the limit each session hears of those
// it has to do with, so that the cost stays linear in the number of users.
type online struct {
	sw *Switchboard

	mu      sync.Mutex
	version uint64      // of the set that event lists
	event   *wire.Event // nil: not made for this version
	users   []string    // whom it lists

	// owned by the ticker
	told  uint64 // version last broadcast
	ready bool   // told is set

	recalls recalls

	// asked counts the times that somebody asked who is online: what was asked
	// for later is newer.
	asked atomic.Uint64
}

// roll is who was found online.
type roll struct {
	asked uint64
	n     int
	err   error
}

// read looks who is online, for a session that connects.
func (o *online) read(ctx context.Context) (r roll) {
	var version uint64
	r.asked = o.asked.Add(1)
	if r.n, version, r.err = o.sw.store.OnlineCount(ctx); r.err == nil && r.n <= o.sw.cfg.PresenceLimit {
		_, _, r.err = o.whole(ctx, version)
	}
	return r
}

// welcome queues the list for a session that has just connected, and for which it
// was read.
func (o *online) welcome(ctx context.Context, t *turn, s *Session, r roll) {
	if r.err != nil {
		o.sw.log.Warn("the online list is not to be had", "error", r.err)
		return
	}
	if r.n <= o.sw.cfg.PresenceLimit {
		ev, users := o.latest() // somebody may have been told a newer one meanwhile
		s.list(r.asked, func() {
			s.setWhole(false) // whatever it had
			s.sendWhole(t, ev, users)
		})
		return
	}
	ev := o.partners(ctx, s)
	s.list(r.asked, func() {
		s.setWhole(false)
		s.send(t, ev)
	})
	o.recall(s)
}

// list queues a list of who is online, unless one was queued that was asked for
// later: lists are made in several places, and an older one must not come last.
func (s *Session) list(asked uint64, send func()) {
	s.listing.Lock()
	defer s.listing.Unlock()
	if asked >= s.listed {
		s.listed = asked
		send()
	}
}

// latest is the list that was made last.
func (o *online) latest() (*wire.Event, []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.event, o.users
}

// sendWhole tells the session who is online: what everybody is told, or where
// somebody is hidden from it a list of its own, if it is another one than before.
func (s *Session) sendWhole(t *turn, ev *wire.Event, users []string) {
	if len(s.blockSets().by) == 0 {
		s.setWhole(true)
		s.send(t, ev)
		return
	}
	ids := s.shown(slices.Clone(users))
	if !s.isWhole() {
		s.setWhole(true)
	}
	if s.newList(hashOf(s.sw.hub.seed, ids)) {
		s.send(t, droppable(wire.GetOnlineUsers, appendStrings(nil, ids)))
	}
}

// again tells the session who is online now that somebody looks otherwise to it.
func (o *online) again(ctx context.Context, t *turn, s *Session) {
	asked := o.asked.Add(1)
	n, version, err := o.sw.store.OnlineCount(ctx)
	if err != nil {
		return // the next list says it
	}
	if n <= o.sw.cfg.PresenceLimit {
		if ev, users, err := o.whole(ctx, version); err == nil {
			s.list(asked, func() { s.sendWhole(t, ev, users) })
		}
		return
	}
	if !s.isWhole() {
		ev := o.partners(ctx, s)
		s.list(asked, func() { s.send(t, ev) })
	}
}

// whole returns the event with all online users, made once per version, and them.
func (o *online) whole(ctx context.Context, version uint64) (*wire.Event, []string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.event != nil && o.version == version {
		return o.event, o.users, nil
	}
	page, err := o.sw.store.Online(ctx, "", o.sw.cfg.PresenceLimit+1)
	if err != nil {
		return nil, nil, err
	}
	ev := droppable(wire.GetOnlineUsers, appendStrings(make([]byte, 0, 32*len(page.Users)+2), page.Users))
	ev.Shared = true
	o.event, o.users, o.version = ev, page.Users, version
	return ev, o.users, nil
}

// partners returns the event with those of the session's partners that are
// online.
func (o *online) partners(ctx context.Context, s *Session) *wire.Event {
	s.mu.Lock()
	list := slices.Clone(s.partners)
	s.mu.Unlock()
	list = s.shown(list)
	var ids []string
	if len(list) > 0 {
		states, err := o.sw.store.States(ctx, list)
		if err != nil {
			o.sw.log.Warn("presence of partners is not to be had", "error", err)
		}
		ids = onlineOf(states)
	}
	return droppable(wire.GetOnlineUsers, appendStrings(nil, ids))
}

func onlineOf(states []presence.State) []string {
	var ids []string
	for _, st := range states {
		if st.Online {
			ids = append(ids, st.User)
		}
	}
	slices.Sort(ids)
	return ids
}

// broadcast tells everybody of a changed list. The ticker calls it at most once
// in PresenceInterval.
func (o *online) broadcast(ctx context.Context) {
	asked := o.asked.Add(1)
	n, version, err := o.sw.store.OnlineCount(ctx)
	if err != nil || (o.ready && version == o.told) {
		return
	}
	o.told, o.ready = version, true
	t := o.sw.newTurn()
	defer t.end()
	if n <= o.sw.cfg.PresenceLimit {
		ev, users, err := o.whole(ctx, version)
		if err != nil {
			o.sw.log.Warn("the online list is not to be had", "error", err)
			return
		}
		o.sw.hub.all(func(s *Session) { s.list(asked, func() { s.sendWhole(t, ev, users) }) })
		return
	}
	o.tellPartners(ctx, t, asked)
}

// tellPartners tells each session which of its partners are online. All are
// asked for at once: what it costs the store does not grow with the sessions
// that have the same partners.
func (o *online) tellPartners(ctx context.Context, t *turn, asked uint64) {
	type one struct {
		s    *Session
		list []string
	}
	var all []one
	found := map[string]bool{}
	o.sw.hub.all(func(s *Session) {
		// A session that still shows a whole list gets a last correction.
		whole := s.setWhole(false)
		o.recall(s)
		s.mu.Lock()
		list := slices.Clone(s.partners)
		s.mu.Unlock()
		list = s.shown(list)
		if !whole && len(list) == 0 {
			return
		}
		all = append(all, one{s, list})
		for _, u := range list {
			found[u] = false
		}
	})
	states, err := o.sw.store.States(ctx, slices.Collect(maps.Keys(found)))
	if err != nil {
		o.sw.log.Warn("presence of partners is not to be had", "error", err)
		return
	}
	for _, st := range states {
		found[st.User] = st.Online
	}
	for _, p := range all {
		ids := slices.DeleteFunc(p.list, func(u string) bool { return !found[u] })
		slices.Sort(ids)
		p.s.listPartners(t, asked, ids)
	}
}

// listPartners tells the session which of its partners are online, if that is
// another list than before.
func (s *Session) listPartners(t *turn, asked uint64, ids []string) {
	s.list(asked, func() {
		if s.newList(hashOf(s.sw.hub.seed, ids)) {
			s.send(t, droppable(wire.GetOnlineUsers, appendStrings(nil, ids)))
		}
	})
}

func hashOf(seed maphash.Seed, ids []string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, id := range ids {
		_, _ = h.WriteString(id) // never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// newList notes which list of partners the client has, and reports whether it
// is another one than before.
func (s *Session) newList(sum uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.toldList == sum {
		return false
	}
	s.toldList = sum
	return true
}

func (s *Session) isWhole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wholeList
}

// setWhole notes which kind of list the client has seen last and returns what
// it was before.
func (s *Session) setWhole(v bool) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.wholeList = s.wholeList, v
	if v || before {
		s.toldList = 0
	}
	return before
}
