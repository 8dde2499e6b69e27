package presencetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

var rules = call.DefaultConfig()

// ring makes a ringing call.
func ring(w World, id, from, to string) *call.Call {
	c, _ := call.New(rules, call.Ring{
		ID: id, Caller: call.Who{User: from, Device: "d-" + from}, Callee: to,
		Signal:  call.SignalInfo([]byte(`{"type":"offer","sdp":"v=0"}`)),
		Devices: []call.Who{{User: to, Device: "d-" + to}},
	}, w.Now())
	return &c
}

func open(t testing.TB, s presence.Store, c *call.Call) {
	t.Helper()
	must(t, s.Open(context.Background(), c, []string{c.Caller.User, c.Callee.User}))
}

// hangUp ends a call as its caller.
func hangUp(t testing.TB, w World, s presence.Store, id string) {
	t.Helper()
	ctx := context.Background()
	c, err := s.Load(ctx, id)
	must(t, err)
	next, _, err := call.Step(*c, call.End{Who: call.Who{User: c.Caller.User, Device: c.Caller.Device}}, w.Now())
	must(t, err)
	must(t, s.Save(ctx, &next, c.Version))
}

func mark(t testing.TB, s presence.Store, user string) string {
	t.Helper()
	id, err := s.Mark(context.Background(), user)
	must(t, err)
	return id
}

func openTakesBothMarks(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	for _, u := range []string{"ann", "bob"} {
		same(t, "mark of "+u, mark(t, b, u), "1")
		list, err := b.CallsOf(ctx, u)
		must(t, err)
		same(t, "calls of "+u, list, []string{"1"})
	}
	same(t, "mark of nobody", mark(t, b, "nobody"), "")
	c, err := b.Load(ctx, "1")
	must(t, err)
	if c.State != call.Ringing || c.Callee.User != "bob" {
		t.Fatalf("loaded %+v", c)
	}
	n, err := b.LiveCalls(ctx)
	must(t, err)
	same(t, "live calls", n, 1)
	if _, err := b.Load(ctx, "never"); !errors.Is(err, presence.ErrNotFound) {
		t.Fatalf("Load of nothing = %v", err)
	}
}

func openIsAllOrNothing(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	for _, pair := range [][2]string{{"cat", "bob"}, {"ann", "dan"}} {
		c := ring(w, "2", pair[0], pair[1])
		err := a.Open(ctx, c, pair[:])
		var held *presence.Held
		if !errors.As(err, &held) || held.Call != "1" || (held.User != "bob" && held.User != "ann") {
			t.Fatalf("Open over a held mark = %v", err)
		}
	}
	same(t, "mark of cat", mark(t, a, "cat"), "")
	same(t, "mark of dan", mark(t, a, "dan"), "")
	if _, err := a.Load(ctx, "2"); !errors.Is(err, presence.ErrNotFound) {
		t.Fatal("a refused call was stored")
	}
	must(t, a.Open(ctx, ring(w, "3", "cat", "bob"), []string{"cat", "bob"}, "1"))
	same(t, "mark that was taken over", mark(t, a, "bob"), "3")
	must(t, a.Open(ctx, ring(w, "4", "eve", "bob"), []string{"eve"})) // waits: bob's mark stays
	same(t, "mark with a waiting call", mark(t, a, "bob"), "3")
}

func endedCallsHoldNobody(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	hangUp(t, w, b, "1")
	for _, u := range []string{"ann", "bob"} {
		same(t, "mark of "+u, mark(t, a, u), "")
		list, err := a.CallsOf(ctx, u)
		must(t, err)
		same(t, "calls of "+u, len(list), 0)
	}
	open(t, a, ring(w, "2", "bob", "ann"))
	n, err := a.LiveCalls(ctx)
	must(t, err)
	same(t, "live calls", n, 1)
}

func saveIsCompareAndSet(t *testing.T, w World) {
	ctx := context.Background()
	stores := []presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	open(t, stores[0], ring(w, "1", "ann", "bob"))
	c, err := stores[0].Load(ctx, "1")
	must(t, err)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			who := call.Who{User: "bob", Device: fmt.Sprintf("d%d", i)}
			next, _, err := call.Step(*c, call.Answer{Who: who, Signal: call.SignalInfo([]byte(`{"type":"answer","sdp":"v=0"}`))}, w.Now())
			if err != nil {
				t.Errorf("step: %v", err)
				return
			}
			switch err := stores[i%2].Save(ctx, &next, c.Version); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, presence.ErrConflict):
				t.Errorf("Save = %v", err)
			}
		})
	}
	wg.Wait()
	same(t, "winners", won.Load(), 1)
	other := ring(w, "never", "x", "y")
	if err := stores[0].Save(ctx, other, other.Version); !errors.Is(err, presence.ErrNotFound) {
		t.Fatalf("Save of nothing = %v", err)
	}
}

