//go:build soak

package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// P3, P8: the slot of a node's inbox moves ten times in a row while it is used.
func TestP8_InboxMovesAgainAndAgain(t *testing.T) {
	cluster := redistest.StartCluster(t)
	l := startLoad(t, cluster.URL())
	l.goesOn()
	a := l.nodes[0]
	slot := cluster.SlotOf(a.keys.lease("b"))
	from := cluster.OwnerOf(slot)
	for range pick(10, 50) {
		to := (from + 1) % 3
		cluster.MoveSlot(slot, from, to)
		from = to
	}
	l.back(directlyAt(t, cluster.URL()), time.Now())
	l.check()
}

// P3, P8: no master serves the slot of a node's inbox any more, and all find that
// the Cluster is well. Who sends there is told so, nobody is ready meanwhile, and
// all goes on when somebody serves it.
func TestP8_NobodyServesTheInbox(t *testing.T) {
	cluster := redistest.StartCluster(t)
	l := startLoad(t, cluster.URL())
	l.goesOn()
	a, b := l.nodes[0], l.nodes[1]
	slot := cluster.SlotOf(a.keys.lease("b"))
	from := cluster.OwnerOf(slot)
	cluster.LoseSlot(slot, from)
	start := time.Now()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" && b.Degraded() != "" })
	within(t, "it was noticed", time.Since(start), 2*a.cfg.Lease)
	pause(time.Second, func() {
		if a.Degraded() == "" || b.Degraded() == "" {
			t.Fatalf("it was forgotten: %q, %q", a.Degraded(), b.Degraded())
		}
	})
	if err := a.Send(b.peer(), 1, presence.Must, []byte("x"), nil); !errors.Is(err, presence.ErrUnavailable) {
		t.Errorf("who sends is told: %v", err)
	}
	if v := gathered(t, b.Store); v["tandem_redis_degraded"] != 1 || b.health.outages()["moved"] == 0 {
		t.Errorf("metrics: %v, outages %v", v["tandem_redis_degraded"], b.health.outages())
	}
	start = time.Now()
	cluster.GiveSlot(slot, (from+2)%3)
	l.back(directlyAt(t, cluster.URL()), start)
	l.check()
}
