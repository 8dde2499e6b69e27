package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// signalled sends numbered signals and expects each to be acknowledged.
func (c *client) signalled(callID string, numbers ...int) {
	c.w.t.Helper()
	for _, n := range numbers {
		eq(c.w.t, fmt.Sprint("signal ", n), c.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":{"n":%d}}`, callID, n)), "{}")
	}
}

// numbers are those of the signals in a text, in order.
func numbers(text string) string {
	var out []string
	for _, part := range strings.Split(text, `{"n":`)[1:] {
		out = append(out, part[:strings.IndexByte(part, '}')])
	}
	return strings.Join(out, " ")
}

// TestC13_SignalsBeforeADeathIsNoticed: the lease of a node is over, its sessions
// count no more, and its calls have not heard of it yet.
func TestC13_SignalsBeforeADeathIsNoticed(t *testing.T) {
	for _, back := range []string{"before it is noticed", "after it was noticed"} {
		t.Run(back, func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				a, b := w.answered("A1", "B1") // on nodes 1 and 2
				noticed := unnoticed(w, plugs, 2)
				a.signalled(w.id(1), 1, 2, 3)
				a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`)
				if back == "after it was noticed" {
					noticed()
					a.signalled(w.id(1), 4)
				}
				again := w.joinOn(0, "B1")
				a.gets(`call:peer {"callId":"#1","state":"back"}`)
				got := again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, w.id(1)))
				if back == "before it is noticed" {
					a.signalled(w.id(1), 4)
					again.hears("call:signal")
					got += `{"n":4}`
					noticed()
				}
				eq(t, "signals", numbers(got), "1 2 3 4")
				a.gets() // the news of the old session says nothing of the new one
				a.signalled(w.id(1), 5)
				again.hears("call:signal")
				a.emit("call:end", `{"to":"b"}`)
				w.nobodyBusy("a", "b")
				b.takeAll()
			})
		})
	}
}

// TestC13_NoRoomForASignalIsToldToItsSender: an acknowledgement says that it is
// kept.
func TestC13_NoRoomForASignalIsToldToItsSender(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1")
		unnoticed(w, plugs, 2)
		acked := 0
		for i := range 400 {
			if i%100 == 0 {
				w.pass(time.Second) // as many as a client may send
			}
			got := a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":{"n":%d}}`, w.id(1), acked))
			if got == "!unavailable" {
				break
			}
			eq(t, "signal", got, "{}")
			acked++
		}
		a.hears("call:peer")
		again := w.joinOn(0, "B1")
		a.hears("call:peer")
		got := again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, w.id(1)))
		if n := strings.Count(got, `{"n":`); n != acked || acked < 100 || acked == 400 {
			t.Errorf("%d signals were acknowledged and %d kept", acked, n)
		}
		b.takeAll()
	})
}

// TestC13_AnswerToACallerWhoseDeathIsNotNoticed: the answer waits with the call.
func TestC13_AnswerToACallerWhoseDeathIsNotNoticed(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		cs := w.all("A1", "B1")
		a, b := cs[0], cs[1]
		a.emit("call:user", ringing("b", offer(1)))
		b.hears("call:incoming", "call:state")
		unnoticed(w, plugs, 1)
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		w.settle()
		b.hears("call:state", "call:peer")
		again := w.joinOn(0, "A1")
		got := again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, w.id(1)))
		if strings.Count(got, "call:accepted") != 1 || !strings.Contains(got, "answer") {
			t.Errorf("the answer does not wait for the caller: %s", got)
		}
		a.takeAll()
	})
}

// TestC13_SignalThatArrivesWhereNobodyIs: whoever sent it knew an old route, and
// the device that it is for has not come back to any node.
func TestC13_SignalThatArrivesWhereNobodyIs(t *testing.T) {
	for name, flags := range map[string]byte{"sent": flagSoft, "forwarded": flagSoft | flagForwarded} {
		t.Run(name, func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				a, b := w.answered("A1", "B1")
				unnoticed(w, plugs, 2)
				c, err := w.store.Load(t.Context(), w.id(1))
				if err != nil {
					t.Fatal(err)
				}
				turn := w.nodes[0].newTurn()
				w.nodes[0].takeCall(turn, flags, c, []call.Effect{{
					Kind: call.EffectSignal, To: call.To{User: "b", Scope: call.ToDevice, Device: "B1"}, By: "A1", Role: call.Caller, Signal: []byte(`{"n":1}`),
				}})
				turn.end()
				w.pass(time.Second)
				a.hears("call:peer")
				again := w.joinOn(0, "B1")
				a.hears("call:peer")
				eq(t, "signals", numbers(again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, w.id(1)))), "1")
				b.takeAll()
			})
		})
	}
}
