package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// What is held for a session that is on its way is bounded, as what is kept for a
// client that is away (O4).

// flood sends a node so many events of that size for user a.
func (w *world) flood(node, events, size int) {
	for i := range events {
		e := eventEnvelope{user: "a", event: "n", args: fmt.Appendf(nil, `"%d %s"`, i, strings.Repeat("x", size))}
		if err := w.nodes[2].store.Send(w.nodes[node].Node().Peer, kindEvent, presence.Must, e.encode(), nil); err != nil {
			w.t.Error(err)
		}
	}
	w.settle()
}

// flooded checks that a client got them all, in their order.
func (c *client) flooded(events int) {
	c.w.t.Helper()
	got := c.take()
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], " x")
	}
	want := make([]string, events)
	for i := range want {
		want[i] = fmt.Sprintf(`n "%d`, i)
	}
	c.compare(got, want)
}

const tooMany = 300 // of a KiB: more bytes than are kept

// TestO4_SessionThatMissesTooMuchBeforeItIsHandedOver starts anew, as one does whose
// client was away; others have waited for nothing.
func TestO4_SessionThatMissesTooMuchBeforeItIsHandedOver(t *testing.T) {
	for what, missed := range map[string]struct{ events, size int }{
		"bytes": {tooMany, 1 << 10}, "events": {maxHeld + 1, 1}, "one event": {1, maxHeldBytes},
	} {
		t.Run(what, func(t *testing.T) {
			playPlugged(t, func(w *world, _ []*plug) {
				a, other := w.joinOn(1, "A1"), w.joinOn(0, "A2")
				other.take()
				w.nodes[1].OnTake(TakeJSON, func(to presence.Peer, _ string, _ []byte) *Taken {
					l, _ := a.sess.Moved(to)
					w.flood(0, missed.events, missed.size)
					return &Taken{Luggage: l}
				})
				k := a.takenBy(w.nodes[0])
				if k == nil || !k.Late {
					t.Errorf("taken: %+v", k)
				}
				other.flooded(missed.events)
				n := a.arrive(w.nodes[0], &Taken{Late: true})
				n.take()
				w.flood(0, 1, 1)
				n.flooded(1)
				other.flooded(1)
				if n := len(w.nodes[0].moving.coming); n != 0 {
					t.Errorf("%d users are waited for", n)
				}
				w.pass(30 * time.Second)
				if s, _ := w.store.Routes(t.Context(), "a"); len(s) != 2 {
					t.Errorf("routes %+v", s)
				}
			})
		})
	}
}

// TestO4_SessionThatMissesTooMuchWhenItIsHandedOver is refused: its client has been
// told already that it goes on.
func TestO4_SessionThatMissesTooMuchWhenItIsHandedOver(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, other := w.joinOn(1, "A1"), w.joinOn(0, "A2")
		other.take()
		a.handsOver(false)
		k := a.takenBy(w.nodes[0])
		if k == nil || k.Late {
			t.Errorf("taken: %+v", k)
			return
		}
		w.flood(0, tooMany, 1<<10)
		other.flooded(tooMany)
		_, err := w.nodes[0].Open(t.Context(), &fakeLink{}, identity("a"), Hello{
			SessionID: a.sess.id, Device: "A1", Extended: true, Dialect: "test", Moved: true, Luggage: k.Luggage,
		})
		if p, _ := wire.ProblemOf(err); err == nil || p.Code != wire.CodeUnavailable {
			t.Errorf("opened: %v", err)
		}
		n := w.joinOn(0, "A1") // anew
		n.take()
		w.flood(0, 1, 1)
		n.flooded(1)
	})
}

// TestO4_SessionThatIsHereIsSentWhatIsTooMuchToHold: it is being told what it has to
// know first, and its link has bounds of its own.
func TestO4_SessionThatIsHereIsSentWhatIsTooMuchToHold(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a := w.joinOn(1, "A1")
		a.handsOver(false)
		k := a.takenBy(w.nodes[0])
		n := &client{w: w, name: "A1", fakeLink: &fakeLink{}}
		n.onSend = func() {
			w.flood(0, tooMany, 1<<10)
			m := &w.nodes[0].moving
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, a := range m.coming["a"] {
				if a.bytes > maxHeldBytes {
					t.Errorf("%d bytes are held", a.bytes)
				}
			}
		}
		if _, err := w.nodes[0].Open(t.Context(), n.fakeLink, identity("a"), Hello{
			SessionID: a.sess.id, Device: "A1", Extended: true, Dialect: "test", Moved: true, Luggage: k.Luggage,
		}); err != nil {
			t.Fatal(err)
		}
		n.flooded(tooMany)
	})
}

// TestP7_EventsDoNotWaitForASessionThatDoesNotCome, nor for the store.
func TestP7_EventsDoNotWaitForASessionThatDoesNotCome(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		other := w.joinOn(0, "A2")
		other.take()
		plugs[0].set(false, true)
		w.nodes[0].expect("a", "A1")
		w.flood(0, 1, 1)
		other.gets()
		w.pass(arrivalWait + time.Second)
		other.flooded(1)
		w.flood(0, 1, 1)
		other.flooded(1)
		plugs[0].set(false, false)
		w.pass(arrivalWait)
		if n := len(w.nodes[0].moving.coming); n != 0 {
			t.Errorf("%d users are waited for", n)
		}
	})
}

// TestC9_TwoSessionsOfAUserMoveAtOnce: what waits for one of them is not given away
// when the other one arrives.
func TestC9_TwoSessionsOfAUserMoveAtOnce(t *testing.T) {
	for _, first := range []int{0, 1} { // which of them arrives first
		playPlugged(t, func(w *world, _ []*plug) {
			on := []*client{w.joinOn(1, "A1"), w.joinOn(1, "A2")}
			var taken []*Taken
			for _, c := range on {
				c.handsOver(false)
				taken = append(taken, c.takenBy(w.nodes[0]))
			}
			w.tellFrom(2, "a", "once", "1")
			w.tellFrom(0, "a", "twice", "2")
			w.settle()
			one := on[first].arrive(w.nodes[0], taken[first])
			w.tellFrom(2, "a", "thrice", "3")
			other := on[1-first].arrive(w.nodes[0], taken[1-first])
			for _, c := range []*client{one, other} {
				c.gets("once 1", "twice 2", "thrice 3")
			}
		})
	}
}

// TestC9_BothPartiesOfACallMoveAtOnce, as when their node goes away: what waits for
// one of them waits for the other one, too.
func TestC9_BothPartiesOfACallMoveAtOnce(t *testing.T) {
	for _, first := range []int{0, 1} {
		playPlugged(t, func(w *world, _ []*plug) {
			on := []*client{w.joinOn(1, "A1"), w.joinOn(1, "B1"), w.joinOn(2, "A2")}
			on[0].emit("call:user", ringing("b", offer(1)))
			on[1].emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
			for _, c := range on {
				c.take()
			}
			var taken []*Taken
			for _, c := range on[:2] {
				c.handsOver(false)
				taken = append(taken, c.takenBy(w.nodes[0]))
			}
			turn := w.nodes[2].newTurn()
			if _, _, err := w.nodes[2].step(t.Context(), turn, w.id(1), call.Abort{Reason: call.Lost}); err != nil {
				t.Error(err)
			}
			turn.end()
			w.settle()
			one := on[first].arrive(w.nodes[0], taken[first])
			other := on[1-first].arrive(w.nodes[0], taken[1-first])
			for _, c := range []*client{one, other} {
				c.hears("call:end", "call:state")
			}
		})
	}
}
