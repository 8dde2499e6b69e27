package redis

import (
	"context"
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
	if d := time.Since(start); d > 2*a.cfg.Lease {
		t.Errorf("it was noticed after %v", d)
	}
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

// P3: what others write to an inbox does not reach its reader, and Redis is well:
// the stream was lost, and is made again with ids behind which the reader is
// already. It is noticed and read from the beginning.
func TestP3_InboxLostAndTheClockIsBehind(t *testing.T) {
	rs := redistest.Start(t)
	l := startLoad(t, rs.URL())
	l.goesOn()
	b := l.nodes[1]
	inbox := b.keys.inbox("b", b.peer().Epoch)
	n := l.got.n()
	rs.MustCommand("XADD", inbox, "99999999999999-1", "w", "1")
	until(t, "it is read", func() bool { return l.got.n() > n+10 })
	rs.MustCommand("DEL", inbox)
	start := time.Now()
	l.goesOn()
	if d := time.Since(start); d > 2*b.cfg.Lease {
		t.Errorf("it was repaired after %v", d)
	}
	l.check()
	if v := gathered(t, b.Store); v["tandem_bus_deaf"] != 0 || v["tandem_bus_reread_total"] == 0 {
		t.Errorf("metrics: %v, %v", v["tandem_bus_deaf"], v["tandem_bus_reread_total"])
	}
}

// P3: its reader hears nothing at all: the node says that it is not ready.
func TestP3_DeafNodeIsNotReady(t *testing.T) {
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	inbox := b.keys.inbox("b", b.peer().Epoch)
	rs.MustCommand("DEL", inbox)
	rs.MustCommand("SET", inbox, "not a stream")
	start := time.Now()
	until(t, "it is noticed", func() bool { return b.Degraded() != "" })
	if d := time.Since(start); d < b.cfg.Lease || d > 3*b.cfg.Lease {
		t.Errorf("it was noticed after %v", d)
	}
	if v := gathered(t, b.Store)["tandem_bus_deaf"]; v != 1 {
		t.Errorf("the metric is %v", v)
	}
	if a.Degraded() != "" {
		t.Errorf("the other one: %s", a.Degraded())
	}
	rs.MustCommand("DEL", inbox)
	until(t, "all is well", func() bool { return b.Degraded() == "" })
	done := make(chan error, 1)
	if err := a.Send(b.peer(), 1, presence.Must, []byte("x"), func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := b.Sessions(context.Background(), "nobody"); err != nil {
		t.Error(err)
	}
}
