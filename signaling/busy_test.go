package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

func TestC4_BusyTellsTheAskingDeviceOnly(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1", "c1", "c2", "D1")
		a, b, c1, c2, d := cs[0], cs[1], cs[2], cs[3], cs[4]
		a.emit("call:user", ringing("b", offer(1)))
		a.take()
		b.take()
		// Both are busy from the ring on.
		c1.emit("call:user", ringing("b", offer(2)))
		c1.gets(`call:unavailable {"reason":"User is currently on another call","code":"busy","callId":"#2"}`)
		eq(t, "ack", d.ask("call:user", ringing("a", offer(3))), "!busy")
		d.gets(`call:unavailable {"reason":"User is currently on another call","code":"busy","callId":"#3"}`)
		c2.gets()
		a.gets()
		b.gets()
		eq(t, "log", w.records(), "c>b busy;d>a busy;")
		// And no longer than the call.
		b.emit("call:rejected", `{"to":"a"}`)
		a.take()
		c1.emit("call:user", ringing("b", offer(4)))
		c1.gets()
		b.hears("call:incoming")
	})
}

func TestC4_OtherDeviceOfABusyUserCanNotCall(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "A2", "B1", "C1")
		cs[0].ask("call:user", ringing("b", offer(1)))
		w.records()
		eq(t, "ack", cs[1].ask("call:user", ringing("c", offer(2))), "!busy")
		cs[3].gets()
		eq(t, "log", w.records(), "") // c has nothing to do with it
	})
}

// TestC4_BusyIsReleasedInAllEndings ends a call in each way that there is.
func TestC4_BusyIsReleasedInAllEndings(t *testing.T) {
	endings := map[string]struct {
		answered bool
		do       func(w *world, a, b *client)
		reason   string
	}{
		"cancel":         {false, func(_ *world, a, _ *client) { a.emit("call:end", `{"to":"b"}`) }, "cancelled"},
		"decline":        {false, func(_ *world, _, b *client) { b.emit("call:rejected", `{"to":"a"}`) }, "rejected"},
		"end by callee":  {false, func(_ *world, _, b *client) { b.emit("call:end", `{"to":"a"}`) }, "rejected"},
		"no answer":      {false, func(w *world, _, _ *client) { w.pass(46 * time.Second) }, "no_answer"},
		"caller closes":  {false, func(_ *world, a, _ *client) { a.sess.Closed(true) }, "cancelled"},
		"caller is lost": {false, func(w *world, a, _ *client) { a.sess.Away(); w.pass(21 * time.Second) }, "lost"},
		"hang up":        {true, func(_ *world, a, _ *client) { a.emit("call:end", `{}`) }, "hangup"},
		"callee hangs":   {true, func(_ *world, _, b *client) { b.emit("call:end", `{"to":"nobody"}`) }, "hangup"},
		"callee rejects": {true, func(_ *world, _, b *client) { b.emit("call:rejected", `{"to":"a"}`) }, "hangup"},
		"callee closes":  {true, func(_ *world, _, b *client) { b.sess.Closed(true) }, "hangup"},
		"callee is lost": {true, func(w *world, _, b *client) { b.sess.Away(); w.pass(21 * time.Second) }, "lost"},
		"window is over": {true, func(_ *world, _, b *client) { b.sess.Away(); b.sess.Closed(false) }, "lost"},
	}
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(w *world) {
				cs := w.all("a1", "b1")
				cs[0].emit("call:user", ringing("b", offer(1)))
				if e.answered {
					cs[1].emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
				}
				e.do(w, cs[0], cs[1])
				w.nobodyBusy("a", "b")
				eq(t, "log", w.records(), "a>b "+e.reason+";")
				for _, c := range cs {
					if got := c.lastBeat(); c.sess.isLive() && got != (beat{}) {
						t.Errorf("%s is still pinged every %v", c.name, got.every)
					}
				}
			})
		})
	}
}

// TestC4_CallOfASessionThatEndsMeanwhile: nobody would end it afterwards.
func TestC4_CallOfASessionThatEndsMeanwhile(t *testing.T) {
	t.Run("caller", func(t *testing.T) {
		var hook func()
		play(t, func(s *setup) { s.wrap = hooked(&hook) }, func(w *world) {
			cs := w.all("a1", "b1")
			hook = func() { hook = nil; cs[0].sess.Closed(true) }
			cs[0].emit("call:user", ringing("b", offer(1)))
			w.nobodyBusy("a", "b")
		})
	})
	t.Run("callee", func(t *testing.T) {
		play(t, nil, func(w *world) {
			cs := w.all("a1", "b1")
			cs[0].emit("call:user", ringing("b", offer(1)))
			cs[1].sess.Closed(true)
			cs[1].emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
			cs[0].hears("call:accepted", "call:end")
			w.nobodyBusy("a", "b")
		})
	})
}

