//go:build soak

package redis

import (
	"context"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// P7: Redis is 60 ms away, each way, and may take 500 ms to answer. Nobody is
// degraded for that, and whoever is, for another reason, does not stay it.
func TestP7_FarAway(t *testing.T) {
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	l := startLoad(t, proxy.URL())
	l.goesOn()
	check := directly(t, rs)
	trips := func() (n uint64) {
		for _, one := range l.nodes {
			n += one.health.trips.Load()
		}
		return n
	}
	proxy.Delay(60 * time.Millisecond)
	pause(time.Duration(pick(2, 20))*time.Second, nil)
	l.goesOnBy(5)
	if n := trips(); n != 0 {
		t.Fatalf("degraded %d times: %v", n, l.nodes[0].health.outages())
	}
	for _, fault := range []struct {
		name string
		do   func()
	}{
		{"cut", proxy.Cut},
		{"held back", func() {
			proxy.Stall()
			pause(2*l.nodes[0].cfg.Timeout, nil)
			proxy.Resume()
		}},
		{"emptied", rs.Restart},
	} {
		was := trips()
		fault.do()
		start := time.Now()
		until(t, "it is noticed", func() bool { return trips() > was })
		// Twice what holds with Redis near: what is told anew takes trips, too.
		within(t, fault.name+": all is back", l.whole(check, start), 10*time.Second)
		was = trips()
		l.goesOnBy(5)
		if n := trips(); n != was {
			t.Errorf("%s: degraded again: %v", fault.name, l.nodes[0].health.outages())
		}
	}
	c, marks := ring(l.nodes[0].Store, "far", "someone", "else")
	if err := l.nodes[0].Open(context.Background(), c, marks); err != nil {
		t.Errorf("a call: %v", err)
	}
	l.check()
}
