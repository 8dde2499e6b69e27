package redis

import (
	"testing"

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

func subscriptions(t *testing.T, w *world, node string) Subscriptions {
	t.Helper()
	s, err := w.Join(node, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Store).Subscriptions()
}
