//go:build soak

package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// Connections to Redis are cut, reset, slow, held back and refused, while people
// come and go: nothing piles up, nothing old is written later, and no payload
// that was accepted is lost.
func TestP7_BadNetwork(t *testing.T) {
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	l := startLoad(t, proxy.URL())
	l.goesOn()
	a := l.nodes[0]
	check := directly(t, rs)
	before := runtime.NumGoroutine()
	comeAndGo := func(d time.Duration) {
		pause(d, func() {
			for range 5 {
				user := fmt.Sprint("x", rand.IntN(20))
				a.mu.Lock()
				_, here := a.sessions["s-"+user]
				a.mu.Unlock()
				if here {
					a.disconnect(user, "s-"+user, presence.Clean)
				} else {
					a.connect(user, "s-"+user)
				}
			}
			if n := runtime.NumGoroutine(); n > before+60 {
				t.Errorf("%d goroutines, %d before", n, before)
			}
		})
	}
	short := time.Duration(pick(300, 2000)) * time.Millisecond
	for _, fault := range []struct {
		name string
		do   func()
	}{
		{"cut", func() {
			for range 5 {
				proxy.Cut()
				comeAndGo(short / 5)
			}
		}},
		{"reset", func() {
			for range 5 {
				proxy.Reset()
				comeAndGo(short / 5)
			}
		}},
		{"slow", func() {
			proxy.Delay(20 * time.Millisecond)
			comeAndGo(short)
			proxy.Delay(0)
		}},
		{"held back for less than the timeout", func() {
			proxy.Stall()
			comeAndGo(a.cfg.Timeout / 4)
			proxy.Resume()
		}},
		{"held back for longer", func() {
			proxy.Stall()
			comeAndGo(3 * a.cfg.Timeout)
			proxy.Resume()
		}},
		{"refused", func() {
			proxy.Refuse(true)
			proxy.Cut()
			comeAndGo(short)
			proxy.Refuse(false)
		}},
	} {
		start := time.Now()
		fault.do()
		t.Log(fault.name, "for", time.Since(start).Round(time.Millisecond))
		l.back(check, time.Now())
	}
	start := time.Now()
	if _, err := a.Sessions(context.Background(), "b1"); err != nil {
		t.Error(err)
	}
	within(t, "then an answer comes", time.Since(start), 100*time.Millisecond)
	l.check()
}
