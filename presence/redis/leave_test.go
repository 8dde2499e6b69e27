package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// A node that leaves with sessions is buried at once: their calls hear of it, as
// of those of a node that died (C13).
func TestC13_LeavingWithSessions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b, c := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b"), newNode(t, faultConfig(rs.URL()), "c")
	b.connect("bea", "s1")
	b.connect("bob", "s2")
	c.connect("cat", "s3")
	c.disconnect("cat", "s3", presence.Clean)
	for _, n := range []*node{b, c} {
		n.stands.Store(true)
		if err := n.Leave(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Leave(ctx); err == nil {
			t.Error("left twice")
		}
	}
	for _, user := range []string{"bea", "bob", "cat"} {
		if list, err := a.Sessions(ctx, user); err != nil || len(list) != 0 {
			t.Errorf("%s has %v, %v", user, list, err)
		}
	}
	until(t, "both sessions are lost", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.lost) == 2
	})
	check := directly(t, rs)
	until(t, "nothing is left of the nodes", func() bool {
		return check.rdb.ZCard(ctx, a.keys.nodes()).Val() == 1 && len(check.rdb.Keys(ctx, "*{n:b}*").Val()) == 0 &&
			len(check.rdb.Keys(ctx, "*{n:c}*").Val()) == 0 && len(check.rdb.Keys(ctx, "*:lost").Val()) == 0
	})
}

// The others know who left from who died.
func TestP3_LeavingIsNoDeath(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var out lines
	cfg := faultConfig(rs.URL())
	cfg.Logger = linesAt(&out)
	a := newNode(t, cfg, "a")
	b, c := newNode(t, faultConfig(rs.URL()), "b"), newNode(t, faultConfig(rs.URL()), "c")
	until(t, "it knows them", func() bool { return len(a.Nodes()) == 3 })
	b.stands.Store(true)
	if err := b.Leave(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.die()
	for name, left := range map[string]bool{"b": true, "c": false} {
		want := fmt.Sprintf(`"msg":"a node is gone","node":%q,`, name)
		until(t, name+" is gone", func() bool { return strings.Contains(out.String(), want) })
		_, rest, _ := strings.Cut(out.String(), want)
		line, _, _ := strings.Cut(rest, "\n")
		if !strings.HasSuffix(line, fmt.Sprintf(`"left":%t}`, left)) {
			t.Errorf("of %s: %s, want left %t", name, line, left)
		}
	}
}

// A new start under the name of a node that has left need not wait for a lease.
func TestP1_NameIsFreeAfterLeave(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a := newNode(t, faultConfig(rs.URL()), "a")
	a.connect("ann", "s1")
	a.stands.Store(true)
	if err := a.Leave(context.Background()); err != nil {
		t.Fatal(err)
	}
	next := newNode(t, faultConfig(rs.URL()), "a")
	until(t, "it hears of what its predecessor had", func() bool {
		next.mu.Lock()
		defer next.mu.Unlock()
		return len(next.lost) == 1 && next.lost[0].ID == "s1"
	})
}

// What a node has handled before it leaves is confirmed, and what it has not
// read comes back: nothing twice, and nothing never.
func TestP3_LeavingNodeConfirmsWhatItHandled(t *testing.T) {
	t.Parallel()
	const all = 3000
	rs := redistest.Start(t)
	var got, back counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{OnUndelivered: back.receive})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: got.receive})
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range uint64(all) {
			if err := a.send(b.self(), 1, presence.Must, numbered(i), nil); err != nil {
				t.Errorf("letter %d: %v", i, err)
			}
		}
	})
	until(t, "it is in the middle of it", func() bool { return got.n() > all/10 })
	b.hush()
	handled := got.n()
	sending.Wait()
	o := a.outlet(b.self())
	until(t, "all are sent, and what it handled is confirmed", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.first == uint64(handled)+1 && !o.busy && len(o.queue) == 0
	})
	b.close()
	a.nodeGone(b.self(), true)
	until(t, "the rest is back", func() bool { return back.n() >= all-handled })
	for i, v := range append(got.list(), back.list()...) {
		if v != uint64(i) {
			t.Fatalf("in place of %d came %d; %d were handled and %d came back", i, v, got.n(), back.n())
		}
	}
}