func byClientID(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	c := ring(w, "1", "ann", "bob")
	c.ClientID = "mine"
	open(t, a, c)
	find := func(user, id string) string {
		got, err := b.ByClientID(ctx, user, id)
		must(t, err)
		return got
	}
	same(t, "found", find("ann", "mine"), "1")
	same(t, "another user's", find("bob", "mine"), "")
	same(t, "another id", find("ann", "other"), "")
	hangUp(t, w, a, "1")
	same(t, "lately ended", find("ann", "mine"), "1")
}

func endedCallsAreFound(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	hangUp(t, w, a, "1")
	c, err := b.Load(ctx, "1")
	must(t, err)
	same(t, "state", c.State, call.Ended)
	last, err := b.LastOf(ctx, "bob")
	must(t, err)
	same(t, "last", last, "1")
	last, err = b.LastOf(ctx, "nobody")
	must(t, err)
	same(t, "last of nobody", last, "")
}

func dueCalls(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	made := func(id, from, to string, ringFor time.Duration) {
		c, _ := call.New(rules, call.Ring{
			ID: id, Caller: call.Who{User: from, Device: from}, Callee: to, RingFor: ringFor,
			Signal: call.SignalInfo([]byte(`{}`)), Devices: []call.Who{{User: to, Device: to}},
		}, w.Now())
		open(t, a, &c)
	}
	made("late", "ann", "bob", 40*time.Second)
	made("soon", "cat", "dan", 1500*time.Millisecond)
	made("over", "eve", "fay", 1500*time.Millisecond)
	hangUp(t, w, a, "over")
	a.Settled(ctx, "over")
	due := func() []string {
		list, err := b.Due(ctx, 10)
		must(t, err)
		return list
	}
	same(t, "nothing due", len(due()), 0)
	w.Pass(1600 * time.Millisecond)
	same(t, "due", due(), []string{"soon"})
	// It was not stepped: the node that asked may have died. It is due again.
	w.Pass(1200 * time.Millisecond)
	same(t, "due again", due(), []string{"soon"})
	c, err := b.Load(ctx, "soon")
	must(t, err)
	next, _, err := call.Step(*c, call.Timeout{}, w.Now())
	must(t, err)
	same(t, "state", next.State, call.Ended)
	must(t, b.Save(ctx, &next, c.Version))
	b.Settled(ctx, "soon")
	w.Pass(1200 * time.Millisecond)
	same(t, "nothing due any more", len(due()), 0)
}

// randomCalls opens and ends calls at random and holds the marks against a
// model: who is busy is in exactly that live call, and nobody else is busy.
func randomCalls(t *testing.T, w World) {
	ctx := context.Background()
	s := join(t, w, "a", nil)
	users := []string{"ann", "bob", "cat", "dan"}
	marks, live, n := map[string]string{}, map[string][2]string{}, 0
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 10).Draw(r, "steps") {
			switch rapid.IntRange(0, 1).Draw(r, "what") {
			case 0:
				from, to := rapid.SampledFrom(users).Draw(r, "from"), rapid.SampledFrom(users).Draw(r, "to")
				if from == to {
					continue
				}
				n++
				id := strconv.Itoa(n)
				err := s.Open(ctx, ring(w, id, from, to), []string{from, to})
				if free := marks[from] == "" && marks[to] == ""; (err == nil) != free {
					t.Fatalf("Open(%s, %s) = %v with marks %v", from, to, err, marks)
				}
				if err == nil {
					marks[from], marks[to], live[id] = id, id, [2]string{from, to}
				}
			case 1:
				for id, pair := range live {
					hangUp(t, w, s, id)
					delete(live, id)
					for _, u := range pair {
						delete(marks, u)
					}
					break
				}
			}
			for _, u := range users {
				same(t, "mark of "+u, mark(t, s, u), marks[u])
				list, err := s.CallsOf(ctx, u)
				must(t, err)
				if (len(list) == 1) != (marks[u] != "") || (len(list) == 1 && !slices.Contains(list, marks[u])) {
					t.Fatalf("calls of %s: %v, mark %q", u, list, marks[u])
				}
			}
			got, err := s.LiveCalls(ctx)
			must(t, err)
			same(t, "live calls", got, len(live))
		}
	})
}
