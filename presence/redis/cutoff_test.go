package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// What Redis has half of when it goes away, and what it never had.

// A call is refused since its callee is busy, and Redis goes away before it is
// taken back: nobody is busy with it.
func TestC4_RefusedWhenRedisGoesAway(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	a := newNode(t, faultConfig(proxy.URL()), "a")
	answered(t, a.Store, "one", "ann", "bob")
	c, marks := ring(a.Store, "two", "amy", "bob") // the caller is claimed first
	a.beforeFirst(func() { away(proxy) }, releaseScript.sha)
	var held *presence.Held
	if err := a.Open(ctx, c, marks); !errors.As(err, &held) {
		t.Fatalf("open: %v", err)
	}
	until(t, "redis is away", func() bool { return a.Degraded() != "" })
	proxy.Refuse(false)
	until(t, "redis is back", func() bool { return a.Degraded() == "" })
	if id, err := a.Mark(ctx, "amy"); id != "" || err != nil {
		t.Errorf("the caller is busy with %q, %v", id, err)
	}
	if _, err := a.Load(ctx, "two"); !errors.Is(err, presence.ErrNotFound) {
		t.Errorf("the call: %v", err)
	}
	if id, err := a.Mark(ctx, "bob"); id != "one" || err != nil {
		t.Errorf("the callee is busy with %q, %v", id, err)
	}
}

// A user's last session vanishes, and Redis goes away before it knows when the
// grace ends: it ends.
func TestP5_GraceIsNotLostInAnOutage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	a, b := newNode(t, faultConfig(proxy.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	a.connect("ann", "s1")
	a.beforeFirst(func() { away(proxy) }, "zadd", a.keys.graces())
	a.disconnect("ann", "s1", presence.Vanished)
	until(t, "redis is away", func() bool { return a.Degraded() != "" })
	proxy.Refuse(false)
	check := directly(t, rs)
	until(t, "she is offline", func() bool {
		list, err := b.States(ctx, []string{"ann"})
		return err == nil && !list[0].Online && check.mirrors(nil, nil) == ""
	})
}

// Sessions come and go while Redis is away: what it never had of is not kept for
// its return.
func TestP7_ShortSessionsOfAnOutageAreForgotten(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	a := newNode(t, faultConfig(proxy.URL()), "a")
	a.connect("ann", "s1")
	away(proxy)
	until(t, "redis is away", func() bool { return a.Degraded() != "" })
	for i := range 100 {
		user, id := fmt.Sprint("u", i), fmt.Sprint("x", i)
		a.connect(user, id)
		a.disconnect(user, id, presence.Vanished)
	}
	a.disconnect("ann", "s1", presence.Clean)
	a.own.mu.Lock()
	kept := len(a.own.ended)
	a.own.mu.Unlock()
	if kept != 1 {
		t.Errorf("%d ends are kept, want that of the session which redis knows", kept)
	}
	proxy.Refuse(false)
	check := directly(t, rs)
	until(t, "nobody is online", func() bool { return a.Degraded() == "" && check.mirrors(nil, nil) == "" })
}

// Redis was emptied, and one node has not told yet what it has: its users are not
// missing from the list of those online, it is not to be had.
func TestP7_NobodyIsMissingFromTheListMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(proxy.URL()), "b")
	a.connect("ann", "s1")
	b.connect("bob", "s2")
	until(t, "they know each other", func() bool { return len(a.Nodes()) == 2 && len(b.Nodes()) == 2 })
	both := func() bool {
		page, err := a.Online(ctx, "", 10)
		n, _, countErr := a.OnlineCount(ctx)
		return err == nil && countErr == nil && n == 2 && slices.Equal(page.Users, []string{"ann", "bob"})
	}
	until(t, "both are online", both)
	away(proxy)
	rs.Restart()
	until(t, "one is back", func() bool { return a.Degraded() == "" && a.tally.emptied.Load() == 1 })
	pause(a.cfg.Lease/4, func() {
		if page, err := a.Online(ctx, "", 10); !errors.Is(err, presence.ErrUnavailable) {
			t.Errorf("online: %v, %v", page.Users, err)
		}
		if n, _, err := a.OnlineCount(ctx); !errors.Is(err, presence.ErrUnavailable) {
			t.Errorf("%d are online, %v", n, err)
		}
	})
	proxy.Refuse(false)
	until(t, "both are online again", both)
}
