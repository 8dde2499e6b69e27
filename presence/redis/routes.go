package redis

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
)

// routes remembers which sessions users have (P2). Whoever changes a user's
// sessions tells the nodes that remember them, which Redis lists; absence is
// never remembered, since nobody would be told of its end.
type routes struct {
	max    int // users in each shard
	round  atomic.Uint64
	shards [routeShards]routeShard
}

const routeShards = 32

var routeSeed = maphash.MakeSeed()

type routeShard struct {
	mu      sync.RWMutex
	users   map[string]*route
	filling map[string]*fill

	hits, misses atomic.Uint64
}

// route is what is remembered of one user. It is not changed once it is made.
type route struct {
	sessions []presence.Session
	ver      int64
	// round it was learned in: after an outage a new one begins, and what is
	// older is asked for again, since nobody may have told of changes.
	round uint64
	// local: all sessions are on this node; here: some are.
	local, here bool
}

// fill is a question to Redis that many may wait for.
type fill struct {
	done     chan struct{}
	round    uint64 // that it was asked in
	newer    int64  // the user has changed to this version meanwhile; 0: not
	sessions []presence.Session
	err      error
}

func (c *routes) init(most int) {
	c.max = max(most/routeShards, 1)
	for i := range c.shards {
		c.shards[i].users = map[string]*route{}
		c.shards[i].filling = map[string]*fill{}
	}
}

func (c *routes) shard(user string) *routeShard {
	return &c.shards[maphash.String(routeSeed, user)%routeShards]
}

// doubt makes all that is remembered be asked for again.
func (c *routes) doubt() { c.round.Add(1) }

// get is what is remembered; fresh says whether that is good as it is.
func (c *routes) get(user string) (r *route, fresh bool) {
	sh := c.shard(user)
	sh.mu.RLock()
	r = sh.users[user]
	sh.mu.RUnlock()
	return r, r != nil && r.round == c.round.Load()
}

// learn remembers what the user has at a version, as Redis has just said.
func (c *routes) learn(user string, ver int64, list []presence.Session, self presence.Peer) {
	sh := c.shard(user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	c.learnLocked(sh, user, ver, list, self, c.round.Load())
}

func (c *routes) learnLocked(sh *routeShard, user string, ver int64, list []presence.Session, self presence.Peer, round uint64) {
	if f := sh.filling[user]; f != nil {
		f.newer = max(f.newer, ver)
	}
	old := sh.users[user]
	if old != nil && old.round == round && old.ver > ver {
		return
	}
	if len(list) == 0 {
		delete(sh.users, user)
		return
	}
	if old == nil && len(sh.users) >= c.max {
		for u, r := range sh.users { // any one that is not needed while Redis is away
			if !r.here {
				delete(sh.users, u)
				break
			}
		}
	}
	local := !slices.ContainsFunc(list, func(s presence.Session) bool { return s.Owner() != self })
	here := slices.ContainsFunc(list, func(s presence.Session) bool { return s.Owner() == self })
	sh.users[user] = &route{sessions: list, ver: ver, round: round, local: local, here: here}
}

// forget drops what is older than the version, and reports whether there was
// something.
func (c *routes) forget(user string, ver int64) bool {
	sh := c.shard(user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.filling[user]
	if f != nil {
		f.newer = max(f.newer, ver)
	}
	r := sh.users[user]
	if r == nil || r.ver >= ver && r.round == c.round.Load() {
		return f != nil
	}
	delete(sh.users, user)
	if r.here {
		// That there may be others elsewhere is to be known while Redis is away
		// (P7): it is asked for again before anything else is done with it.
		sh.users[user] = &route{sessions: r.sessions, ver: r.ver, round: r.round - 1, here: true}
	}
	return true
}

// fill asks once for all who want to know at a time. A question that began before
// something was known to have changed is not good enough for who asks after that: its
// answer may be the one of before.
func (c *routes) fill(user string, self presence.Peer, ask func() (int64, []presence.Session, error)) ([]presence.Session, error) {
	sh := c.shard(user)
	sh.mu.Lock()
	round := c.round.Load()
	if f := sh.filling[user]; f != nil && f.newer == 0 && f.round == round {
		sh.mu.Unlock()
		<-f.done
		return f.sessions, f.err
	}
	f := &fill{done: make(chan struct{}), round: round}
	sh.filling[user] = f
	sh.mu.Unlock()

	var ver int64
	ver, f.sessions, f.err = ask()
	sh.mu.Lock()
	if sh.filling[user] == f { // else what was to be noted while it was asked went to another one
		delete(sh.filling, user)
		if f.err == nil && ver >= f.newer {
			c.learnLocked(sh, user, ver, f.sessions, self, round)
		}
	}
	sh.mu.Unlock()
	close(f.done)
	return f.sessions, f.err
}

// on lists what is remembered of sessions on a node.
func (c *routes) on(p presence.Peer) (list []presence.Session) {
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.RLock()
		for _, r := range sh.users {
			for _, one := range r.sessions {
				if one.Owner() == p {
					list = append(list, one)
				}
			}
		}
		sh.mu.RUnlock()
	}
	return list
}

// elsewhere lists the users who are remembered to have sessions on other nodes
// too.
func (c *routes) elsewhere() (list []string) {
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.RLock()
		for u, r := range sh.users {
			if !r.local {
				list = append(list, u)
			}
		}
		sh.mu.RUnlock()
	}
	return list
}

