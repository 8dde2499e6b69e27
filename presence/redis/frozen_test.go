//go:build soak

package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

func TestP3_RedisFrozen(t *testing.T) {
	rs := redistest.Start(t)
	x := startExchange(t, rs.URL())
	x.accepts()
	before := runtime.NumGoroutine()
	rs.Freeze()
	pause(3*time.Second, func() {
		if n := runtime.NumGoroutine(); n > before+20 {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	})
	rs.Thaw()
	x.accepts()
	x.check()
}

// Redis stands still: nothing piles up, and what it does afterwards of what was
// sent before changes nothing.
func TestP7_Frozen(t *testing.T) {
	ctx := context.Background()
	rs := redistest.Start(t)
	cfg := faultConfig(rs.URL())
	cfg.Timeout = time.Second
	nodes := []*node{newNode(t, cfg, "a"), newNode(t, cfg, "b")}
	a := nodes[0]
	for i := range 100 {
		a.connect(fmt.Sprint("u", i), fmt.Sprint("s", i))
	}
	before := runtime.NumGoroutine()
	rs.Freeze()
	thawed := false
	defer func() {
		if !thawed {
			rs.Thaw()
		}
	}()
	// This is on its way when Redis stops, and is taken back.
	a.disconnect("u0", "s0", presence.Clean)
	a.connect("u0", "s0")
	until(t, "it is noticed", func() bool { return a.Degraded() != "" })
	most := 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i, end := 0, time.Now().Add(time.Duration(pick(3, 10))*time.Second); time.Now().Before(end); i++ {
		<-tick.C
		u := fmt.Sprint("u", i%100)
		c, marks := ring(a.Store, fmt.Sprint("f", i), u, "nobody")
		if err := a.atOnce("open", func() error { return a.Open(ctx, c, marks) }); !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("open: %v", err)
		}
		_, _ = a.Routes(ctx, "nobody")
		_ = a.Watch(ctx, []string{u})
		_ = a.Send(nodes[1].peer(), 1, presence.Must, []byte("x"), nil)
		most = max(most, runtime.NumGoroutine())
	}
	if most > before+20 {
		t.Errorf("%d goroutines, %d before", most, before)
	}
	rs.Thaw()
	thawed = true
	check := directly(t, rs)
	until(t, "all is right", func() bool { return a.Degraded() == "" && check.whole(nodes, nil) == "" })
	pause(time.Second, func() {
		if wrong := check.whole(nodes, nil); wrong != "" {
			t.Errorf("then it went wrong: %s", wrong)
		}
	})
}
