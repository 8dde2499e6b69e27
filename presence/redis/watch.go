package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// watch is whom this node watches (P5). Redis lists the nodes that watch a user;
// who changes a user tells them.
//
// The commands that enter and leave the list are queued with mu held, so that
// they arrive in the order of the counting.
type watch struct {
	mu    sync.Mutex
	users map[string]*watched

	telling sync.Mutex // guards the two below
	queue   []presence.State
	busy    bool
}

// watched is one user.
type watched struct {
	count int
	known bool // last is what Redis says
	ver   int64
	last  presence.State
}

func (w *watch) init() { w.users = map[string]*watched{} }

// Watch makes this node's handler hear of the users' changes. If the lease is lost
// that begins when the node has joined again.
func (s *Store) Watch(_ context.Context, users []string) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	w := &s.watch
	var cmds []goredis.Cmder
	var first []string
	done := make(chan struct{})
	w.mu.Lock()
	for _, u := range users {
		one := w.users[u]
		if one == nil {
			one = &watched{}
			w.users[u] = one
			first = append(first, u)
			cmds = append(cmds, s.fenced(s.keys.watchers(u), "SADD", peerKey(s.peer())), s.userCall(u, "state"))
		}
		one.count++
	}
	if len(cmds) == 0 || s.lease.lost.Load() {
		w.mu.Unlock()
		return nil
	}
	s.pipe.post(func() { close(done) }, cmds...)
	w.mu.Unlock()
	<-done
	if s.pipe.away(cmds) != nil {
		return nil // told when Redis is back
	}
	for i, u := range first {
		r, err := parseUser(u, cmds[2*i+1].(*goredis.Cmd))
		if err == nil {
			err = cmds[2*i].Err()
		}
		if err != nil {
			return fmt.Errorf("redis: watch: %w", err)
		}
		w.begin(r)
		s.dropDeadWatchers(u, r.watchers)
	}
	return nil
}

// begin notes from what state on changes are told.
func (w *watch) begin(r *userReply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.users[r.user]; one != nil && !one.known && r.ver >= one.ver {
		one.known, one.ver, one.last = true, r.ver, r.state()
	}
}

// Unwatch takes interest away.
func (s *Store) Unwatch(_ context.Context, users []string) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	var cmds []goredis.Cmder
	for _, u := range users {
		one := w.users[u]
		if one == nil {
			continue
		}
		if one.count--; one.count == 0 {
			delete(w.users, u)
			cmds = append(cmds, s.fenced(s.keys.watchers(u), "SREM", peerKey(s.peer())))
		}
	}
	if len(cmds) > 0 {
		s.pipe.post(nil, cmds...)
	}
	return nil
}

// dropDeadWatchers takes nodes that are no more from those that watch a user.
func (s *Store) dropDeadWatchers(user string, list []presence.Peer) {
	var dead []any
	for _, p := range list {
		if s.isDead(p) {
			dead = append(dead, peerKey(p))
		}
	}
	if len(dead) > 0 {
		s.pipe.post(nil, s.fenced(s.keys.watchers(user), append([]any{"SREM"}, dead...)...))
	}
}

// isDead reports whether a peer is no more: not only without a lease, but not
// known to anybody.
func (s *Store) isDead(p presence.Peer) bool {
	if p == s.peer() || !s.settled() {
		return false
	}
	s.meet([]presence.Peer{p})
	_, ok := s.nodes.list().nodes[p]
	return !ok
}

// tellWatchers sends a user's new state to the nodes that watch it.
func (s *Store) tellWatchers(r *userReply) {
	if len(r.watchers) == 0 {
		return
	}
	st := r.state()
	self := s.peer()
	var payload []byte
	for _, p := range r.watchers {
		if p == self {
			s.hear(r.ver, st)
			continue
		}
		if _, ok := s.nodes.list().nodes[p]; !ok && s.isDead(p) {
			s.dropDeadWatchers(r.user, []presence.Peer{p})
			continue
		}
		if payload == nil {
			payload = encodeState(r.ver, st)
		}
		_ = s.Send(p, kindWatched, presence.Must, payload, nil) // one that is full hears of the next
	}
}

func encodeState(ver int64, st presence.State) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 32+len(st.User)), uint64(ver))
	b = append(b, digit(st.Online)[0])
	b = binary.AppendUvarint(b, uint64(st.Devices))
	seen := uint64(0)
	if !st.LastSeen.IsZero() {
		seen = uint64(st.LastSeen.UnixMilli())
	}
	b = binary.AppendUvarint(b, seen)
	return append(b, st.User...)
}

func decodeState(b []byte) (ver int64, st presence.State, ok bool) {
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	ver = int64(next())
	if len(b) < 4 { // online, devices, last seen, a user
		return 0, st, false
	}
	st.Online = b[0] == '1'
	b = b[1:]
	st.Devices = int(next())
	if seen := next(); seen > 0 {
		st.LastSeen = time.UnixMilli(int64(seen))
	}
	st.User = string(b)
	return ver, st, st.User != ""
}

// gotWatched is told the state of a user that this node watches.
func (s *Store) gotWatched(_ presence.Peer, payload []byte) {
	if ver, st, ok := decodeState(payload); ok {
		s.hear(ver, st)
	}
}

// hear tells the handler, unless it has been told something newer, or the same.
func (s *Store) hear(ver int64, st presence.State) {
	w := &s.watch
	w.mu.Lock()
	one := w.users[st.User]
	if one == nil || ver <= one.ver {
		w.mu.Unlock()
		return
	}
	same := one.known && one.last == st
	one.known, one.ver, one.last = true, ver, st
	if same {
		w.mu.Unlock()
		return
	}
	w.telling.Lock() // within mu: news of one user keep their order
	w.queue = append(w.queue, st)
	start := !w.busy
	w.busy = true
	w.telling.Unlock()
	w.mu.Unlock()
	if start {
		s.tellHandler()
	}
}

// tellHandler empties the queue. One goroutine does at a time.
func (s *Store) tellHandler() {
	w := &s.watch
	for {
		w.telling.Lock()
		list := w.queue
		w.queue = nil
		w.busy = len(list) > 0
		w.telling.Unlock()
		if len(list) == 0 {
			return
		}
		for _, st := range list {
			s.handler.Watched(st)
		}
	}
}

// again enters this node with all users that it watches, after an outage or
// under a new epoch, and tells what has changed meanwhile.
func (w *watch) again(s *Store) {
	w.mu.Lock()
	users := make([]string, 0, len(w.users))
	for u, one := range w.users {
		one.ver = 0 // the clock that versions come from may be another one
		users = append(users, u)
	}
	w.mu.Unlock()
	for part := range chunks(users, maxBatch/2) {
		w.mu.Lock()
		cmds := make([]goredis.Cmder, 0, len(part))
		for _, u := range part {
			if w.users[u] != nil {
				cmds = append(cmds, s.fenced(s.keys.watchers(u), "SADD", peerKey(s.peer())))
			}
		}
		s.pipe.post(nil, cmds...)
		w.mu.Unlock()
		replies, err := s.askUsers("state", part)
		if err != nil {
			return
		}
		for _, r := range replies {
			if s.incomplete() && !r.online {
				continue // its node may not have told yet, and will
			}
			s.hear(max(r.ver, 1), r.state())
		}
	}
}
