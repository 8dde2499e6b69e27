package signaling

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

func TestC5_OfflineRingIsTold(t *testing.T) {
	l := &listener{}
	rings := func(s *setup) { offlineRing(s); l.all(s) }
	t.Run("woken", func(t *testing.T) {
		play(t, rings, func(w *world) {
			a := w.all("A1")[0]
			a.ask("call:user", ringing("b", offer(1)))
			eq(t, "told", l.calls(w), "call.ringing a>b offline")
			w.pass(20 * time.Second)
			b := w.join("b1")
			b.hears("call:incoming")
			b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
			eq(t, "then", l.calls(w), "call.answered a>b offline")
			b.emit("call:end", `{"to":"a"}`)
			eq(t, "at last", l.calls(w), "call.ended a>b hangup offline")
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		play(t, rings, func(w *world) {
			a := w.all("a1")[0]
			a.emit("call:user", ringing("b", offer(1)))
			w.pass(5 * time.Second)
			a.emit("call:end", `{"to":"b"}`)
			w.join("b1").gets() // no ghost ring
			eq(t, "told", l.calls(w), "call.ringing a>b offline, call.ended a>b cancelled offline, call.missed a>b cancelled offline")
			w.nobodyBusy("a", "b")
		})
	})
	t.Run("not woken", func(t *testing.T) {
		play(t, rings, func(w *world) {
			a := w.all("a1")[0]
			a.emit("call:user", ringing("b", offer(1)))
			w.pass(31 * time.Second)
			a.hears("call:unavailable")
			eq(t, "told", l.calls(w), "call.ringing a>b offline, call.ended a>b offline offline, call.missed a>b offline offline")
		})
	})
	t.Run("just gone", func(t *testing.T) { // it is rung, and has to be woken all the same
		play(t, rings, func(w *world) {
			cs := w.all("a1", "b1")
			cs[1].sess.Closed(false)
			w.pass(time.Second)
			cs[0].emit("call:user", ringing("b", offer(1)))
			cs[0].gets()
			eq(t, "told", l.calls(w), "call.ringing a>b offline")
			w.join("b2").hears("call:incoming")
		})
	})
	t.Run("nobody to wake", func(t *testing.T) { // 0 s
		play(t, l.all, func(w *world) {
			a := w.all("a1")[0]
			a.emit("call:user", ringing("b", offer(1)))
			a.hears("call:unavailable")
			eq(t, "told", l.calls(w), "call.ended a>b offline offline, call.missed a>b offline offline")
		})
	})
}

// The ring is in the call's record: the node of the caller dies, another one tells
// of it and rings the device that was woken.
func TestC5_OfflineRingSurvivesItsNode(t *testing.T) {
	for _, told := range []bool{true, false} { // before it died
		t.Run(fmt.Sprintf("told=%t", told), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var plugs []*plug
				ears := map[string]*listener{"node0": {}, "node1": {}, "node2": {}}
				w := newWorldOf(t, 3, func(s *setup) {
					offlineRing(s)
					s.notify = func(node string) Notifier { return ears[node] }
					s.wrap = func(p presence.Store) presence.Store {
						plugs = append(plugs, &plug{Store: p})
						return plugs[len(plugs)-1]
					}
				})
				ears["node1"].set(!told)
				a := w.join("a1") // on node1
				a.emit("call:user", ringing("b", offer(1)))
				if told {
					eq(t, "told", ears["node1"].calls(w), "call.ringing a>b offline")
				}
				plugs[1].set(true, false)
				w.pass(7 * time.Second) // a lease, and a sweep
				others := func() string { return ears["node0"].calls(w) + ears["node2"].calls(w) }
				if got := others(); got != "call.ringing a>b offline" {
					t.Errorf("the others told %q", got) // again, under the same id
				}
				b := w.join("b1")
				if b.sess.sw == w.nodes[1] {
					t.Fatal("the device came to the dead node")
				}
				b.hears("call:incoming")
			})
		})
	}
}

// What the log has is what was told: an ended for each record, a missed where it
// counts as missed.
func TestC14_NewsAgreeWithTheLog(t *testing.T) {
	l := &listener{}
	play(t, l.all, func(w *world) {
		cs := w.all("a1", "b1", "c1", "d1")
		a, b, c, d := cs[0], cs[1], cs[2], cs[3]
		a.emit("call:user", ringing("b", offer(1)))
		c.emit("call:user", ringing("b", offer(2))) // busy
		c.emit("call:user", ringing("nobody", offer(3)))
		b.emit("call:rejected", `{"to":"a"}`)
		a.emit("call:user", ringing("b", offer(4)))
		w.pass(46 * time.Second) // no answer
		a.emit("call:user", ringing("b", offer(5)))
		a.emit("call:user", ringing("c", offer(6))) // supersedes
		a.emit("call:end", `{"to":"c"}`)            // cancelled
		c.emit("call:user", ringing("d", offer(7)))
		d.emit("call:answer", `{"to":"c","signal":`+reply(8)+`}`)
		d.sess.Closed(false) // lost
		w.pass(time.Second)
		w.mu.Lock()
		log := w.log
		w.mu.Unlock()
		want := map[string]string{}
		for _, r := range log {
			want[r.ID] = fmt.Sprintf("%s>%s %s missed=%t", r.Caller, r.Callee, r.Reason, r.Missed())
		}
		if len(log) < 7 || len(want) != len(log) {
			t.Fatalf("the log has %d records of %d calls", len(log), len(want))
		}
		got, missed := map[string]call.Record{}, map[string]bool{}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, n := range l.list {
			switch n.Type {
			case NewsEnded:
				got[n.Call.ID] = n.Call.Record
			case NewsMissed:
				missed[n.Call.ID] = true
			}
		}
		for id, s := range want {
			r := got[id]
			eq(t, "the news", fmt.Sprintf("%s>%s %s missed=%t", r.Caller, r.Callee, r.Reason, missed[id]), s)
		}
		if len(got) != len(want) {
			t.Errorf("%d calls were told of, %d are in the log", len(got), len(want))
		}
		l.list = nil
	})
}
