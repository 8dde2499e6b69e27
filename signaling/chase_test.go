package signaling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// What another node sends to where a session was follows it, also if that has gone on
// when it comes (P2). A signal goes back to its call then, and from there to where the
// session is.

// inside sends a node what the callee's devices would be told if that happened to the
// call.
func (w *world) inside(node int, flags byte, in call.Input) {
	c, err := w.store.Load(w.t.Context(), w.id(1))
	if err != nil {
		w.t.Error(err)
		return
	}
	next, fx, err := call.Step(*c, in, w.sw.now())
	if err != nil {
		w.t.Error(err)
	}
	fx = slices.DeleteFunc(fx, func(e call.Effect) bool { return e.To.User != c.Callee.User })
	w.post(node, kindCall, encodeCall(flags, &next, fx))
}

// post sends a node a payload from another one.
func (w *world) post(node int, kind presence.Kind, payload []byte) {
	if err := w.nodes[2].store.Send(w.nodes[node].Node().Peer, kind, presence.Must, payload, nil); err != nil {
		w.t.Error(err)
	}
}

func TestP2_WhatComesForASessionFollowsItAsItGoesOn(t *testing.T) {
	event := eventEnvelope{user: "b", event: "once", args: []byte(`1`)}
	for what, tt := range map[string]struct {
		send func(w *world, a *client)
		want []string
	}{
		"an event": {
			func(w *world, _ *client) { w.post(1, kindEvent, event.encode()) },
			[]string{"once"},
		},
		"the end of a call": {
			func(w *world, a *client) { w.inside(1, 0, call.End{Who: a.sess.who()}) },
			[]string{"call:end", "call:state"},
		},
		"a signal": {
			func(w *world, a *client) {
				w.inside(1, flagSoft, call.SendSignal{Who: a.sess.who(), Signal: call.SignalInfo([]byte(candidate(1)))})
			},
			[]string{"call:signal"},
		},
	} {
		// The session goes on so often while it is passed on.
		for _, more := range []int{1, 2, 3} {
			t.Run(fmt.Sprint(what, more), func(t *testing.T) {
				playPlugged(t, func(w *world, plugs []*plug) {
					a := w.joinOn(2, "A1")
					b := w.joinOn(1, "B1")
					a.emit("call:user", ringing("b", offer(1)))
					b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
					b.take()
					all, at := []*client{b}, 1
					move := func() {
						at = (at + 2) % 3 // 0, 2, 1, 0
						n, err := all[len(all)-1].moveTo(w.nodes[at])
						if err != nil {
							t.Error(err)
							return
						}
						all = append(all, n)
					}
					move()
					left := more
					var forwards func()
					forwards = func() { // by the node that it has just left
						if left--; left > 0 {
							plugs[at].onSend(forwards)
						}
						move()
					}
					plugs[1].onSend(forwards)
					tt.send(w, a)
					w.settle()
					if left > 0 {
						t.Errorf("it was not passed on: %d", left)
					}
					var got []string
					for _, c := range all {
						got = append(got, c.take()...)
					}
					for i := range got {
						got[i], _, _ = strings.Cut(got[i], " ")
					}
					b.compare(got, tt.want)
				})
			})
		}
	}
}

// TestP2_NothingGoesRoundForAnyLength: each of two nodes knows that it sent the session
// to the other one, where it has not arrived.
func TestP2_NothingGoesRoundForAnyLength(t *testing.T) {
	event := eventEnvelope{user: "a", event: "once", args: []byte(`1`)}
	for what, post := range map[string]func(w *world){
		"an event":          func(w *world) { w.post(1, kindEvent, event.encode()) },
		"the end of a call": func(w *world) { w.inside(1, 0, call.Abort{Reason: call.Lost}) },
	} {
		t.Run(what, func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				a := w.joinOn(1, "A1")
				b := w.joinOn(2, "B1")
				b.emit("call:user", ringing("a", offer(1)))
				a.take()
				a.handsOver(false)
				n := a.arrive(w.nodes[0], a.takenBy(w.nodes[0]))
				n.handsOver(false)
				if n.takenBy(w.nodes[1]) == nil {
					t.Error("not taken")
				}
				w.pass(arrivalWait + time.Second)
				sent := 0
				for _, p := range plugs[:2] {
					var counts func()
					counts = func() {
						sent++
						p.onSend(counts)
					}
					p.onSend(counts)
				}
				post(w)
				w.settle()
				if sent != 1+maxAgain {
					t.Errorf("it was passed on %d times", sent)
				}
			})
		})
	}
}
