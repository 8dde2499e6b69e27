package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/permit"
)

func TestC15_WhoMayNotCallIsTold(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, g := gatedWorld(t, nodes, nil)
		g.says["b"] = `{"allow":false,"code":"busy","message":"Bob is on holiday."}`
		g.says["c"] = `{"allow":false}`
		a, base, b, c := w.join("A1"), w.join("d1"), w.join("B1"), w.join("c1")
		if got := a.asks("call:user", ringing("b", offer(1))); got != "!busy" {
			t.Errorf("the answer is %s", got)
		}
		a.waits(`call:unavailable {"reason":"Bob is on holiday.","code":"busy"`)
		if got := a.asks("call:user", ringing("c", offer(1))); got != "!forbidden" {
			t.Errorf("the answer is %s", got)
		}
		base.says("call:user", ringing("c", offer(1)))
		base.waits(`call:unavailable {"reason":"You can not call this user","code":"forbidden"`)
		base.says("call:user", ringing("c", offer(2))) // known by now
		base.waits("call:unavailable ", "call:unavailable ")
		b.waits()
		c.waits()
		if got := g.questions(); got != "call a>b, call a>c, call d>c" {
			t.Errorf("asked: %s", got)
		}
		// Those who may not be called do not learn of it from the log either.
		comesAbout(t, "the caller's log", func() bool {
			list, _, _, err := w.sw.Calls(t.Context(), "a", "", 10)
			return err == nil && len(list) == 2
		})
		for _, user := range []string{"b", "c"} {
			if list, _, missed, err := w.sw.Calls(t.Context(), user, "", 10); err != nil || missed != 0 || len(list) != 0 {
				t.Errorf("%s: %d calls, %d missed, %v", user, len(list), missed, err)
			}
		}
	})
}

func TestC15_WhoMayRings(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, g := gatedWorld(t, nodes, nil)
		answer := g.hold("b")
		a, b := w.join("A1"), w.join("B1")
		rings := a.begins("call:user", ringing("b", offer(1)))
		g.waitsFor("call a>b")
		// The session goes on meanwhile, and what belongs to the call waits behind.
		if got := a.asks("ping", ""); !strings.HasPrefix(got, `{"serverTime"`) {
			t.Errorf("ping: %s", got)
		}
		second := a.begins("call:user", ringing("b", candidate(1)))
		rings.open(t)
		second.open(t)
		b.waits()
		answer()
		if got := rings.get(t); !strings.Contains(got, `"state":"ringing"`) {
			t.Errorf("the answer is %s", got)
		}
		if got := second.get(t); !strings.Contains(got, `"state":"ringing"`) {
			t.Errorf("the candidate's is %s", got)
		}
		b.waits(`call:incoming {"from":{"_id":"a"},"signal":{"type":"offer"`, `call:state`, `call:incoming {"from":{"_id":"a"},"signal":{"candidate"`)
	})
}