func TestC4_CallWaiting(t *testing.T) {
	play(t, func(s *setup) { s.Call = call.DefaultConfig(); s.Call.CallWaiting = true }, func(w *world) {
		cs := w.all("A1", "B1", "C1")
		a, b, c := cs[0], cs[1], cs[2]
		a.ask("call:user", ringing("b", offer(1)))
		b.ask("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.take()
		b.take()
		eq(t, "ack", c.ask("call:user", ringing("b", offer(3))), `{"callId":"#2","state":"ringing"}`)
		b.gets(incomingFrom("c", 2, offer(3), true, `,"waiting":true`), `call:state {"callId":"#2","state":"ringing"}`)
		c.take()
		eq(t, "answer", b.ask("call:answer", `{"callId":"`+w.id(2)+`","signal":`+reply(4)+`}`), `{"callId":"#2","state":"answered"}`)
		c.hears("call:accepted", "call:state")
		if m, _ := w.store.Mark(t.Context(), "b"); m != w.id(2) {
			t.Errorf("b's busy mark is %q, want that of the call answered last", m)
		}
		b.ask("call:end", `{"callId":"`+w.id(2)+`"}`)
		b.ask("call:end", `{"callId":"`+w.id(1)+`"}`)
		w.nobodyBusy("a", "b", "c")
	})
}

func TestC5_OfflineAtOnceWithoutAWebhook(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.all("a1")[0]
		a.emit("call:user", ringing("b", offer(1)))
		a.gets(`call:unavailable {"reason":"User is offline","code":"offline","callId":"#1"}`)
		eq(t, "log", w.records(), "a>b offline;")
		w.nobodyBusy("a", "b")
	})
}

func TestC5_UserInItsGraceIsRung(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		cs[1].sess.Closed(false)
		w.pass(4 * time.Second)
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[0].gets()
		b := w.join("b1")
		b.hears("call:incoming")
		cs[0].emit("call:end", `{}`)
		b.take()
		// A clean goodbye has no grace.
		b.sess.Closed(true)
		cs[0].emit("call:user", ringing("b", offer(2)))
		cs[0].hears("call:unavailable")
	})
}

func TestC5_GraceEnds(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		cs[1].sess.Closed(false)
		w.pass(5500 * time.Millisecond)
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[0].hears("call:unavailable")
	})
}

func offlineRing(s *setup) {
	s.Call = call.DefaultConfig()
	s.Call.OfflineRing = 30 * time.Second
}

func TestC5_OfflineRingWakesALateDevice(t *testing.T) {
	play(t, offlineRing, func(w *world) {
		a := w.all("A1")[0]
		a.ask("call:user", ringing("b", offer(1)))
		a.gets(`call:state {"callId":"#1","state":"ringing"}`)
		w.pass(20 * time.Second)
		b := w.join("b1")
		// It rings for the whole ring timeout from now on.
		b.gets(fmt.Sprintf(`call:incoming {"from":{"_id":"a"},"signal":%s,"callerName":"","isVideoCall":false,"fromId":"a","callId":"#1","expiresAt":%d,"peerExtended":true}`, offer(1), t0+20_000+45_000))
		a.gets(`call:ringing {"callId":"#1","devices":1}`)
		w.pass(40 * time.Second)
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.hears("call:accepted", "call:state")
	})
}

func TestC5_OfflineRingRunsOut(t *testing.T) {
	play(t, offlineRing, func(w *world) {
		a := w.all("A1")[0]
		a.ask("call:user", ringing("b", offer(1)))
		a.take()
		w.pass(31 * time.Second)
		a.gets(`call:unavailable {"reason":"User is offline","code":"offline","callId":"#1"}`, `call:state {"callId":"#1","state":"ended","reason":"offline"}`)
		w.join("b1").gets()
	})
}

func TestC5_NoGhostRing(t *testing.T) {
	play(t, offlineRing, func(w *world) {
		cs := w.all("a1", "b1")
		b := cs[1]
		b.sess.Away() // a phone asleep, its session still kept
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[0].emit("call:end", `{"to":"b"}`)
		b.sess.Back()
		b.gets()
		w.join("b2").gets()
		w.nobodyBusy("a", "b")
	})
}

func TestC6_NoAnswer(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "b1", "B2")
		cs[0].ask("call:user", ringing("b", offer(1)))
		for _, c := range cs {
			c.take()
		}
		w.pass(44900 * time.Millisecond)
		cs[0].gets()
		w.pass(400 * time.Millisecond)
		cs[0].gets(`call:unavailable {"reason":"User did not answer","code":"no_answer","callId":"#1"}`, `call:state {"callId":"#1","state":"ended","reason":"no_answer"}`)
		cs[1].gets(`call:end {"callId":"#1","reason":"no_answer"}`)
		cs[2].gets(`call:end {"callId":"#1","reason":"no_answer"}`, `call:state {"callId":"#1","state":"ended","reason":"no_answer"}`)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.log) != 1 || !w.log[0].Missed() || w.log[0].Duration != 0 {
			t.Errorf("call log has %+v, want one missed call", w.log)
		}
	})
}

func TestC6_RingForShortens(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1")
		cs[0].ask("call:user", ringing("b", offer(1), `"ringFor":3000`))
		cs[0].take()
		w.pass(2800 * time.Millisecond)
		cs[0].gets()
		w.pass(500 * time.Millisecond)
		cs[0].hears("call:unavailable", "call:state")
	})
}
