package presencetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

func session(user, id string) presence.Session {
	return presence.Session{ID: id, User: user, Device: "d-" + id}
}

func ids(t testing.TB, s presence.Store, user string) []string {
	t.Helper()
	list, err := s.Sessions(context.Background(), user)
	must(t, err)
	out := make([]string, 0, len(list))
	for _, one := range list {
		out = append(out, one.ID)
	}
	slices.Sort(out)
	return out
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%v", got), fmt.Sprintf("%v", want); g != w {
		t.Fatalf("%s: got %s, want %s", what, g, w)
	}
}

func stateOf(t testing.TB, s presence.Store, user string) presence.State {
	t.Helper()
	list, err := s.States(context.Background(), []string{user})
	must(t, err)
	if len(list) != 1 || list[0].User != user {
		t.Fatalf("States(%s) = %+v", user, list)
	}
	return list[0]
}

func online(t testing.TB, s presence.Store) []string {
	t.Helper()
	p, err := s.Online(context.Background(), "", 1000)
	must(t, err)
	return p.Users
}

func sessionsOfAUser(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	must(t, b.Add(ctx, session("ann", "2")))
	must(t, b.Add(ctx, session("bob", "3")))
	for _, s := range []presence.Store{a, b} {
		same(t, "sessions of ann", ids(t, s, "ann"), []string{"1", "2"})
		same(t, "sessions of bob", ids(t, s, "bob"), []string{"3"})
		same(t, "sessions of nobody", ids(t, s, "nobody"), []string{})
		same(t, "online", online(t, s), []string{"ann", "bob"})
	}
	list, err := a.Sessions(ctx, "bob")
	must(t, err)
	name, epoch := b.Node()
	if list[0].Node != name || list[0].Epoch != epoch || list[0].Device != "d-3" || epoch == "" {
		t.Fatalf("owner not filled in: %+v", list[0])
	}
}

func addAndRemoveTwice(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	for range 2 {
		must(t, a.Add(ctx, session("ann", "1")))
	}
	same(t, "after two adds", ids(t, a, "ann"), []string{"1"})
	must(t, b.Remove(ctx, "ann", "1", presence.Clean)) // not b's
	same(t, "after another node's remove", ids(t, a, "ann"), []string{"1"})
	for range 2 {
		must(t, a.Remove(ctx, "ann", "1", presence.Clean))
	}
	must(t, a.Remove(ctx, "ann", "never", presence.Vanished))
	must(t, a.Remove(ctx, "nobody", "never", presence.Clean))
	same(t, "after removes", ids(t, a, "ann"), []string{})
	same(t, "online", online(t, a), []string{})
}

func noLeaseNoSession(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	must(t, b.Add(ctx, session("ann", "2")))
	w.Pass(w.Lease() / 2)
	must(t, b.Renew(ctx))
	w.Pass(w.Lease()/2 + w.Lease()/10)
	// Nobody has swept yet: what has no lease does not count all the same.
	same(t, "sessions", ids(t, b, "ann"), []string{"2"})
	must(t, b.Sweep(ctx))
	same(t, "sessions after the sweep", ids(t, b, "ann"), []string{"2"})
	if st := stateOf(t, b, "ann"); !st.Online || st.Devices != 1 {
		t.Fatalf("ann: %+v", st)
	}
}

func leaseLostIsNoticed(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	must(t, a.Renew(ctx))
	w.Pass(w.Lease() + w.Lease()/10)
	if err := a.Renew(ctx); !errors.Is(err, presence.ErrLeaseLost) {
		t.Fatalf("Renew after the lease = %v", err)
	}
	if err := a.Add(ctx, session("ann", "1")); !errors.Is(err, presence.ErrLeaseLost) {
		t.Fatalf("Add after the lease = %v", err)
	}
}

func newEpochInheritsNothing(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	w.Pass(w.Lease() + w.Lease()/10)
	again := join(t, w, "a", nil)
	_, e1 := a.Node()
	_, e2 := again.Node()
	if e1 == e2 {
		t.Fatal("a new membership has the old epoch")
	}
	same(t, "sessions", ids(t, again, "ann"), []string{})
	must(t, again.Add(ctx, session("ann", "2")))
	must(t, a.Remove(ctx, "ann", "2", presence.Clean)) // the ghost of the old epoch
	same(t, "sessions", ids(t, again, "ann"), []string{"2"})
}

func nameIsTaken(t *testing.T, w World) {
	join(t, w, "a", nil)
	if _, err := w.Join("a", &Handler{}); !errors.Is(err, presence.ErrNodeTaken) {
		t.Fatalf("second join = %v", err)
	}
	w.Pass(w.Lease() + w.Lease()/10)
	join(t, w, "a", nil)
}

func onlinePages(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	want := make([]string, 0, 25)
	for i := range 25 {
		u := fmt.Sprintf("u%02d", (i*7)%25)
		must(t, a.Add(ctx, session(u, u)))
		want = append(want, u)
	}
	slices.Sort(want)
	var got []string
	cursor, pages := "", 0
	for {
		p, err := a.Online(ctx, cursor, 10)
		must(t, err)
		got = append(got, p.Users...)
		pages++
		if p.Next == "" {
			break
		}
		// The one at the cursor goes: nobody is skipped or repeated for it.
		must(t, a.Remove(ctx, p.Next, p.Next, presence.Clean))
		cursor = p.Next
	}
	same(t, "pages", pages, 3)
	same(t, "online", got, want)
}