func TestC15_TheCallerMayGiveUpWhileItIsAsked(t *testing.T) {
	for name, end := range map[string]func(a *client) string{
		"call:end":                func(a *client) string { return a.asks("call:end", `{"to":"b"}`) },
		"call:end to nobody":      func(a *client) string { return a.asks("call:end", `{}`) },
		"call:end to another one": func(a *client) string { return a.asks("call:end", `{"to":"z"}`) },
		"call:rejected":           func(a *client) string { return a.asks("call:rejected", `{"to":"b"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			w, g := gatedWorld(t, 1, nil)
			answer := g.hold("b")
			a, b := w.join("A1"), w.join("B1")
			rings := a.begins("call:user", ringing("b", offer(1)))
			g.waitsFor("call a>b")
			if got := end(a); !strings.HasSuffix(got, `"state":"ended"}`) {
				t.Errorf("the hang-up: %s", got)
			}
			if got := rings.get(t); got != "!call_ended" {
				t.Errorf("the call: %s", got)
			}
			answer()
			if got := a.asks("call:user", ringing("b", offer(2))); !strings.Contains(got, "ringing") {
				t.Errorf("another call: %s", got)
			}
			b.waits("call:incoming", "call:state")
			a.waits("call:state", "call:ringing")
		})
	}
}

func TestC15_AnotherCallTakesTheFirstBack(t *testing.T) {
	w, g := gatedWorld(t, 1, nil)
	answer := g.hold("b")
	a, b, c := w.join("A1"), w.join("b1"), w.join("c1")
	first := a.begins("call:user", ringing("b", offer(1)))
	g.waitsFor("call a>b")
	if got := a.asks("call:user", ringing("c", offer(2))); !strings.Contains(got, "ringing") {
		t.Errorf("the second: %s", got)
	}
	if got := first.get(t); got != "!call_ended" {
		t.Errorf("the first: %s", got)
	}
	answer()
	c.waits("call:incoming")
	b.waits()
}

func TestC15_WhoLeavesWhileItIsAskedCallsNobody(t *testing.T) {
	w, g := gatedWorld(t, 1, nil)
	answer := g.hold("b")
	a, b := w.join("a1"), w.join("b1")
	a.says("call:user", ringing("b", offer(1)))
	g.waitsFor("call a>b")
	a.sess.Closed(true)
	answer()
	w.sw.Close() // waits for whatever is left
	b.waits()
}

func TestC15_WhoVanishesWhileItIsAskedMayComeBack(t *testing.T) {
	w, g := gatedWorld(t, 1, func(s *setup) {
		s.Call.RingTimeout, s.Call.ResumeWindow = time.Minute, 50*time.Millisecond
		s.Tick = 10 * time.Millisecond
	})
	answer := g.hold("b")
	a, b := w.join("a1"), w.join("b1")
	a.says("call:user", ringing("b", offer(1)))
	g.waitsFor("call a>b")
	a.sess.Away()
	answer()
	b.waits("call:incoming", "call:end ") // its caller's time is over
	if got := strings.Join(b.messageEvents(), " "); !strings.Contains(got, `"reason":"lost"`) {
		t.Errorf("%s", got)
	}
}

func TestC15_WhatWaitsIsBounded(t *testing.T) {
	w, g := gatedWorld(t, 1, func(s *setup) { s.EventRate, s.EventBurst = 10_000, 10_000 })
	answer := g.hold("b")
	a := w.join("A1")
	w.join("b1")
	a.says("call:user", ringing("b", offer(1)))
	g.waitsFor("call a>b")
	for i := range maxJobs - 1 {
		a.says("call:user", ringing("b", candidate(i)))
	}
	last := a.begins("call:user", ringing("b", candidate(0)))
	over := a.begins("call:user", ringing("b", candidate(1)))
	if got := over.get(t); got != "!rate_limited" && got != "" {
		last.open(t)
		t.Errorf("what is too much: %s", got)
	}
	answer()
	last.get(t)
}

func TestC15_NobodyToAsk(t *testing.T) {
	for _, open := range []bool{false, true} {
		w, g := gatedWorld(t, 1, nil, func(c *permit.Config) { c.FailOpen = open })
		g.says["b"] = "garbage"
		a, base, b := w.join("A1"), w.join("c1"), w.join("b1")
		got := a.asks("call:user", ringing("b", offer(1), `"callId":"k"`))
		sent := a.asks("message:send", `{"to":"b","text":"hi"}`)
		if open {
			if !strings.Contains(got, "ringing") || !strings.Contains(sent, `"message":"hi"`) {
				t.Errorf("open: %s, %s", got, sent)
			}
			b.waits("call:incoming", "newMessage")
			continue
		}
		if got != "!unavailable" || sent != "!unavailable" {
			t.Errorf("closed: %s, %s", got, sent)
		}
		base.says("call:user", ringing("b", offer(1)))
		base.waits(`call:unavailable {"reason":"The call could not be placed","code":"error"`)
		b.waits()
		g.mu.Lock()
		g.says["b"] = ""
		g.mu.Unlock()
		if got := a.asks("call:user", ringing("b", offer(1), `"callId":"k"`)); !strings.Contains(got, "ringing") {
			t.Errorf("the same call when it answers: %s", got)
		}
	}
}

func TestC15_MessagesAskAndStayInOrder(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, g := gatedWorld(t, nodes, nil)
		g.says["c"] = `{"allow":false,"code":"not_found","message":"Nobody you know."}`
		answer := g.hold("b")
		a, b, other := w.join("A1"), w.join("B1"), w.join("D1")
		first := a.begins("message:send", `{"to":"b","text":"1"}`)
		g.waitsFor("message a>b")
		no := a.begins("message:send", `{"to":"c","text":"2"}`)
		third := a.begins("message:send", `{"to":"b","text":"3"}`)
		self := a.begins("message:send", `{"to":"a","text":"4"}`)
		for _, x := range []lateAnswer{first, no, third, self} {
			x.open(t)
		}
		if got := other.sends("a", "nobody waits with them", ""); got.Status != "sent" {
			t.Errorf("%+v", got)
		}
		if _, err := w.nodes[0].History(t.Context(), "a", "b", "", 10); err != nil {
			t.Error(err)
		}
		answer()
		first.get(t)
		if got := no.get(t); got != "!not_found" {
			t.Errorf("who may not: %s", got)
		}
		third.get(t)
		self.get(t)
		b.waits(`newMessage {"_id"`, `newMessage {"_id"`)
		if list := b.messageEvents(); !strings.Contains(list[0], `"message":"1"`) || !strings.Contains(list[1], `"message":"3"`) {
			t.Errorf("%q", list)
		}
		// REST is asked the same.
		id := identity("a")
		if _, _, err := w.sw.SendMessage(t.Context(), id, chat.Draft{To: "c", Text: "x"}); err == nil || !strings.Contains(err.Error(), "not_found: Nobody you know.") {
			t.Errorf("REST: %v", err)
		}
		if got := g.questions(); got != "message a>b, message a>c, message d>a" && got != "message a>b, message d>a, message a>c" {
			t.Errorf("asked: %s", got)
		}
	})
}

func TestC15_GlareAndRepetitionsAskNobody(t *testing.T) {
	w, g := gatedWorld(t, 1, nil)
	g.says["a"] = `{"allow":false}`
	a, b := w.join("A1"), w.join("B1")
	a.asks("call:user", ringing("b", offer(1)))
	// B may not call A, but A is ringing B: that is taken.
	if got := b.asks("call:user", ringing("a", offer(2))); !strings.Contains(got, `"state":"glare"`) {
		t.Errorf("glare: %s", got)
	}
	b.asks("call:answer", fmt.Sprintf(`{"to":"a","signal":%s}`, reply(3)))
	if got := a.asks("call:user", ringing("b", offer(1))); !strings.Contains(got, `"state":"answered"`) {
		t.Errorf("a repetition: %s", got)
	}
	if got := g.questions(); got != "call a>b" {
		t.Errorf("asked: %s", got)
	}
}

// TestC14_RefusedCallsAreLogged: also where nodes share them, and no client asked
// for them to be found again.
func TestC14_RefusedCallsAreLogged(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		a, c := w.join("A1"), w.join("c1")
		w.join("b1")
		if got := a.asks("call:user", ringing("nobody", offer(1))); got != "!offline" {
			t.Errorf("offline: %s", got)
		}
		a.asks("call:user", ringing("b", offer(2)))
		c.says("call:user", ringing("b", offer(3)))
		c.waits(`call:unavailable {"reason":"User is currently on another call","code":"busy"`)
		comesAbout(t, "the log", func() bool {
			mine, _, _, err := w.sw.Calls(t.Context(), "a", "", 10)
			theirs, _, missed, err2 := w.sw.Calls(t.Context(), "b", "", 10)
			return err == nil && err2 == nil && len(mine) == 1 && mine[0].Reason == call.Offline &&
				len(theirs) == 1 && theirs[0].Reason == call.Busy && missed == 1
		})
	})
}

// TestC15_ASessionThatMovesWhileItIsAsked: its client goes on on another node, and
// hears there that the call does not ring.
func TestC15_ASessionThatMovesWhileItIsAsked(t *testing.T) {
	w, g := gatedWorld(t, 3, nil)
	answer := g.hold("b")
	a, b := w.join("a1"), w.join("B1")
	a.says("call:user", ringing("b", offer(1)))
	g.waitsFor("call a>b")
	a.sess.Away()
	a.handsOver(false)
	to := w.nodes[0]
	if a.sess.sw == to {
		to = w.nodes[2]
	}
	k := a.takenBy(to)
	if k == nil {
		t.Fatal("the session was not handed over")
	}
	n := &client{w: w, name: "a1", fakeLink: &fakeLink{}}
	s, err := to.Open(t.Context(), n.fakeLink, identity("a"), Hello{SessionID: a.sess.id, Device: "a1", Dialect: "test", Moved: true, Luggage: k.Luggage})
	if err != nil {
		t.Fatal(err)
	}
	n.sess = s
	answer()
	comesAbout(t, "the news", func() bool { return len(n.heard("call:unavailable")) == 1 })
	if got := n.heard("call:unavailable")[0]; !strings.Contains(got, `"code":"error"`) {
		t.Errorf("%s", got)
	}
	b.waits()
	n.says("call:user", ringing("b", offer(2)))
	b.waits("call:incoming", "call:state")
}
