package signaling

import (
	"context"
	"maps"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxWatched bounds the watch list of one session.
const maxWatched = 2000

// watchers says which sessions of this node watch a user. It is guarded by
// Switchboard.watchMu.
type watchers map[string]map[*Session]struct{}

func (sw *Switchboard) onPresenceWatch(ctx context.Context, _ *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeWatch(args)
	if err != nil {
		return nil, err
	}
	states, err := sw.watchFor(ctx, s, p.Users)
	if err != nil {
		return nil, err
	}
	b := []byte{'['}
	for i, st := range states {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendState(b, s.asShown(st))
	}
	return append(b, ']'), nil
}

// watchFor adds users to what the session watches and returns their states.
func (sw *Switchboard) watchFor(ctx context.Context, s *Session, users []string) ([]presence.State, error) {
	fresh, err := s.watch(users)
	if err != nil {
		return nil, err
	}
	if len(fresh) > 0 {
		sw.watchMu.Lock()
		for _, u := range fresh {
			set := sw.watched[u]
			if set == nil {
				set = map[*Session]struct{}{}
				sw.watched[u] = set
			}
			set[s] = struct{}{}
		}
		sw.watchMu.Unlock()
		// The snapshot is read after the interest is registered: a change in
		// between arrives as an update, and none is missed.
		if err := sw.store.Watch(ctx, fresh); err != nil {
			return nil, wire.Errorf(wire.CodeUnavailable, "")
		}
	}
	states, err := sw.store.States(ctx, users)
	if err != nil {
		return nil, wire.Errorf(wire.CodeUnavailable, "")
	}
	return states, nil
}

func (sw *Switchboard) onPresenceUnwatch(ctx context.Context, _ *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeWatch(args)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	var gone []string
	for _, u := range p.Users {
		if s.watching[u] {
			delete(s.watching, u)
			gone = append(gone, u)
		}
	}
	s.mu.Unlock()
	sw.unwatch(ctx, s, gone)
	return []byte("[]"), nil
}

// watch adds users to the session's list and returns those that are new in it.
func (s *Session) watch(users []string) (fresh []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed {
		return nil, wire.Errorf(wire.CodeUnavailable, "")
	}
	for _, u := range users {
		if !s.watching[u] && !slices.Contains(fresh, u) {
			fresh = append(fresh, u)
		}
	}
	if len(s.watching)+len(fresh) > maxWatched {
		return nil, wire.Errorf(wire.CodeRateLimited, "More than 2000 users are watched.")
	}
	if s.watching == nil && len(fresh) > 0 {
		s.watching = make(map[string]bool, len(fresh))
	}
	for _, u := range fresh {
		s.watching[u] = true
	}
	return fresh, nil
}

// watches lists whom the session watches.
func (s *Session) watches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.watching))
}

func (s *Session) unwatchAll(ctx context.Context) {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.watching))
	s.watching = nil
	s.mu.Unlock()
	s.sw.unwatch(ctx, s, all)
}

func (sw *Switchboard) unwatch(ctx context.Context, s *Session, users []string) {
	if len(users) == 0 {
		return
	}
	sw.watchMu.Lock()
	for _, u := range users {
		set := sw.watched[u]
		delete(set, s)
		if len(set) == 0 {
			delete(sw.watched, u)
		}
	}
	sw.watchMu.Unlock()
	if err := sw.store.Unwatch(ctx, users); err != nil {
		sw.log.Warn("presence kept a watch", "session", s.id, "error", err)
	}
}

// Watched tells the sessions that watch the user (P5).
func (sw *Switchboard) Watched(st presence.State) {
	sw.watchMu.Lock()
	to := slices.Collect(maps.Keys(sw.watched[st.User]))
	sw.watchMu.Unlock()
	if len(to) == 0 {
		return
	}
	ev := droppable(wire.PresenceUpdate, appendState(nil, st))
	ev.Shared = len(to) > 1
	t := sw.newTurn()
	defer t.end()
	for _, s := range to {
		if !s.hiddenFrom(st.User) {
			s.send(t, ev)
		}
	}
}
