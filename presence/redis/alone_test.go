package redis

import (
	"context"
	"errors"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// A user who has a device here has connected another one elsewhere when Redis goes
// away: that there is one is not forgotten with its route, and no call of the user
// changes without it.
func TestP7_ADeviceElsewhereIsNotForgotten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	a.connect("ann", "s1")
	a.connect("bob", "s2")
	if !a.onlyLocal("bob") {
		t.Fatal("bob is not only here")
	}
	b.connect("bob", "s3")
	until(t, "it has heard of it", func() bool { r, _ := a.routes.get("bob"); return r == nil || !r.local })
	rs.Kill()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" })
	c, marks := ring(a.Store, "c", "ann", "bob")
	if err := a.Open(ctx, c, marks); !errors.Is(err, presence.ErrUnavailable) {
		t.Errorf("open: %v", err)
	}
}
