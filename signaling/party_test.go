package signaling

import (
	"testing"
	"time"
)

func TestC7_OnlyAPartyMayAct(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1", "X1")
		a, b, x := cs[0], cs[1], cs[2]
		a.ask("call:user", ringing("b", offer(1)))
		acts := func() {
			id := `{"callId":"` + w.id(1) + `"`
			for event, p := range map[string]string{
				"call:answer": id + `,"signal":` + reply(9) + `}`, "call:end": id + `}`, "call:rejected": id + `}`,
				"call:signal": id + `,"signal":` + offer(9) + `}`, "call:candidate": id + `,"candidates":[` + candidate(9) + `]}`,
				"call:resume": id + `}`, "call:handoff": id + `}`, "call:transfer": id + `,"to":"x"}`,
			} {
				eq(t, event, x.ask(event, p), "!not_in_call")
			}
			x.emit("call:end", `{"to":"a"}`)
			x.emit("call:answer", `{"to":"a","signal":`+reply(9)+`}`)
			x.take()
			a.gets()
			b.gets()
		}
		a.take()
		b.take()
		acts()
		b.ask("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.take()
		b.take()
		acts()
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Errorf("%d live calls, want 1", n)
		}
	})
}

func TestC7_EndWithWrongOrMissingToEndsTheOwnCallOnly(t *testing.T) {
	for _, payload := range []string{`{}`, `{"to":"c"}`, `{"to":null}`, `{"to":17}`, `{"to":{"_id":"b"}}`} {
		play(t, nil, func(w *world) {
			cs := w.all("a1", "b1", "c1", "d1")
			cs[0].emit("call:user", ringing("b", offer(1)))
			cs[2].emit("call:user", ringing("d", offer(3)))
			for _, c := range cs {
				c.take()
			}
			cs[0].emit("call:end", payload)
			cs[1].gets(`call:end {"callId":"#1","reason":"cancelled"}`)
			cs[2].gets()
			cs[3].gets()
			w.nobodyBusyOnce(t)
		})
	}
	play(t, nil, func(w *world) { // no argument at all
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[1].take()
		cs[0].emit("call:end")
		cs[1].hears("call:end")
	})
}

// nobodyBusyOnce checks that exactly one call is left.
func (w *world) nobodyBusyOnce(t *testing.T) {
	t.Helper()
	if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
		t.Errorf("%d live calls, want the other one only", n)
	}
}

func TestC8_GlareEarlierClaimWins(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1", "b2")
		a, b1, b2 := cs[0], cs[1], cs[2]
		a.ask("call:user", ringing("b", offer(1)))
		for _, c := range cs {
			c.take()
		}
		// Both devices of b ring a before they noticed.
		eq(t, "loser's ack", b1.ask("call:user", ringing("a", offer(2))), `{"callId":"#1","state":"glare"}`)
		b1.gets(incomingFrom("a", 1, offer(1), true, `,"glare":true`))
		b2.emit("call:user", ringing("a", offer(3)))
		b2.gets() // it rings already
		a.gets()
		eq(t, "answer", b1.ask("call:answer", `{"to":"a","callId":"`+w.id(1)+`","signal":`+reply(2)+`}`), `{"callId":"#1","state":"answered"}`)
		a.hears("call:accepted", "call:state")
		b2.hears("call:end")
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Errorf("%d live calls, want one", n)
		}
	})
}

func TestC8_BaseLoserGetsNoCallEnd(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[1].take()
		cs[1].emit("call:user", ringing("a", offer(2)))
		cs[1].gets() // it rings already, and gets no signal twice
		cs[0].gets()
		cs[1].emit("call:answer", `{"to":"a","signal":`+reply(3)+`}`)
		cs[0].hears("call:accepted")
	})
}

func TestC9_CleanEnd(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		a.sess.Closed(true)
		b.gets(`call:end {"callId":"#1","reason":"hangup"}`, `call:state {"callId":"#1","state":"ended","reason":"hangup"}`)
		w.nobodyBusy("a", "b")
	})
}

// answered makes an answered call #1 between two devices.
func (w *world) answered(caller, callee string) (a, b *client) {
	w.t.Helper()
	cs := w.all(caller, callee)
	a, b = cs[0], cs[1]
	a.emit("call:user", ringing(b.sess.user, offer(1)))
	b.emit("call:answer", `{"to":"`+a.sess.user+`","signal":`+reply(2)+`}`)
	a.take()
	b.take()
	w.id(1)
	return a, b
}

