package signaling

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// unsureStore has stored a step, and its answer is lost: as when Redis goes away in
// that moment.
type unsureStore struct {
	presence.Store
	next *atomic.Bool
}

func (u *unsureStore) Save(ctx context.Context, c *call.Call, was uint64) error {
	err := u.Store.Save(ctx, c, was)
	if err == nil && u.next.Swap(false) {
		err = presence.ErrUnavailable
	}
	return err
}

// TestC3_StoredThoughTheStoreDidNotSaySo: an answer was stored, and nobody was told,
// since its node thought that it was not. When the store is back, and has another
// version than nodes know, those concerned hear of it, once.
func TestC3_StoredThoughTheStoreDidNotSaySo(t *testing.T) {
	var next atomic.Bool
	change := func(s *setup) {
		s.wrap = func(p presence.Store) presence.Store { return &unsureStore{p, &next} }
	}
	t.Run("three nodes", func(t *testing.T) {
		playOn(t, 3, change, func(w *world) {
			cs := w.all("A1", "B1", "B2")
			a, b, other := cs[0], cs[1], cs[2]
			a.emit("call:user", ringing("b", offer(1)))
			for _, c := range cs {
				c.take()
			}
			next.Store(true)
			eq(t, "the answer", b.ask("call:answer", `{"to":"a","signal":`+reply(2)+`}`), "!unavailable")
			a.gets()
			for range 2 { // each node looks, as often as the store finds it behind
				for _, sw := range w.nodes {
					sw.Recheck(w.id(1))
				}
			}
			w.settle()
			a.hears("call:accepted", "call:state")
			b.hears("call:state")
			other.hears("call:end", "call:state")
		})
	})
}
