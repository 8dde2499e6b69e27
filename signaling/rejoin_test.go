package signaling

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// addStore is a plug that calls adding, once, before a session is registered.
type addStore struct {
	*plug
	adding *func()
}

func (a *addStore) Add(ctx context.Context, s presence.Session) error {
	f := *a.adding
	*a.adding = nil
	if f != nil {
		f()
	}
	return a.plug.Add(ctx, s)
}

// A node that was taken for dead registers its sessions anew, and one of them ends
// in that moment: nothing is left of it.
func TestP1_ASessionEndsWhileItsNodeJoinsAgain(t *testing.T) {
	for name, end := range map[string]func(*Session){
		"clean":    func(s *Session) { s.Closed(true) },
		"vanished": func(s *Session) { s.Closed(false) },
		"replaced": func(s *Session) { s.replaced(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var adding func()
				var plugs []*plug
				w := newWorldOf(t, 3, func(s *setup) {
					s.wrap = func(st presence.Store) presence.Store {
						plugs = append(plugs, &plug{Store: st})
						return &addStore{plugs[len(plugs)-1], &adding}
					}
				})
				b := w.joinOn(2, "B1")
				plugs[2].set(false, true) // it stands still
				w.pass(10 * time.Second)
				adding = func() { end(b.sess) }
				plugs[2].set(false, false)
				w.pass(2 * time.Second)
				if adding != nil {
					t.Fatal("it has not joined again")
				}
				if list, err := w.store.Sessions(t.Context(), "b"); len(list) != 0 || err != nil {
					t.Errorf("b has sessions %v, %v", list, err)
				}
				w.pass(6 * time.Second) // the grace
				if page, err := w.store.Online(t.Context(), "", 10); len(page.Users) != 0 || err != nil {
					t.Errorf("online: %v, %v", page.Users, err)
				}
			})
		})
	}
}

// lazyStore is a store that takes its time, and counts how often its node joins again.
type lazyStore struct {
	*plug
	rejoins *atomic.Int32
}

func (f *lazyStore) Add(ctx context.Context, s presence.Session) error {
	time.Sleep(100 * time.Millisecond)
	return f.plug.Add(ctx, s)
}

func (f *lazyStore) Save(ctx context.Context, c *call.Call, was uint64) error {
	time.Sleep(100 * time.Millisecond)
	return f.plug.Save(ctx, c, was)
}

func (f *lazyStore) Sweep(ctx context.Context) error {
	time.Sleep(6 * time.Second) // more than a lease
	return f.plug.Sweep(ctx)
}

func (f *lazyStore) Rejoin(ctx context.Context) error {
	f.rejoins.Add(1)
	return f.plug.Rejoin(ctx)
}

// TestP1_ANodeThatIsBusyJoinsAgainAtOnce: it hears how its lease stands before it looks
// for more to do.
func TestP1_ANodeThatIsBusyJoinsAgainAtOnce(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			var rejoins atomic.Int32
			var plugs []*plug
			w := newWorldOf(t, 2, func(s *setup) {
				s.wrap = func(st presence.Store) presence.Store {
					plugs = append(plugs, &plug{Store: st})
					return &lazyStore{plugs[len(plugs)-1], &rejoins}
				}
			})
			plugs[1].set(false, true)
			w.pass(10 * time.Second)
			plugs[1].set(false, false)
			w.pass(8 * time.Second) // a sweep, and the next renewal
			if n := rejoins.Load(); n != 1 {
				t.Errorf("it has joined again %d times", n)
			}
		})
	}
}

// It takes longer than a lease to register all sessions of a node anew, to end all
// calls whose time has come, and to bury others: the lease is kept meanwhile.
func TestP1_TheLeaseIsKeptWhileThereIsMuchToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rejoins atomic.Int32
		var plugs []*plug
		w := newWorldOf(t, 3, func(s *setup) {
			s.CallsPerMinute, s.SessionsPerUser = 1<<20, 1000
			s.wrap = func(st presence.Store) presence.Store {
				plugs = append(plugs, &plug{Store: st})
				return &lazyStore{plugs[len(plugs)-1], &rejoins}
			}
		})
		const all = 100
		for i := range all {
			w.joinOn(2, fmt.Sprint("B", i))
		}
		plugs[2].set(false, true) // it stands still
		w.pass(10 * time.Second)
		plugs[2].set(false, false)
		w.pass(time.Minute)
		if n := rejoins.Load(); n != 1 {
			t.Errorf("it has joined again %d times", n)
		}
		if list, err := w.store.Sessions(t.Context(), "b"); len(list) != all || err != nil {
			t.Errorf("%d sessions, %v", len(list), err)
		}

		ctx := t.Context()
		for i := range 3 * all {
			from, to := fmt.Sprint("u", i), fmt.Sprint("v", i)
			c, _ := call.New(call.DefaultConfig(), call.Ring{
				ID: fmt.Sprint("c", i), Caller: call.Who{User: from, Device: from}, Callee: to, RingFor: time.Second,
				Signal: call.SignalInfo([]byte(offer(1))), Devices: []call.Who{{User: to, Device: to}},
			}, w.sw.now())
			if err := w.store.Open(ctx, &c, []string{from, to}); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Minute)
		if n, err := w.store.LiveCalls(ctx); n != 0 || err != nil {
			t.Errorf("%d calls are live, %v", n, err)
		}
		if n := rejoins.Load(); n != 1 {
			t.Errorf("then %d times", n)
		}
	})
}