func TestC9_AwayAndBack(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		a.sess.Away()
		a.sess.Away()
		b.gets(`call:peer {"callId":"#1","state":"reconnecting"}`)
		w.pass(19 * time.Second)
		a.sess.Back()
		a.sess.Back()
		b.gets(`call:peer {"callId":"#1","state":"back"}`)
		a.gets()
		w.pass(30 * time.Second)
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Error("the call ended although its device came back")
		}
	})
}

func TestC9_BackWithANewSession(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		_ = a
		b.sess.Away()
		w.pass(5 * time.Second)
		again := w.join("b1")
		if again.lastBeat() != (beat{5 * time.Second, 10 * time.Second}) {
			t.Errorf("the new session of the device is pinged %v", again.lastBeat())
		}
		a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`, `call:peer {"callId":"#1","state":"back"}`)
		again.emit("call:end", `{"to":"a"}`)
		a.hears("call:end", "call:state")
		if again.lastBeat() != (beat{}) {
			t.Error("the heartbeat was not lowered")
		}
	})
}

func TestC9_LostAfterTheWindow(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		a.sess.Away()
		b.gets() // a base device hears nothing of it
		w.pass(20500 * time.Millisecond)
		b.gets(`call:end {"callId":"#1","reason":"lost"}`)
		a.gets(`call:end {"callId":"#1","reason":"lost"}`, `call:state {"callId":"#1","state":"ended","reason":"lost"}`) // its link keeps it
		w.nobodyBusy("a", "b")
		eq(t, "log", w.records(), "a>b lost;")
	})
}

func TestC9_HeartbeatIsRaisedInACall(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "b1", "b2")
		a, b1, b2 := cs[0], cs[1], cs[2]
		raised := beat{5 * time.Second, 10 * time.Second}
		a.ask("call:user", ringing("b", offer(1)))
		if a.lastBeat() != raised {
			t.Errorf("the caller is pinged %v from the ring on, want %v", a.lastBeat(), raised)
		}
		b1.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		if b1.lastBeat() != raised || len(b2.beats) != 0 {
			t.Errorf("answering device %v, other %v", b1.lastBeat(), b2.beats)
		}
		a.emit("call:end")
		for _, c := range []*client{a, b1} {
			if len(c.beats) != 2 || c.lastBeat() != (beat{}) {
				t.Errorf("%s: heartbeats %v, want raised and restored", c.name, c.beats)
			}
		}
	})
}

func TestC13_ReplacedDeviceKeepsItsCall(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		again := w.join("A1") // the page was reloaded, nobody noticed the old socket
		if got := a.closes(); len(got) != 1 || got[0].Code != 4409 {
			t.Errorf("old session closed %v, want 4409", got)
		}
		a.sess.Away()
		a.sess.Closed(false) // late news of the old one
		b.gets()
		if again.lastBeat() != (beat{5 * time.Second, 10 * time.Second}) {
			t.Errorf("heartbeat of the new session %v", again.lastBeat())
		}
		eq(t, "end by the new one", again.ask("call:end", `{}`), `{"callId":"#1","state":"ended"}`)
		b.hears("call:end")
		w.nobodyBusy("a", "b")
	})
}

func TestC13_DeviceHearsOfTheEndThatItMissed(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		b.sess.Away()
		b.sess.Closed(false) // its node forgot it: nothing was kept
		a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`, `call:end {"callId":"#1","reason":"lost"}`, `call:state {"callId":"#1","state":"ended","reason":"lost"}`)
		again := w.join("b1")
		again.gets(`call:end {"callId":"#1","reason":"lost"}`)
	})
}

func TestC13_ARefusedCallDoesNotHideTheEndThatWasMissed(t *testing.T) {
	play(t, nil, func(w *world) {
		_, b := w.answered("A1", "b1")
		x := w.all("X1")[0]
		b.sess.Away()
		w.pass(21 * time.Second)
		b.sess.Closed(false)
		// Refused, and kept under x's own id: b never had a part in it.
		eq(t, "ack", x.ask("call:user", ringing("b", offer(7), `"callId":"k"`)), "!offline")
		w.join("b1").gets(`call:end {"callId":"#1","reason":"lost"}`)
	})
}
