package presencetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

func oneOfManyRacersWins(t *testing.T, w World) {
	stores := []presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	for round := range 50 {
		var won atomic.Int32
		var wg sync.WaitGroup
		callee := fmt.Sprintf("callee%d", round)
		for i := range 6 {
			wg.Go(func() {
				caller := fmt.Sprintf("caller%d-%d", round, i)
				c := ring(w, fmt.Sprintf("%d-%d", round, i), caller, callee)
				err := stores[i%2].Open(context.Background(), c, []string{caller, callee})
				var held *presence.Held
				switch {
				case err == nil:
					won.Add(1)
				case !errors.As(err, &held):
					t.Errorf("Open = %v", err)
				}
			})
		}
		wg.Wait()
		same(t, "winners", won.Load(), 1)
	}
}

// crossingCallsLeaveOne: A rings B while B rings A, from two nodes at once (C8).
func crossingCallsLeaveOne(t *testing.T, w World) {
	ctx := context.Background()
	stores := [2]presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	for round := range 300 {
		users := [2]string{fmt.Sprint("ann", round), fmt.Sprint("bob", round)}
		var errs [2]error
		var start, wg sync.WaitGroup
		start.Add(1)
		for i := range 2 {
			c := ring(w, fmt.Sprintf("%d-%d", round, i), users[i], users[1-i])
			wg.Go(func() {
				start.Wait()
				errs[i] = stores[i].Open(ctx, c, users[:])
			})
		}
		start.Done()
		wg.Wait()
		won := slices.Index(errs[:], nil)
		var held *presence.Held
		if won < 0 || !errors.As(errs[1-won], &held) || held.Call != fmt.Sprintf("%d-%d", round, won) {
			t.Fatalf("round %d: %v", round, errs)
		}
		for _, u := range users {
			same(t, "mark of "+u, mark(t, stores[1], u), held.Call)
			list, err := stores[0].CallsOf(ctx, u)
			must(t, err)
			same(t, "calls of "+u, list, []string{held.Call})
		}
		if _, err := stores[won].Load(ctx, fmt.Sprintf("%d-%d", round, 1-won)); !errors.Is(err, presence.ErrNotFound) {
			t.Fatalf("the loser is there: %v", err)
		}
		hangUp(t, w, stores[round%2], held.Call)
	}
}

// aCircleLeavesOne: any number of calls that meet in a circle, A to B to C to A.
func aCircleLeavesOne(t *testing.T, w World) {
	const n = 5
	ctx := context.Background()
	stores := [2]presence.Store{join(t, w, "a", nil), join(t, w, "b", nil)}
	for round := range 40 {
		user := func(i int) string { return fmt.Sprintf("u%d-%d", round, i%n) }
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range n {
			c := ring(w, fmt.Sprintf("%d-%d", round, i), user(i), user(i+1))
			wg.Go(func() {
				err := stores[i%2].Open(ctx, c, []string{user(i), user(i + 1)})
				var held *presence.Held
				if err == nil {
					won.Add(1)
				} else if !errors.As(err, &held) {
					t.Errorf("Open = %v", err)
				}
			})
		}
		wg.Wait()
		if k := won.Load(); k < 1 || k > n/2 {
			t.Fatalf("round %d: %d calls of %d", round, k, n)
		}
		busy := map[string]int{}
		for i := range n {
			if id := mark(t, stores[0], user(i)); id != "" {
				busy[id]++
			}
		}
		for id, k := range busy {
			if k != 2 {
				t.Fatalf("round %d: %s has %d users", round, id, k)
			}
		}
		same(t, "calls with marks", len(busy), won.Load())
	}
}

func moveTakesTheMark(t *testing.T, w World) {
	ctx := context.Background()
	a := join(t, w, "a", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	must(t, a.Open(ctx, ring(w, "2", "cat", "bob"), []string{"cat"}))
	must(t, a.Move(ctx, "bob", "2"))
	same(t, "mark", mark(t, a, "bob"), "2")
	hangUp(t, w, a, "1")
	same(t, "mark after the other call's end", mark(t, a, "bob"), "2")
	hangUp(t, w, a, "2")
	same(t, "mark after the end", mark(t, a, "bob"), "")
	if err := a.Move(ctx, "bob", "2"); !errors.Is(err, presence.ErrNotFound) {
		t.Fatalf("Move to an ended call = %v", err)
	}
}

// theMarkGoesOn: a user who waits in another call is busy with that one when the
// first ends.
func theMarkGoesOn(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	open(t, a, ring(w, "1", "ann", "bob"))
	must(t, b.Open(ctx, ring(w, "2", "cat", "bob"), []string{"cat"}))
	same(t, "mark", mark(t, a, "bob"), "1")
	list, err := a.CallsOf(ctx, "bob")
	must(t, err)
	same(t, "calls", list, []string{"1", "2"})
	hangUp(t, w, b, "1")
	same(t, "mark after the first call's end", mark(t, a, "bob"), "2")
	same(t, "mark of ann", mark(t, a, "ann"), "")
	var held *presence.Held
	if err := a.Open(ctx, ring(w, "3", "dan", "bob"), []string{"dan", "bob"}); !errors.As(err, &held) || held.Call != "2" {
		t.Fatalf("Open = %v", err)
	}
	hangUp(t, w, a, "2")
	same(t, "mark after both", mark(t, b, "bob"), "")
}

// unsettledCallsComeBack: an ended call is handed out until somebody says that
// all have heard of it.
func unsettledCallsComeBack(t *testing.T, w World) {
	ctx := context.Background()
	a, b := join(t, w, "a", nil), join(t, w, "b", nil)
	if !a.Shared() { // who ends a call tells of it before it can die: nothing comes back
		open(t, a, ring(w, "gone", "ann", "bob"))
		hangUp(t, w, a, "gone")
		w.Pass(5 * time.Second)
		list, err := a.Due(ctx, 10)
		must(t, err)
		same(t, "due", len(list), 0)
		return
	}
	for id, user := range map[string]string{"told": "ann", "untold": "cat"} {
		open(t, a, ring(w, id, user, user+"2"))
		hangUp(t, w, a, id)
	}
	a.Settled(ctx, "told")
	list, err := b.Due(ctx, 10)
	must(t, err)
	same(t, "due at once", len(list), 0)
	wait := func() []string {
		for range 20 {
			w.Pass(250 * time.Millisecond)
			if list, err := b.Due(ctx, 10); err != nil || len(list) > 0 {
				must(t, err)
				return list
			}
		}
		return nil
	}
	for range 2 { // who took it may die as well
		same(t, "due", wait(), []string{"untold"})
		c, err := b.Load(ctx, "untold")
		must(t, err)
		if c.State != call.Ended || len(c.Outbox) == 0 {
			t.Fatalf("%+v", c)
		}
	}
	b.Settled(ctx, "untold")
	w.Pass(1200 * time.Millisecond)
	list, err = b.Due(ctx, 10)
	must(t, err)
	same(t, "due when settled", len(list), 0)
}
