package redis

import (
	"context"
	"fmt"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// It takes longer to tell the calls of a dead node's sessions than to sweep: each
// is told once.
func TestC13_EachLossIsToldOnce(t *testing.T) {
	t.Parallel()
	const all = 20
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	lost := a.handler.OnLost
	a.handler.OnLost = func(s presence.Session) {
		pause(a.cfg.Lease/10, nil)
		lost(s)
	}
	for i := range all {
		b.connect(fmt.Sprint("b", i), fmt.Sprint("s", i))
	}
	b.die()
	check := directly(t, rs)
	until(t, "it is buried", func() bool { return check.rdb.ZCard(context.Background(), a.keys.nodes()).Val() == 1 })
	a.mourn.wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lost) != all {
		t.Errorf("%d losses of %d sessions", len(a.lost), all)
	}
	if v := gathered(t, a.Store)["tandem_redis_nodes_buried_total"]; v != 1 {
		t.Errorf("%v nodes were buried", v)
	}
}
