package presencetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// flips is what the nodes of a test were told as observers, all together.
type flips struct {
	mu   sync.Mutex
	got  []string
	last map[string]int64 // version by user
	odd  bool             // versions did not rise
}

func (f *flips) handler() *Handler {
	return &Handler{OnFlipped: func(st presence.State, version int64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.last == nil {
			f.last = map[string]int64{}
		}
		f.odd = f.odd || version <= f.last[st.User]
		f.last[st.User] = version
		s := st.User + " offline"
		if st.Online {
			s = st.User + " online"
		}
		f.got = append(f.got, s)
	}}
}

// are checks what was told since the last time, by anybody.
func (f *flips) are(t testing.TB, want ...string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		f.mu.Lock()
		n := len(f.got)
		f.mu.Unlock()
		if n >= len(want) || time.Now().After(deadline) {
			break
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	same(t, "who came and went", append([]string{}, f.got...), append([]string{}, want...))
	if f.odd {
		t.Error("a version is not above the one before")
	}
	f.got = nil
}

// flipsAreToldOnce: of all that happens to a user's sessions, on two nodes,
// observers hear only of the first that comes and of the last that goes, once.
func flipsAreToldOnce(t *testing.T, w World) {
	ctx := context.Background()
	var f flips
	a, b := joinAs(t, w, "a", f.handler()), joinAs(t, w, "b", f.handler())
	tick := func(d time.Duration) {
		t.Helper()
		for step := min(d, w.Lease()/4); d > 0; d -= step {
			w.Pass(step)
			must(t, a.Renew(ctx))
			must(t, b.Renew(ctx))
		}
		for _, n := range []presence.Store{a, b} {
			must(t, n.Sweep(ctx))
		}
	}
	must(t, a.Add(ctx, session("ann", "1")))
	must(t, a.Add(ctx, session("ann", "1"))) // again
	must(t, b.Add(ctx, session("ann", "2")))
	must(t, b.Add(ctx, session("bea", "3")))
	f.are(t, "ann online", "bea online")
	must(t, a.Remove(ctx, "ann", "1", presence.Clean))
	must(t, b.Suspend(ctx, "ann", "2"))
	tick(w.Grace() / 2)
	must(t, b.Add(ctx, session("ann", "2"))) // back within the grace
	tick(w.Grace() * 5 / 4)
	must(t, b.Remove(ctx, "ann", "2", presence.Vanished))
	tick(w.Grace() / 2)
	f.are(t)
	tick(w.Grace())
	f.are(t, "ann offline")
	must(t, b.Remove(ctx, "bea", "3", presence.Clean))
	must(t, b.Remove(ctx, "bea", "3", presence.Clean))
	must(t, a.Add(ctx, session("bea", "4")))
	f.are(t, "bea offline", "bea online")
}

// deadNodeFlips: who was on a node that died goes offline once, told by another.
func deadNodeFlips(t *testing.T, w World) {
	ctx := context.Background()
	var f, dead flips
	a, b := joinAs(t, w, "a", f.handler()), joinAs(t, w, "b", dead.handler())
	must(t, b.Add(ctx, session("ann", "1")))
	dead.are(t, "ann online")
	for passed := time.Duration(0); passed < w.Lease()+w.Grace()+w.Lease(); passed += w.Lease() / 4 {
		w.Pass(w.Lease() / 4) // and b is not renewed
		must(t, a.Renew(ctx))
		must(t, a.Sweep(ctx))
	}
	f.are(t, "ann offline")
}
