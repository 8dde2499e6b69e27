package signaling

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Whom the users of this node have blocked, and who has blocked them (C15): read
// from the store with a user's first session here, and kept right by the news of
// changes. All that a user does is checked on the node that it is on, so nobody
// waits for a store to know.

const (
	// blockTime is how long a connecting client waits for its lists. Without them it
	// goes on as if there were none, until they are there.
	blockTime = 2 * time.Second
	// blockAge is after how long lists with somebody in them are read again: who
	// erases a user's data does that beside the nodes and tells nobody (M8).
	blockAge = 10 * time.Minute
	// maxRereads bounds the lists that are read again at a time.
	maxRereads = 64
)

// blockSets are a user's lists; they are not changed, but replaced.
type blockSets struct {
	blocked map[string]struct{} // by the user
	by      map[string]struct{} // who has blocked the user
}

var noBlocks = &blockSets{}

// between says whether the user has blocked another one, and whether the other
// has blocked the user.
func (b *blockSets) between(other string) (blocked, by bool) {
	_, blocked = b.blocked[other]
	_, by = b.by[other]
	return blocked, by
}

func (b *blockSets) empty() bool { return len(b.blocked)+len(b.by) == 0 }

// with is a copy in which a set has somebody, or has not.
func with(set map[string]struct{}, user string, on bool) map[string]struct{} {
	next := make(map[string]struct{}, len(set)+1)
	for u := range set {
		next[u] = struct{}{}
	}
	if on {
		next[user] = struct{}{}
	} else {
		delete(next, user)
	}
	return next
}

// blockEntry is a user with sessions on this node.
type blockEntry struct {
	user string
	sets atomic.Pointer[blockSets]

	// guarded by blocklists.mu
	sessions int
	changes  uint64        // counts the news of it
	loading  bool          // somebody reads its lists
	missing  bool          // they could not be read: tried again
	read     time.Time     // when they were
	ready    chan struct{} // closed when somebody has read, for others who wait; mostly nil
}

// blocklists are all of them.
type blocklists struct {
	mu sync.Mutex
	by map[string]*blockEntry
}

// enterBlocks makes the session one of its user's entry, before other nodes know
// of it.
func (sw *Switchboard) enterBlocks(s *Session) {
	if sw.chat == nil {
		return
	}
	l := &sw.blocks
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.by[s.user]
	if e == nil {
		e = &blockEntry{user: s.user, missing: true}
		e.sets.Store(noBlocks)
		if l.by == nil {
			l.by = map[string]*blockEntry{}
		}
		l.by[s.user] = e
	}
	e.sessions++
	s.blocks = e
}

func (sw *Switchboard) leaveBlocks(s *Session) {
	if s.blocks == nil {
		return
	}
	l := &sw.blocks
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.blocks.sessions--; s.blocks.sessions == 0 {
		delete(l.by, s.user)
	}
}

// awaitBlocks returns when the session's lists are there, or take too long. It is
// called when other nodes know of the session, so that no news is missed.
func (sw *Switchboard) awaitBlocks(s *Session) {
	e := s.blocks
	if e == nil {
		return
	}
	l := &sw.blocks
	l.mu.Lock()
	if !e.missing {
		l.mu.Unlock()
		return
	}
	if !e.loading {
		e.loading = true
		l.mu.Unlock()
		sw.loadBlocks(e, blockTime)
		return
	}
	if e.ready == nil {
		e.ready = make(chan struct{})
	}
	ready := e.ready
	l.mu.Unlock()
	late := time.NewTimer(blockTime)
	defer late.Stop()
	select {
	case <-ready:
	case <-late.C:
		sw.log.Debug("whom a user has blocked is not known yet", "user", s.user)
	}
}

// readBlocks has an entry's lists read if they are missing and nobody does that.
func (sw *Switchboard) readBlocks(e *blockEntry) {
	sw.blocks.mu.Lock()
	defer sw.blocks.mu.Unlock()
	if !e.missing || e.loading {
		return
	}
	e.loading = true
	sw.soon(func() { sw.loadBlocks(e, storeTime) })
}