func versionFollowsTheSet(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	last := uint64(1 << 63)
	check := func(what string, n int, changed bool) {
		t.Helper()
		got, v, err := a.OnlineCount(ctx)
		must(t, err)
		if got != n || (v != last) != changed {
			t.Fatalf("%s: %d online (want %d), version changed %v (want %v)", what, got, n, v != last, changed)
		}
		last = v
	}
	check("empty", 0, true)
	must(t, a.Add(ctx, session("ann", "1")))
	check("first session", 1, true)
	must(t, a.Add(ctx, session("ann", "2")))
	check("second session", 1, false)
	must(t, a.Remove(ctx, "ann", "1", presence.Clean))
	check("one left", 1, false)
	must(t, a.Remove(ctx, "ann", "2", presence.Clean))
	check("none left", 0, true)
}

func cleanEndIsOfflineAtOnce(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	if st := stateOf(t, a, "ann"); !st.LastSeen.IsZero() {
		t.Fatalf("last seen while connected: %+v", st)
	}
	at := w.Now()
	must(t, a.Remove(ctx, "ann", "1", presence.Clean))
	st := stateOf(t, a, "ann")
	if st.Online || st.Devices != 0 || st.LastSeen.Sub(at).Abs() > time.Second {
		t.Fatalf("after a clean end: %+v", st)
	}
}

func vanishedHasAGrace(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	must(t, a.Remove(ctx, "ann", "1", presence.Vanished))
	if st := stateOf(t, a, "ann"); !st.Online || st.Devices != 0 {
		t.Fatalf("just vanished: %+v", st)
	}
	same(t, "sessions", ids(t, a, "ann"), []string{})
	w.Pass(w.Grace() / 2)
	must(t, a.Renew(ctx))
	must(t, a.Sweep(ctx))
	if !stateOf(t, a, "ann").Online {
		t.Fatal("offline within the grace")
	}
	w.Pass(w.Grace()/2 + w.Grace()/10)
	must(t, a.Renew(ctx))
	must(t, a.Sweep(ctx))
	if st := stateOf(t, a, "ann"); st.Online || st.LastSeen.IsZero() {
		t.Fatalf("after the grace: %+v", st)
	}
	same(t, "online", online(t, a), []string{})
}

func backWithinTheGrace(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	_, before, err := a.OnlineCount(ctx)
	must(t, err)
	must(t, a.Remove(ctx, "ann", "1", presence.Vanished))
	must(t, b.Add(ctx, session("ann", "2")))
	for range 2 {
		w.Pass(w.Grace() * 6 / 10)
		must(t, a.Renew(ctx))
		must(t, b.Renew(ctx))
		must(t, a.Sweep(ctx))
	}
	if !stateOf(t, a, "ann").Online {
		t.Fatal("offline, though she is back")
	}
	if _, after, _ := a.OnlineCount(ctx); after != before {
		t.Fatal("the set of online users changed in between")
	}
}

// hearing collects what an observer hears.
type hearing struct {
	mu  sync.Mutex
	got []presence.State
}

func (h *hearing) observe(st presence.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, st)
}

// wait returns the news once there are n.
func (h *hearing) wait(t testing.TB, n int) []presence.State {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		h.mu.Lock()
		got := slices.Clone(h.got)
		h.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d news: %+v", len(got), n, got)
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
}

func watchersHearOfChanges(t *testing.T, w World) {
	ctx := context.Background()
	var ha, hb hearing
	a, b := join(t, w, "a", ha.observe), join(t, w, "b", hb.observe)
	must(t, a.Watch(ctx, []string{"ann", "zoe"}))
	must(t, b.Watch(ctx, []string{"zoe"}))
	must(t, b.Add(ctx, session("ann", "1")))
	must(t, b.Remove(ctx, "ann", "1", presence.Clean))
	must(t, b.Add(ctx, session("zoe", "2")))
	got := ha.wait(t, 3)
	if !got[0].Online || got[0].User != "ann" || got[1].Online || got[1].LastSeen.IsZero() || got[2].User != "zoe" {
		t.Fatalf("a heard %+v", got)
	}
	if got := hb.wait(t, 1); len(got) != 1 || got[0].User != "zoe" {
		t.Fatalf("b heard %+v", got)
	}
}

func interestIsCounted(t *testing.T, w World) {
	ctx := context.Background()
	var h hearing
	a := join(t, w, "a", h.observe)
	must(t, a.Watch(ctx, []string{"ann"}))
	must(t, a.Watch(ctx, []string{"ann"}))
	must(t, a.Unwatch(ctx, []string{"ann", "never"}))
	must(t, a.Add(ctx, session("ann", "1")))
	h.wait(t, 1)
	must(t, a.Unwatch(ctx, []string{"ann"}))
	must(t, a.Remove(ctx, "ann", "1", presence.Clean))
	must(t, a.Watch(ctx, []string{"end"}))
	must(t, a.Add(ctx, session("end", "2")))
	if got := h.wait(t, 2); len(got) != 2 || got[1].User != "end" {
		t.Fatalf("heard %+v", got)
	}
}

func devicesAreCountedOnce(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	one, two := session("ann", "1"), session("ann", "2")
	two.Device = one.Device
	must(t, a.Add(ctx, one))
	must(t, a.Add(ctx, two))
	must(t, a.Add(ctx, session("ann", "3")))
	same(t, "devices", stateOf(t, a, "ann").Devices, 2)
	same(t, "devices of nobody", stateOf(t, a, "nobody").Devices, 0)
}

func leaveVanishesSessions(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	must(t, a.Add(ctx, session("ann", "1")))
	must(t, a.Leave(ctx))
	same(t, "sessions", ids(t, b, "ann"), []string{})
	if !stateOf(t, b, "ann").Online {
		t.Fatal("no grace for the users of a node that left")
	}
	join(t, w, "a", nil) // its name is free at once
}
