package signaling

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-rtc/tandem/presence"
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