// loadBlocks reads until nothing was told meanwhile: what was read may be older.
func (sw *Switchboard) loadBlocks(e *blockEntry, patience time.Duration) {
	const most = 10 // then the next tick goes on
	l := &sw.blocks
	for try := 1; ; try++ {
		l.mu.Lock()
		before := e.changes
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		sets, err := sw.readBlockSets(ctx, e.user)
		cancel()
		l.mu.Lock()
		current := err == nil && e.changes == before
		if err == nil && !current && try < most {
			l.mu.Unlock()
			continue
		}
		e.loading = false
		if current {
			e.missing, e.read = false, time.Now()
			e.sets.Store(sets)
		}
		if e.ready != nil {
			close(e.ready)
			e.ready = nil
		}
		l.mu.Unlock()
		if err != nil {
			sw.log.Debug("whom a user has blocked can not be read", "user", e.user, "error", err)
		}
		return
	}
}

func (sw *Switchboard) readBlockSets(ctx context.Context, user string) (*blockSets, error) {
	blocked, err := sw.chat.Blocked(ctx, user)
	by, err2 := sw.chat.BlockedBy(ctx, user)
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	if len(blocked)+len(by) == 0 {
		return noBlocks, nil
	}
	return &blockSets{setOf(blocked), setOf(by)}, nil
}

func setOf(list []string) map[string]struct{} {
	set := make(map[string]struct{}, len(list))
	for _, u := range list {
		set[u] = struct{}{}
	}
	return set
}

// readBlocksAgain has lists read that could not be, or were a long time ago.
func (sw *Switchboard) readBlocksAgain(now time.Time) {
	n := 0
	sw.blocks.mu.Lock()
	defer sw.blocks.mu.Unlock()
	for _, e := range sw.blocks.by {
		if e.loading || !e.missing && (e.sets.Load().empty() || now.Sub(e.read) < blockAge) {
			continue
		}
		e.loading = true
		sw.soon(func() { sw.loadBlocks(e, storeTime) })
		if n++; n == maxRereads {
			return
		}
	}
}

// blockSetsOf are a user's lists, from here or from the store.
func (sw *Switchboard) blockSetsOf(ctx context.Context, user string) (*blockSets, error) {
	if sw.chat == nil {
		return noBlocks, nil
	}
	sw.blocks.mu.Lock()
	e := sw.blocks.by[user]
	if e != nil && !e.missing {
		sw.blocks.mu.Unlock()
		return e.sets.Load(), nil
	}
	sw.blocks.mu.Unlock()
	sets, err := sw.readBlockSets(ctx, user)
	return sets, sw.chatProblem(err)
}

// noteBlock changes the lists of those of the two who are here, and has them read
// again: of two changes at once the later one may be told first.
func (sw *Switchboard) noteBlock(user, other string, on bool) {
	l := &sw.blocks
	var again []*blockEntry
	l.mu.Lock()
	if e := l.by[user]; e != nil {
		was := e.sets.Load()
		e.sets.Store(&blockSets{with(was.blocked, other, on), was.by})
		again = append(again, e)
	}
	if e := l.by[other]; e != nil {
		was := e.sets.Load()
		e.sets.Store(&blockSets{was.blocked, with(was.by, user, on)})
		again = append(again, e)
	}
	for _, e := range again {
		e.changes++
		e.missing = true
	}
	l.mu.Unlock()
	for _, e := range again {
		sw.readBlocks(e)
	}
}

// blockSets are the lists of the session's user.
func (s *Session) blockSets() *blockSets {
	if s.blocks == nil {
		return noBlocks
	}
	return s.blocks.sets.Load()
}

// hiddenFrom reports whether a user has blocked the session's.
func (s *Session) hiddenFrom(user string) bool {
	_, by := s.blockSets().between(user)
	return by
}

// strangers reports whether one of the two has blocked the other.
func (s *Session) strangers(user string) bool {
	blocked, by := s.blockSets().between(user)
	return blocked || by
}

var (
	errBlocked       = wire.Errorf(wire.CodeForbidden, "You have blocked this user.")
	errBlockSelf     = wire.Errorf(wire.CodeBadPayload, "Nobody can block themselves.")
	errManyBlocked   = wire.Errorf(wire.CodeRateLimited, "You have blocked too many users.")
	errNotChangeable = wire.Errorf(wire.CodeForbidden, "This message can not be changed.")
)
