package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestO4_EventsPerSecond(t *testing.T) {
	play(t, func(s *setup) { s.EventRate, s.EventBurst = 2, 5 }, func(w *world) {
		cs := w.all("A1", "b1")
		a, b := cs[0], cs[1]
		pong := fmt.Sprintf(`{"serverTime":%d}`, t0)
		for range 5 {
			eq(t, "inside the burst", a.ask("ping"), pong)
		}
		eq(t, "over it", a.ask("ping"), "!rate_limited")
		a.emit("ping")
		a.hears("error")
		b.emit("messageSeen", `{"messageId":"m","senderId":"a"}`) // others are not disturbed
		a.hears("messageStatusUpdated")
		w.pass(time.Second)
		eq(t, "a second later", a.ask("ping"), fmt.Sprintf(`{"serverTime":%d}`, t0+1000))
		// One that does not listen is closed.
		for i := 0; len(a.closes()) == 0; i++ {
			if i > (overruns+2)*5 {
				t.Fatal("a client that goes on is not closed")
			}
			a.emit("ping")
		}
		if got := a.closes(); got[0] != wire.CloseRateLimited {
			t.Errorf("closed with %v, want rate_limited", got[0])
		}
	})
}

func TestO4_CallsPerMinute(t *testing.T) {
	playAlone(t, func(s *setup) { s.CallsPerMinute = 3 }, func(w *world) {
		cs := w.all("A1", "A2", "b1")
		for i := range 3 {
			eq(t, "call", cs[i%2].ask("call:user", ringing("b", offer(i+1))), fmt.Sprintf(`{"callId":"#%d","state":"ringing"}`, i+1))
			cs[i%2].ask("call:end", `{}`)
		}
		cs[2].take()
		cs[0].take()
		w.records()
		eq(t, "one more", cs[0].ask("call:user", ringing("b", offer(9))), "!rate_limited")
		cs[0].gets(`call:unavailable {"reason":"The call could not be placed","code":"error","callId":"#4"}`)
		eq(t, "log", w.records(), "")
		cs[2].gets()
		w.nobodyBusy("a", "b")
		w.pass(21 * time.Second)
		eq(t, "a third of a minute later", cs[0].ask("call:user", ringing("b", offer(10))), `{"callId":"#5","state":"ringing"}`)
		w.pass(5 * time.Minute)
		if n := len(w.sw.rates); n != 0 {
			t.Errorf("%d rate limiters are kept that say nothing", n)
		}
	})
}

func TestO4_SessionsPerUser(t *testing.T) {
	playAlone(t, func(s *setup) { s.SessionsPerUser = 2 }, func(w *world) {
		w.all("a1", "a2")
		if err := w.sw.Admit("a", "a3"); err == nil {
			t.Error("a third device is admitted")
		}
		if _, err := w.tryJoin("a3", identity("a")); err == nil {
			t.Error("a third device was let in")
		}
		if err := w.sw.Admit("a", "a2"); err != nil {
			t.Errorf("a device that is known is refused: %v", err)
		}
		w.join("a2")
		w.join("b1")
		if n := w.sw.Sessions(); n != 3 {
			t.Errorf("%d sessions, want 3", n)
		}
	})
}

func TestO2_DrainTellsExtendedClients(t *testing.T) {
	playAlone(t, nil, func(w *world) {
		cs := w.all("A1", "b1")
		w.sw.Drain(5 * time.Second)
		cs[0].gets(`server:drain {"reconnectWithinMs":5000}`)
		cs[1].gets()
		if p, _ := wire.ProblemOf(w.sw.Admit("c", "c1")); p.Code != wire.CodeUnavailable {
			t.Errorf("a new client is answered %v", p)
		}
	})
}

// TestFlush_OncePerBatch: what was read together is written together.
func TestFlush_OncePerBatch(t *testing.T) {
	playAlone(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		before := cs[1].flushes
		for range 5 {
			cs[0].receive("typing", nil, typingTo("b"))
		}
		if cs[1].flushes != before {
			t.Error("flushed before the batch was through")
		}
		cs[0].sess.Idle()
		if got := cs[1].flushes - before; got != 1 {
			t.Errorf("%d flushes, want 1", got)
		}
		if got := cs[1].take(); len(got) != 5 {
			t.Errorf("%d events, want 5", len(got))
		}
	})
}

func TestConfig_Validate(t *testing.T) {
	for name, bad := range map[string]Config{
		"ICE":      {ICEServers: []byte("{")},
		"time":     {Tick: -1},
		"ping":     {CallPing: time.Second, CallPingTimeout: time.Second},
		"limit":    {CallsPerMinute: -1},
		"the call": {Call: call.Config{RingTimeout: -1}},
	} {
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	var c Config
	if err := c.Validate(); err != nil || c.Call != call.DefaultConfig() || c.PresenceLimit != 500 {
		t.Errorf("defaults: %v, %+v", err, c)
	}
	if _, err := New(Config{}, Parts{}, nil); err == nil {
		t.Error("New without its parts: accepted")
	}
}
