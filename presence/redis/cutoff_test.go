package redis

import (
	"context"
	"errors"
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
