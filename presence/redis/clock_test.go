package redis

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// The clock of one node is 5 minutes fast, that of another 5 minutes slow: leases
// and timers follow Redis' clock.
func TestP1_ClocksFiveMinutesOff(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	off := func(d time.Duration) Config {
		cfg := faultConfig(rs.URL())
		cfg.Lease = time.Second
		cfg.clock = func() time.Time { return time.Now().Add(d) }
		return cfg
	}
	fast, slow := newNode(t, off(5*time.Minute), "fast"), newNode(t, off(-5*time.Minute), "slow")
	fast.connect("ann", "s1")
	slow.connect("bea", "s2")
	if d := fast.Now().Sub(slow.Now()).Abs(); d > 2*time.Second {
		t.Errorf("their clocks differ by %v", d)
	}
	if d := time.Since(fast.Now()).Abs(); d > 2*time.Second { // Redis runs on this machine
		t.Errorf("the clock of the one that is fast differs from Redis' by %v", d)
	}

	c, marks := ring(fast.Store, "c", "ann", "bea")
	c.RingUntil = call.StampOf(fast.Now().Add(3 * time.Second))
	deadline := call.Deadline(c)
	if err := fast.Open(ctx, c, marks); err != nil {
		t.Fatal(err)
	}
	until(t, "the call is due on the other node", func() bool {
		ids, err := slow.Due(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(ids, "c")
	})
	late := time.Since(deadline)
	if late < -time.Second {
		t.Errorf("due %v after its deadline", late)
	}
	within(t, "due", late, 1500*time.Millisecond)
	pause(2*time.Second, func() {
		for _, n := range []*node{fast, slow} {
			if len(n.Nodes()) != 2 || n.rejoins.Load() > 0 {
				t.Fatalf("%s knows %v, took %d new epochs", n.Self().Name, n.Nodes(), n.rejoins.Load())
			}
		}
	})
	slow.die()
	until(t, "the dead node is buried", func() bool {
		fast.mu.Lock()
		defer fast.mu.Unlock()
		return len(fast.lost) == 1 && fast.lost[0].ID == "s2"
	})
}

// A node that stood still for longer than its lease finds out by its own clock,
// also where nobody has buried it, and takes a new epoch.
func TestP1_StoodStill(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	var skip atomic.Int64
	cfg := faultConfig(rs.URL())
	cfg.clock = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	n := newNode(t, cfg, "a")
	n.connect("ann", "s1")
	old := n.peer()
	skip.Store(int64(cfg.Lease + time.Second))
	until(t, "it has a new epoch", func() bool { return n.peer() != old && n.rejoins.Load() == 1 })
	check := directly(t, rs)
	until(t, "its sessions are under the new epoch", func() bool {
		list, err := n.Sessions(ctx, "ann")
		return err == nil && len(list) == 1 && list[0].Owner() == n.peer() && check.whole([]*node{n}, nil) == ""
	})
	until(t, "nothing is left of the old epoch", func() bool {
		left := check.rdb.Exists(ctx, n.keys.users(old.Name, old.Epoch), n.keys.inbox(old.Name, old.Epoch)).Val()
		return left == 0 && check.rdb.ZCard(ctx, n.keys.nodes()).Val() == 1
	})
}

// A node that stood still is buried by another one and comes back: at no time
// does a session belong to two epochs.
func TestP1_FrozenNodeComesBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	cfg := faultConfig(rs.URL())
	cfg.Lease = time.Second
	a, b := newNode(t, cfg, "a"), newNode(t, cfg, "b")
	for _, id := range []string{"s1", "s2", "s3"} {
		b.connect("bea", id)
	}
	a.connect("ann", "s9")
	old := b.peer()
	b.stands.Store(true)
	until(t, "it is buried", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.lost) == 3
	})
	// What it still does before it looks at its lease counts for nothing.
	_ = b.Suspend(ctx, "bea", "s2")
	b.stands.Store(false)
	until(t, "it has a new epoch", func() bool { return b.rejoins.Load() == 1 })
	until(t, "its sessions are there again, once", func() bool {
		list, err := a.Sessions(ctx, "bea")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Owner() == old {
				t.Fatalf("%s belongs to the old epoch", s.ID)
			}
		}
		return len(list) == 3
	})
	check := directly(t, rs)
	until(t, "all is right", func() bool { return check.whole([]*node{a, b}, nil) == "" })
}
