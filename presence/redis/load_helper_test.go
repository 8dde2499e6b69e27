package redis

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// load is two nodes with sessions and calls, one of which sends the other
// numbered payloads all the time.
type load struct {
	t        *testing.T
	nodes    []*node
	calls    []*call.Call
	got      counter
	accepted atomic.Uint64
	end      context.CancelFunc
	sending  sync.WaitGroup
}

func startLoad(t *testing.T, url string) *load {
	t.Helper()
	ctx := context.Background()
	l := &load{t: t, nodes: []*node{newNode(t, faultConfig(url), "a"), newNode(t, faultConfig(url), "b")}}
	a, b := l.nodes[0], l.nodes[1]
	b.handler.OnReceive = l.got.receive // nothing is sent before
	for i := range pick(50, 1000) {
		for _, n := range l.nodes {
			user := fmt.Sprint(n.Self().Name, i)
			n.connect(user, "s-"+user)
		}
	}
	for i := range pick(20, 200) {
		c, marks := ring(a.Store, fmt.Sprint("c-", i), fmt.Sprint("a", i), fmt.Sprint("b", i))
		if err := a.Open(ctx, c, marks); err != nil {
			t.Fatal(err)
		}
		a.knows(c)
		b.knows(c)
		l.calls = append(l.calls, c)
	}
	until(t, "they know each other", func() bool { return len(a.Nodes()) == 2 && len(b.Nodes()) == 2 })
	ctx, l.end = context.WithCancel(ctx)
	l.sending.Go(func() { l.send(ctx) })
	t.Cleanup(l.stop)
	return l
}

func (l *load) stop() {
	l.end()
	l.sending.Wait()
}

// send sends one after the other, the next when the one before was taken: what
// was refused is sent again under the same number, unless it arrived all the same.
func (l *load) send(ctx context.Context) {
	a, b := l.nodes[0], l.nodes[1]
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		answer := make(chan error, 1)
		if err := a.Send(b.peer(), 1, presence.Must, numbered(n), func(err error) { answer <- err }); err == nil {
			if <-answer == nil {
				l.accepted.Add(1)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// goesOn waits until more is accepted and arrives.
func (l *load) goesOn() {
	l.t.Helper()
	l.goesOnBy(50)
}

func (l *load) goesOnBy(n int) {
	l.t.Helper()
	accepted, got := l.accepted.Load(), l.got.n()
	until(l.t, "the bus goes on", func() bool { return l.accepted.Load() > accepted+uint64(n) && l.got.n() > got+n })
}

// check compares what arrived with what was accepted: each once, in order. What
// was refused may have arrived where it was not known whether it did.
func (l *load) check() {
	l.t.Helper()
	l.stop()
	until(l.t, "all has arrived", func() bool { return uint64(l.got.n()) >= l.accepted.Load() })
	list := l.got.list()
	for i, n := range list {
		if i > 0 && n <= list[i-1] {
			l.t.Fatalf("%d arrived after %d", n, list[i-1])
		}
	}
	for _, n := range l.nodes {
		if n.rejoins.Load() > 0 {
			l.t.Errorf("node %s has taken a new epoch", n.Self().Name)
		}
	}
}

// back waits until Redis is there again and has all, and the bus goes on.
func (l *load) back(check *direct, since time.Time) {
	l.t.Helper()
	l.whole(check, since)
	l.goesOn()
}

// whole waits until Redis is there again and has all, and returns how long after
// a moment that was.
func (l *load) whole(check *direct, since time.Time) time.Duration {
	l.t.Helper()
	wrong := ""
	defer func() {
		if l.t.Failed() {
			l.t.Log("at the end:", wrong)
		}
	}()
	until(l.t, "all is there", func() bool {
		wrong = l.nodes[0].Degraded() + l.nodes[1].Degraded() + check.whole(l.nodes, l.calls)
		return wrong == ""
	})
	took := time.Since(since).Round(time.Millisecond)
	l.t.Logf("all is there after %v", took)
	return took
}
