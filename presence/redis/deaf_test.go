package redis

import (
	"context"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// P3: what others write to an inbox does not reach its reader, and Redis is well:
// the stream was lost, and is made again with ids behind which the reader is
// already. It is noticed and read from the beginning.
func TestP3_InboxLostAndTheClockIsBehind(t *testing.T) {
	t.Parallel()
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
	within(t, "it was repaired", time.Since(start), 2*b.cfg.Lease)
	l.check()
	if v := gathered(t, b.Store); v["tandem_bus_deaf"] != 0 || v["tandem_bus_reread_total"] == 0 {
		t.Errorf("metrics: %v, %v", v["tandem_bus_deaf"], v["tandem_bus_reread_total"])
	}
}

// P3: its reader hears nothing at all: the node says that it is not ready.
func TestP3_DeafNodeIsNotReady(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	inbox := b.keys.inbox("b", b.peer().Epoch)
	rs.MustCommand("DEL", inbox)
	rs.MustCommand("SET", inbox, "not a stream")
	start := time.Now()
	until(t, "it is noticed", func() bool { return b.Degraded() != "" })
	took := time.Since(start)
	if took < b.cfg.Lease {
		t.Errorf("it was noticed after %v", took)
	}
	within(t, "it was noticed", took, 3*b.cfg.Lease)
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
