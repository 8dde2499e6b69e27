package signaling

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// tellFrom tells a user something on a node, as messages are told.
func (w *world) tellFrom(node int, user, event, args string) {
	sw := w.nodes[node]
	t := sw.newTurn()
	defer t.end()
	sw.tellUser(w.t.Context(), t, "z", user, eventOf(event, []byte(args)), everyDevice, nil)
}

// TestC9_EventThatReachesASessionWhichLeaves is in the queue that moves, and is not
// passed on beside it.
func TestC9_EventThatReachesASessionWhichLeaves(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		b := w.joinOn(1, "B1")
		b.take()
		b.mu.Lock()
		b.onSend = func() {
			w.nodes[0].expect("b", "B1")
			b.sess.Moved(w.nodes[0].Node().Peer)
		}
		b.mu.Unlock()
		w.tellFrom(2, "b", "once", "1")
		b.gets("once 1")
		b.arrive(w.nodes[0], &Taken{}).gets()
	})
}

// TestC9_EventForASessionThatComesMeanwhile: its node has told those that it had,
// and is asking where others are.
func TestC9_EventForASessionThatComesMeanwhile(t *testing.T) {
	for _, others := range []string{"", "B2"} { // on the same node
		t.Run("beside "+others, func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				b := w.joinOn(1, "B1")
				if others != "" {
					w.joinOn(0, others)
				}
				b.handsOver(false)
				var n *client
				plugs[0].looking = func() {
					n = b.arrive(w.nodes[0], b.takenBy(w.nodes[0]))
					n.take()
				}
				w.tellFrom(0, "b", "once", "1")
				n.gets("once 1")
				if others != "" {
					w.tellFrom(0, "b", "twice", "2")
					n.gets("twice 2")
				}
			})
		})
	}
}

// TestC9_EventsComeOnceHoweverASessionMoves: from all nodes, to two devices of which
// one goes round.
func TestC9_EventsComeOnceHoweverASessionMoves(t *testing.T) {
	for range 100 {
		playPlugged(t, func(w *world, _ []*plug) {
			a, other := w.joinOn(1, "A1"), w.joinOn(rand.IntN(3), "A2")
			moving := []*client{a}
			const events = 60
			var all sync.WaitGroup
			for from := range w.nodes {
				all.Go(func() {
					for i := range events {
						w.tellFrom(from, "a", "n", fmt.Sprintf("%d-%d", from, i))
						if i%3 == 0 {
							time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
						}
					}
				})
			}
			all.Go(func() {
				at := 1
				for range 6 {
					time.Sleep(time.Duration(3+rand.IntN(8)) * time.Millisecond)
					at = (at + 1 + rand.IntN(2)) % len(w.nodes)
					n, err := moving[len(moving)-1].moveTo(w.nodes[at])
					if err != nil {
						t.Error(err)
						return
					}
					moving = append(moving, n)
				}
			})
			all.Wait()
			w.pass(5 * time.Second)
			for what, clients := range map[string][]*client{"that moves": moving, "that stays": {other}} {
				got := map[string]int{}
				for _, c := range clients {
					for _, e := range c.take() {
						got[strings.TrimPrefix(e, "n ")]++
					}
				}
				for from := range w.nodes {
					for i := range events {
						if n := got[fmt.Sprintf("%d-%d", from, i)]; n != 1 {
							t.Errorf("event %d of node %d came %d times to the device %s", i, from, n, what)
						}
					}
				}
			}
		})
	}
}

// moveTo takes the client's session to another node, beside other goroutines.
func (c *client) moveTo(node *Switchboard) (*client, error) {
	c.handsOver(false)
	s := c.sess
	ctx := c.w.t.Context()
	k := node.Take(ctx, TakeJSON, s.user, s.device, s.sw.Tag(), []byte(s.id))
	if k == nil {
		return nil, fmt.Errorf("%s was not taken over", s.id)
	}
	n := &client{w: c.w, name: c.name, fakeLink: &fakeLink{}}
	var err error
	n.sess, err = node.Open(ctx, n.fakeLink, identity(s.user), Hello{
		SessionID: s.id, Device: s.device, Extended: true, Dialect: "test", Moved: true, Luggage: k.Luggage,
	})
	return n, err
}
