package redis

import (
	"slices"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"single": redistest.Start(t).URL(), "cluster": redistest.StartCluster(t).URL()} {
		n := 0
		t.Run(name, func(t *testing.T) {
			pushtest.Run(t, func(t *testing.T) push.Store {
				n++
				cfg := testConfig(url)
				cfg.Prefix, cfg.NoMirrors = "t"+string(rune('a'+n))+":", true
				return subscriptions(t, newWorld(t, cfg), "n")
			})
		})
	}
}

// Two users who sign in to one browser at once: one of them has it in the end.
func TestSubscriptionsOfOneBrowserHaveOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testConfig(redistest.Start(t).URL()))
	a, b := subscriptions(t, w, "a"), subscriptions(t, w, "b")
	for i := range 50 {
		sub := pushtest.Sub("phone", i)
		done := make(chan error, 2)
		go func() { done <- a.Put(t.Context(), "ann", sub) }()
		go func() { done <- b.Put(t.Context(), "bea", sub) }()
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		owners := 0
		for _, user := range []string{"ann", "bea"} {
			list, err := a.List(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				if s.Endpoint == sub.Endpoint {
					owners++
				}
			}
		}
		if owners != 1 {
			t.Fatalf("round %d: %d users have the browser", i, owners)
		}
	}
}

// A browser is taken from one user while another one signs in with it, whenever that
// comes in between: the other one has it, and whoever signs in next takes it over.
func TestSubscriptionsMoveWhileTheyAreRemoved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, testConfig(redistest.Start(t).URL()))
	a, b := subscriptions(t, w, "a"), subscriptions(t, w, "b")
	put := func(user string, sub push.Subscription) {
		if err := b.Put(ctx, user, sub); err != nil {
			t.Error(err)
		}
	}
	has := func(user string, sub push.Subscription) bool {
		list, err := b.List(ctx, user)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list, func(s push.Subscription) bool { return s.Endpoint == sub.Endpoint })
	}
	for before := range 4 { // so many times the store has looked whose it is
		sub := pushtest.Sub("phone", before)
		put("ann", sub)
		var looks atomic.Int32
		a.s.rdb.AddHook(onSend(func(cmds []goredis.Cmder) {
			owner := func(c goredis.Cmder) bool { return slices.Contains(c.Args(), any(a.ownerKey(sub.Endpoint))) }
			if slices.ContainsFunc(cmds, owner) && int(looks.Add(1)) == before+1 {
				put("bea", sub)
			}
		}))
		if _, err := a.Remove(ctx, "ann", sub.Endpoint); err != nil {
			t.Fatal(err)
		}
		if int(looks.Load()) <= before {
			put("bea", sub)
		}
		if has("ann", sub) || !has("bea", sub) {
			t.Errorf("after %d looks: ann has it: %t, bea: %t", before, has("ann", sub), has("bea", sub))
		}
		put("cat", sub)
		if has("bea", sub) || !has("cat", sub) {
			t.Errorf("after %d looks: bea has it: %t, cat: %t", before, has("bea", sub), has("cat", sub))
		}
	}
}

func subscriptions(t *testing.T, w *world, node string) Subscriptions {
	t.Helper()
	s, err := w.Join(node, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Store).Subscriptions()
}
