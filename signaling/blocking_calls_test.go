package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestC15_CallOfTheBlockedRingsNowhere(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		store := openChat(t)
		w := newWorldOf(t, nodes, func(s *setup) {
			s.chat, s.Tick = store, 10*time.Millisecond
			s.Call.RingTimeout, s.Call.ResumeWindow, s.Call.KeepSignals, s.Call.KeepBytes = 600*time.Millisecond, time.Second, 10, 10_000
		})
		a, base, b, c := w.join("A1"), w.join("a2"), w.join("B1"), w.join("C1")
		b.blocks("a")
		a.knows("b", true)
		base.knows("b", true)
		if got := a.asks("call:user", ringing("b", offer(1), `"ringFor":60000`)); !strings.Contains(got, `"state":"ringing"`) {
			t.Fatalf("the answer is %s", got)
		}
		// It looks like a call that nobody takes; more of it belongs to it.
		if got := a.asks("call:user", ringing("b", candidate(1))); !strings.Contains(got, `"state":"ringing"`) {
			t.Errorf("a candidate: %s", got)
		}
		// The callee is not busy with it.
		if got := c.asks("call:user", ringing("b", offer(2))); !strings.Contains(got, `"state":"ringing"`) {
			t.Errorf("another caller: %s", got)
		}
		c.asks("call:end", `{"to":"b"}`)
		late := w.join("b2")
		comesAbout(t, "no answer", func() bool { return len(a.heard("call:unavailable")) == 1 })
		if got := a.heard("call:unavailable")[0]; !strings.Contains(got, `{"reason":"User did not answer","code":"no_answer"`) {
			t.Errorf("%s", got)
		}
		base.says("call:user", ringing("b", offer(3)))
		base.says("call:end", `{"to":"b","from":"a"}`)
		// Hung up, rejected, in whatever way: it is over for its caller.
		for _, end := range []string{"call:end", "call:rejected"} {
			a.asks("call:user", ringing("b", offer(4)))
			if got := a.asks(end, `{"to":"b"}`); !strings.Contains(got, `"state":"ended"`) {
				t.Errorf("%s: %s", end, got)
			}
		}
		for _, x := range []*client{b, late} {
			for _, ev := range x.heard("call:incoming", "call:end", "call:state") {
				if strings.Contains(ev, `"fromId":"a"`) {
					t.Errorf("%s heard %s", x.name, ev)
				}
			}
		}
		if n := len(late.heard("call:incoming", "call:end")); n != 0 {
			t.Errorf("a device that came later heard %d events", n)
		}
		// The log has it for the caller only.
		comesAbout(t, "the log", func() bool {
			list, _, _, err := w.sw.Calls(t.Context(), "a", "", 10)
			reasons := map[call.Reason]int{}
			for _, c := range list {
				if c.Callee == "b" {
					reasons[c.Reason]++
				}
			}
			return err == nil && reasons[call.NoAnswer] == 1 && reasons[call.Cancelled] == 3
		})
		list, _, missed, err := w.sw.Calls(t.Context(), "b", "", 10)
		if err != nil || len(list) != 1 || list[0].Caller != "c" || missed != 1 {
			t.Errorf("the callee's log: %d calls, %d missed, %v", len(list), missed, err)
		}
		// It names people that there are, and goes with them.
		if err := store.Erase(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		if list, _, _, err := w.sw.Calls(t.Context(), "a", "", 10); err != nil || len(list) != 0 {
			t.Errorf("%d calls are left of who was erased, %v", len(list), err)
		}
		if n, err := w.store.LiveCalls(t.Context()); n != 0 || err != nil {
			t.Errorf("%d calls are live, %v", n, err)
		}
	})
}

func TestC15_WhoBlocksCanNeitherCallNorMessage(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		a, b, base := w.join("A1"), w.join("B1"), w.join("b2")
		b.blocks("a")
		comesAbout(t, "the other node knows", func() bool { return base.sess.strangers("a") })
		if got := b.asks("call:user", ringing("a", offer(1))); got != "!forbidden" {
			t.Errorf("call: %s", got)
		}
		if got := b.asks("message:send", `{"to":"a","text":"x"}`); got != "!forbidden" {
			t.Errorf("message: %s", got)
		}
		base.says("call:user", ringing("a", offer(1)))
		base.waits(`call:unavailable {"reason":"You have blocked this user.","code":"forbidden"`)
		if _, _, err := w.sw.SendMessage(t.Context(), identity("b"), chat.Draft{To: "a", Text: "x"}); err == nil || !strings.Contains(err.Error(), "You have blocked this user.") {
			t.Errorf("REST: %v", err)
		}
		a.waits()
		b.unblocks("a")
		a.knows("b", false)
		b.sends("a", "again", "")
		a.waits("newMessage ")
	})
}

func TestC15_LiveCallsStay(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		a, b := w.join("A1"), w.join("B1")
		a.asks("call:user", ringing("b", offer(1)))
		b.asks("call:answer", fmt.Sprintf(`{"to":"a","signal":%s}`, reply(2)))
		b.blocks("a")
		a.knows("b", true)
		if got := a.asks("call:user", ringing("b", offer(1))); !strings.Contains(got, `"state":"answered"`) {
			t.Errorf("a renegotiation: %s", got)
		}
		if got := a.asks("call:end", `{"to":"b"}`); !strings.Contains(got, `"state":"ended"`) {
			t.Errorf("the end: %s", got)
		}
		comesAbout(t, "the end", func() bool { return len(b.heard("call:end")) == 1 })
	})
}

func TestC15_AScreenedCallNamesNobody(t *testing.T) {
	for _, c := range [][2]string{{"a", "b"}, {"x y", "é"}, {"a", "a"}} {
		s := screened(c[0], c[1])
		if called(s) != c[1] || called(c[1]) != c[1] || wire.ValidUserID(s) {
			t.Errorf("%q is for %q", s, called(s))
		}
	}
	if st := (presence.State{User: "b"}); st.Online {
		t.Error("a state without more is one of somebody offline")
	}
}

func TestC15_BackEndsHearOfAScreenedCallWhenItIsOver(t *testing.T) {
	now := time.UnixMilli(t0)
	c, fx := call.New(call.DefaultConfig(), call.Ring{ID: "x", Caller: call.Who{User: "a", Device: "a1"}, Callee: screened("a", "b")}, now)
	if list := callNews(&c, fx); len(list) != 0 {
		t.Errorf("while it rings: %+v", list)
	}
	c, fx, err := call.Step(c, call.Timeout{}, now.Add(time.Hour))
	list := callNews(&c, fx)
	if err != nil || len(list) != 1 || list[0].Type != NewsEnded || list[0].Call.Callee != "b" || list[0].Call.Reason != call.NoAnswer {
		t.Errorf("%+v, %v", list, err)
	}
}
