package signaling

import (
	"fmt"
	"math/rand/v2"
	"runtime"
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

// TestC9_EndOfACallReachesADeviceThatLeavesOnce, on the node of the one who hangs up.
func TestC9_EndOfACallReachesADeviceThatLeavesOnce(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.joinOn(1, "A1"), w.joinOn(1, "B1")
		a.emit("call:user", ringing("b", offer(1)))
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.take()
		b.take()
		b.mu.Lock()
		b.onSend = func() {
			w.nodes[0].expect("b", "B1")
			b.sess.Moved(w.nodes[0].Node().Peer)
		}
		b.mu.Unlock()
		a.emit("call:end", `{"to":"b"}`)
		b.hears("call:end", "call:state")
		b.arrive(w.nodes[0], &Taken{}).gets()
		w.nobodyBusy("a", "b")
	})
}

// TestC9_EndOfACallReachesADeviceThatComes to the node of the one who hangs up, in
// this moment.
func TestC9_EndOfACallReachesADeviceThatComes(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.joinOn(0, "A1"), w.joinOn(1, "B1")
		a.emit("call:user", ringing("b", offer(1)))
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.take()
		b.take()
		type outcome struct {
			c   *client
			err error
		}
		moved := make(chan outcome, 1)
		plugs[0].looking = func() { // the devices here were told
			go func() {
				c, err := b.moveTo(w.nodes[0])
				moved <- outcome{c, err}
			}()
			for w.nodes[0].hub.device("b", "B1") == nil {
				runtime.Gosched()
			}
		}
		a.emit("call:end", `{"to":"b"}`)
		n := <-moved
		if n.err != nil {
			t.Fatal(n.err)
		}
		n.c.hears("call:end", "call:state")
		b.gets()
		w.nobodyBusy("a", "b")
	})
}

// TestC9_EndOfACallReachesADeviceOnItsWay to the node of the one who hangs up.
func TestC9_EndOfACallReachesADeviceOnItsWay(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.joinOn(0, "A1"), w.joinOn(1, "B1")
		other := w.joinOn(0, "B2")
		a.emit("call:user", ringing("b", offer(1)))
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		for _, c := range []*client{a, b, other} {
			c.take()
		}
		b.handsOver(false)
		k := b.takenBy(w.nodes[0])
		a.emit("call:end", `{"to":"b"}`)
		n := b.arrive(w.nodes[0], k)
		n.hears("call:end", "call:state")
		other.hears("call:state")
		b.gets()
		w.nobodyBusy("a", "b")
	})
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
			all.Go(func() { moving = moving[0].wanders(1, 6) })
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

// wanders takes the client's session from that node to others, so many times, beside
// other goroutines. It returns the client as it was on each.
func (c *client) wanders(at, times int) []*client {
	all := []*client{c}
	for range times {
		time.Sleep(time.Duration(3+rand.IntN(8)) * time.Millisecond)
		at = (at + 1 + rand.IntN(2)) % len(c.w.nodes)
		n, err := c.moveTo(c.w.nodes[at])
		if err != nil {
			c.w.t.Error(err)
			break
		}
		all, c = append(all, n), n
	}
	return all
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

// TestC9_SignalsAndTheEndOfACallComeOnceHoweverASessionMoves: nobody stays in a call
// that is over.
func TestC9_SignalsAndTheEndOfACallComeOnceHoweverASessionMoves(t *testing.T) {
	for range 100 {
		playPlugged(t, func(w *world, _ []*plug) {
			a, b := w.answered("A1", "B1") // on nodes 1 and 2
			id := w.id(1)
			moving := []*client{b}
			const signals = 20
			var all sync.WaitGroup
			all.Go(func() {
				for i := range signals {
					a.receive("call:candidate", nil, fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, id, candidate(i)))
					a.sess.Idle()
					if i%2 == 0 {
						time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
					}
				}
				time.Sleep(time.Millisecond) // the end of a call ends its signals
				a.receive("call:end", nil, `{"to":"b"}`)
				a.sess.Idle()
			})
			all.Go(func() { moving = moving[0].wanders(2, 3) })
			all.Wait()
			w.pass(5 * time.Second)
			got := map[string]int{}
			for _, c := range moving {
				for _, e := range c.take() {
					got[e]++
				}
			}
			want := []string{`call:end {"callId":"#1","reason":"hangup"}`}
			for i := range signals {
				want = append(want, `call:candidate {"callId":"#1","candidates":[`+candidate(i)+`]}`)
			}
			for _, e := range want {
				if got[e] != 1 {
					t.Errorf("%s came %d times", e, got[e])
				}
			}
			w.nobodyBusy("a", "b")
		})
	}
}
