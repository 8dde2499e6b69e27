package redis

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
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
