package presencetest

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/tandem-rtc/tandem/presence"
)

// randomSessions compares a world with a plain model over random histories of
// two nodes. Time passes in steps of a tenth of the grace, with every lease
// renewed, so that only graces end.
func randomSessions(t *testing.T, w World) {
	ctx := context.Background()
	stores := []presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	type key struct {
		node     int
		user, id string
	}
	live := map[key]bool{}    // sessions
	until := map[string]int{} // user -> tick at which the grace ends
	tick, serial := 0, 0
	users := []string{"ann", "bob", "cat"}
	count := func(user string) (n int) {
		for k := range live {
			if k.user == user {
				n++
			}
		}
		return n
	}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			node := rapid.IntRange(0, 1).Draw(r, "node")
			user := rapid.SampledFrom(users).Draw(r, "user")
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0:
				serial++
				k := key{node, user, strconv.Itoa(serial)}
				must(t, stores[node].Add(ctx, session(user, k.id)))
				live[k] = true
				delete(until, user)
			case 1, 2:
				how := rapid.SampledFrom([]presence.End{presence.Clean, presence.Vanished}).Draw(r, "how")
				for k := range live {
					if k.node != node || k.user != user {
						continue
					}
					must(t, stores[node].Remove(ctx, user, k.id, how))
					delete(live, k)
					if count(user) == 0 && how == presence.Vanished {
						until[user] = tick + 10
					}
					break
				}
			case 3:
				// Two ticks, so that no check falls on the very end of a grace.
				w.Pass(w.Grace() / 5)
				tick += 2
				for _, s := range stores {
					must(t, s.Renew(ctx))
				}
				must(t, stores[node].Sweep(ctx))
				for u, end := range until {
					if tick >= end {
						delete(until, u)
					}
				}
			}
			var want []string
			for _, u := range users {
				if count(u) > 0 || until[u] > 0 {
					want = append(want, u)
				}
				same(t, "sessions of "+u, len(ids(t, stores[0], u)), count(u))
			}
			slices.Sort(want)
			same(t, "online", online(t, stores[1]), want)
			n, _, err := stores[0].OnlineCount(ctx)
			must(t, err)
			same(t, "count", n, len(want))
		}
	})
}
