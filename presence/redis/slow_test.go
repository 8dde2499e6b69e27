//go:build soak

package redis

import (
	"context"
	"fmt"
	"sync"
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

// It takes longer than a lease to bury a node that had many users, and to end their
// graces, since Redis is far away: who does it keeps its own lease.
func TestP1_WhoBuriesKeepsItsLease(t *testing.T) {
	const all = 2500
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	cfg := faultConfig(proxy.URL())
	cfg.Lease, cfg.OfflineGrace = 2*time.Second, 6*time.Second
	a := newNode(t, cfg, "a")
	cfg.URL = rs.URL()
	b := newNode(t, cfg, "b")
	var connecting sync.WaitGroup
	for k := range 10 {
		connecting.Go(func() {
			for i := k; i < all; i += 10 {
				b.connect(fmt.Sprint("b", i), fmt.Sprint("s", i))
			}
		})
	}
	connecting.Wait()
	until(t, "it knows the other one", func() bool { return len(a.Nodes()) == 2 })
	old := a.peer()
	proxy.Delay(80 * time.Millisecond)
	b.die()
	check := directly(t, rs)
	until(t, "nobody is online", func() bool { return check.mirrors(nil, nil) == "" })
	pause(a.cfg.Lease, nil) // it renews
	if a.peer() != old || a.rejoins.Load() > 0 {
		t.Errorf("it has lost its own lease: %v, %d new epochs", a.peer(), a.rejoins.Load())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lost) != all {
		t.Errorf("%d sessions are lost", len(a.lost))
	}
}
