package redis

import (
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// Store is one node's membership. Sessions, leases and routes are in
// sessions*.go, lease.go and routes.go, calls in calls*.go, the inboxes in
// bus*.go.
type Store struct {
	cfg     Config
	rdb     goredis.UniversalClient
	keys    keys
	health  *health
	pipe    *pipe
	handler presence.Handler
	clock   clock

	mu   sync.Mutex
	self presence.Node // changes with Rejoin
}

// clock is the cluster's time: Redis' own, as last read, carried on by this
// machine's monotonic clock (P1, C6).
type clock struct{ offset atomic.Int64 } // nanoseconds to add to this machine's clock

// set notes what Redis' clock said between two moments of this machine.
func (c *clock) set(sent, got time.Time, redis time.Time) {
	middle := sent.Add(got.Sub(sent) / 2)
	c.offset.Store(int64(redis.Sub(middle)))
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Now is the cluster's clock.
func (s *Store) Now() time.Time { return s.clock.now() }

// Self is this node.
func (s *Store) Self() presence.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.self
}

// Node is this node's name and epoch.
func (s *Store) Node() (name, epoch string) {
	n := s.Self()
	return n.Name, n.Epoch
}

// Degraded is empty, or why Redis counts as away.
func (s *Store) Degraded() string {
	why, _ := s.health.state()
	return why
}