// Routes lists the user's sessions on nodes that hold a lease.
func (s *Store) Routes(_ context.Context, user string) ([]presence.Session, error) {
	if s.closed.Load() {
		return nil, presence.ErrClosed
	}
	r, fresh := s.routes.get(user)
	sh := s.routes.shard(user)
	if fresh {
		// A session of a node that died may be elsewhere by now, and whoever took
		// it may have died before it could tell: only what lives is good as it is.
		if list := s.counting(r.sessions); len(list) == len(r.sessions) {
			sh.hits.Add(1)
			return list, nil
		}
	}
	sh.misses.Add(1)
	if s.health.isDown() {
		return s.localRoutes(user, presence.ErrUnavailable)
	}
	list, err := s.routes.fill(user, s.peer(), func() (int64, []presence.Session, error) { return s.askRoutes(user) })
	if err != nil {
		return s.localRoutes(user, err)
	}
	s.meetAll(list)
	list = s.counting(list)
	if s.incomplete() {
		return s.completed(user, r, list)
	}
	return list, nil
}

func (s *Store) askRoutes(user string) (int64, []presence.Session, error) {
	c := s.userCall(user, "routes")
	if err := s.pipe.do(c); err != nil {
		return 0, nil, err
	}
	r, err := parseUser(user, c)
	if err != nil {
		return 0, nil, fmt.Errorf("redis: routes: %w", err)
	}
	return r.ver, r.list(), nil
}

// counting leaves out sessions on nodes that hold no lease.
func (s *Store) counting(list []presence.Session) []presence.Session {
	self := s.peer()
	for i := range list {
		if p := list[i].Owner(); p != self && !s.counts(p) {
			return slices.DeleteFunc(slices.Clone(list), func(one presence.Session) bool { return !s.counts(one.Owner()) })
		}
	}
	return list
}

// completed adds what was known before Redis was emptied, and what is here: not
// every node has told again what it has. Nobody is absent only for that.
func (s *Store) completed(user string, old *route, list []presence.Session) ([]presence.Session, error) {
	list = slices.Clone(list)
	add := func(more []presence.Session) {
		for _, m := range more {
			if !slices.ContainsFunc(list, func(have presence.Session) bool { return have.ID == m.ID }) {
				list = append(list, m)
			}
		}
	}
	add(s.own.of(user))
	if old != nil {
		self := s.peer()
		for _, m := range s.counting(old.sessions) {
			if m.Owner() != self { // what is here is known
				add([]presence.Session{m})
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("redis: routes: %w: the nodes have not told all yet", presence.ErrUnavailable)
	}
	return list, nil
}

// localRoutes answers while Redis is away: with what is here, if nothing else is
// known of the user (P7).
func (s *Store) localRoutes(user string, why error) ([]presence.Session, error) {
	if s.onlyLocal(user) {
		return s.own.of(user), nil
	}
	return nil, fmt.Errorf("redis: routes: %w", why)
}

// onlyLocal reports whether all known sessions of the user are on this node, and
// there is one.
func (s *Store) onlyLocal(user string) bool {
	if !s.own.has(user) {
		return false
	}
	r, _ := s.routes.get(user)
	return r == nil || r.local
}
