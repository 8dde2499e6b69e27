package presencetest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tandem-rtc/tandem/presence"
)

// span is when something happened: between two looks at the clock.
type span struct{ from, to time.Time }

// slack is how far apart the clocks of two nodes may be.
const slack = 50 * time.Millisecond

// during runs f and returns when that was.
func during(w World, f func()) span {
	from := w.Now()
	f()
	return span{from, w.Now()}
}

// randomSessions compares a world with a plain model over random histories of
// two nodes. Every lease is renewed, so that only graces end. Where time passes by
// itself a grace may end while one looks: nothing is said of its user then.
func randomSessions(t *testing.T, w World) {
	ctx := context.Background()
	stores := []presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	type key struct {
		node     int
		user, id string
	}
	live := map[key]bool{}    // sessions
	left := map[string]span{} // user -> when the grace began
	users := []string{"ann", "bob", "cat"}
	serial := 0
	one := func(yes bool) int {
		if yes {
			return 1
		}
		return 0
	}
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
				delete(left, user)
			case 1, 2:
				how := rapid.SampledFrom([]presence.End{presence.Clean, presence.Vanished}).Draw(r, "how")
				for k := range live {
					if k.node != node || k.user != user {
						continue
					}
					at := during(w, func() { must(t, stores[node].Remove(ctx, user, k.id, how)) })
					delete(live, k)
					if count(user) == 0 && how == presence.Vanished {
						left[user] = at
					}
					break
				}
			case 3:
				// A fifth and a bit, so that no look falls on the very end of a grace.
				w.Pass(w.Grace()/5 + w.Grace()/50)
				for _, s := range stores {
					must(t, s.Renew(ctx))
				}
				sweep := during(w, func() { must(t, stores[node].Sweep(ctx)) })
				for u, at := range left {
					if sweep.from.After(at.to.Add(w.Grace() + slack)) {
						delete(left, u)
					}
				}
			}
			for _, u := range users {
				same(t, "sessions of "+u, len(ids(t, stores[0], u)), count(u))
			}
			var have []string
			var n int
			look := during(w, func() {
				have = online(t, stores[1])
				var err error
				n, _, err = stores[0].OnlineCount(ctx)
				must(t, err)
			})
			least, most := 0, 0
			for _, u := range users {
				at, graced := left[u]
				sure := count(u) > 0 || graced && look.to.Before(at.from.Add(w.Grace()-slack))
				may := sure || graced // until the sweep
				is := slices.Contains(have, u)
				if sure && !is || is && !may {
					t.Fatalf("%s: online %v, %d sessions, left %v, now %v", u, is, count(u), at, look)
				}
				least, most = least+one(sure), most+one(may)
			}
			if n < least || n > most || len(have) > most {
				t.Fatalf("%d online, of them %v, want %d to %d", n, have, least, most)
			}
		}
	})
}
