package signaling

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
)

// A session that another node takes keeps its id, so that late news of it at the
// node that it left must not be taken for news of the new one.

// bothWays checks that each side of the call gets what the other one sends.
func bothWays(w *world, a, b *client) {
	w.t.Helper()
	a.signalled(w.id(1), 1)
	b.hears("call:signal")
	b.signalled(w.id(1), 2)
	a.hears("call:signal")
}

// TestC9_SessionIsAwayBeforeItMoves: its client is quicker than its node, which
// still tells the calls that it is away.
func TestC9_SessionIsAwayBeforeItMoves(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1") // on nodes 1 and 2
		var moving sync.WaitGroup
		var luggage Luggage
		moved := make(chan struct{})
		plugs[2].mu.Lock()
		plugs[2].suspending = func() {
			moving.Go(func() {
				luggage, _ = b.sess.Moved(w.nodes[0].Node().Peer)
				close(moved)
			})
			for range 1000 { // all the time it needs, were it not made to wait
				runtime.Gosched()
				select {
				case <-moved:
					t.Error("it moved before its calls heard that it is away")
					return
				default:
				}
			}
		}
		plugs[2].mu.Unlock()
		b.sess.Away()
		moving.Wait()
		n := b.arrive(w.nodes[0], &Taken{Luggage: luggage})
		a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`, `call:peer {"callId":"#1","state":"back"}`)
		n.takeAll()
		bothWays(w, a, n)
	})
}

// TestP7_OwedNewsOfASessionThatIsBack: that it was away could not be told while
// the store was; when that can be, it is not so any more.
func TestP7_OwedNewsOfASessionThatIsBack(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1")
		plugs[2].set(false, true)
		b.sess.Away()
		plugs[2].set(false, false)
		b.sess.Back()
		w.nodes[2].pay(t.Context())
		w.settle()
		a.gets()
		b.takeAll()
		bothWays(w, a, b)
	})
}

// TestC13_LateNewsOfANodeThatLeft: the node was gone before its session was
// registered where it went, and whoever buried it says so afterwards.
func TestC13_LateNewsOfANodeThatLeft(t *testing.T) {
	for _, seen := range []string{"after the session has arrived", "while it arrives"} {
		t.Run(seen, func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				a, b := w.answered("A1", "B1")
				old := w.nodes[2].Node().Peer
				l, _ := b.sess.Moved(w.nodes[0].Node().Peer)
				n := b.arrive(w.nodes[0], &Taken{Luggage: l})
				n.takeAll()
				if seen == "while it arrives" {
					plugs[1].hide("b")
				}
				w.nodes[1].Lost(presence.Session{ID: b.sess.ID(), User: "b", Device: "B1", Extended: true, Node: old.Name, Epoch: old.Epoch})
				w.settle()
				if seen == "while it arrives" {
					a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`, `call:peer {"callId":"#1","state":"back"}`)
				} else {
					a.gets()
				}
				n.takeAll() // what the call's record still had is told again
				bothWays(w, a, n)
			})
		})
	}
}

// TestP3_SessionArrivesWhileItsRouteIsLookedUp: it was not here when the signal
// was to be delivered here, and is nowhere else any more when it is to be sent.
func TestP3_SessionArrivesWhileItsRouteIsLookedUp(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1")
		to := w.nodes[1] // a's
		l, _ := b.sess.Moved(to.Node().Peer)
		n := &client{w: w, name: "B1", fakeLink: &fakeLink{}}
		var arriving sync.WaitGroup
		here := func() bool {
			list, err := to.store.Routes(t.Context(), "b")
			return err == nil && len(list) == 1 && list[0].Owner() == to.Node().Peer
		}
		plugs[1].mu.Lock()
		plugs[1].looking = func() {
			arriving.Go(func() {
				s, err := to.Open(t.Context(), n.fakeLink, identity("b"), Hello{SessionID: b.sess.id, Device: "B1", Extended: true, Dialect: "test", Moved: true, Luggage: l})
				if err != nil {
					t.Error(err)
				}
				n.sess = s
			})
			for !here() { // until it waits for the call, which is being stepped
				runtime.Gosched()
			}
		}
		plugs[1].mu.Unlock()
		a.signalled(w.id(1), 1)
		arriving.Wait()
		w.settle()
		if got := numbers(fmt.Sprint(n.takeAll())); got != "1" {
			t.Errorf("signals that arrived: %q", got)
		}
		bothWays(w, a, n)
	})
}
