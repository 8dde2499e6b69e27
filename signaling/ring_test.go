package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// incomingFrom is the call:incoming of call #n from a user without a profile.
func incomingFrom(user string, n int, signal string, extended bool, more string) string {
	return fmt.Sprintf(`call:incoming {"from":{"_id":%q},"signal":%s,"callerName":"","isVideoCall":false,"fromId":%q,"callId":"#%d","expiresAt":%d,"peerExtended":%t%s}`,
		user, signal, user, n, t0+45_000, extended, more)
}

func TestC1_CallIDIsIdempotent(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1")
		a, b := cs[0], cs[1]
		p := ringing("b", offer(1), `"callId":"mine"`)
		eq(t, "first ack", a.ask("call:user", p), `{"callId":"#1","state":"ringing"}`)
		b.gets(incomingFrom("a", 1, offer(1), true, ""), `call:state {"callId":"#1","state":"ringing"}`)
		eq(t, "repeated ack", a.ask("call:user", p), `{"callId":"#1","state":"ringing"}`)
		b.gets()
		b.ask("call:answer", `{"to":"a","callId":"`+w.id(1)+`","signal":`+reply(2)+`}`)
		b.take()
		eq(t, "ack while answered", a.ask("call:user", p), `{"callId":"#1","state":"answered"}`)
		b.gets()
		a.ask("call:end", `{"to":"b"}`)
		b.take()
		eq(t, "ack after the end", a.ask("call:user", p), `{"callId":"#1","state":"ended"}`)
		b.gets()
		w.nobodyBusy("a", "b")
		// Another caller may use the same id for its own call.
		eq(t, "another caller's ack", b.ask("call:user", ringing("a", offer(5), `"callId":"mine"`)), `{"callId":"#2","state":"ringing"}`)
	})
}

func TestC1_RefusedCallIsNotRungAgain(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.all("A1")[0]
		p := ringing("b", offer(1), `"callId":"k"`)
		eq(t, "ack", a.ask("call:user", p), "!offline")
		a.gets(`call:unavailable {"reason":"User is offline","code":"offline","callId":"#1"}`)
		b := w.join("B1")
		eq(t, "repeated ack", a.ask("call:user", p), `{"callId":"#1","state":"ended"}`)
		b.gets()
	})
}

func TestC1_IDsAreUnguessable(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newCallID()
		if len(id) != 22 || seen[id] {
			t.Fatalf("call id %q: want 22 characters, never twice", id)
		}
		seen[id] = true
	}
}

func TestC1_BaseClientIsMatchedByItsCall(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		a, b := cs[0], cs[1]
		a.emit("call:user", `{"to":"b","signal":`+offer(1)+`,"fromId":"a","callerName":"Ann","isVideoCall":true}`)
		b.gets(fmt.Sprintf(`call:incoming {"from":{"_id":"a"},"signal":%s,"callerName":"Ann","isVideoCall":true,"fromId":"a","callId":"#1","expiresAt":%d,"peerExtended":false}`, offer(1), t0+45_000))
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.gets(`call:accepted ` + reply(2) + `,{"callId":"#1","by":"b","device":"b1","extended":false}`)
		a.emit("call:end", `{"to":"b","from":"a"}`)
		b.gets(`call:end {"callId":"#1","reason":"hangup"}`)
		a.gets()
		eq(t, "log", w.records(), "a>b hangup;")
		w.nobodyBusy("a", "b")
	})
}

func TestC2_EveryDeviceRings(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1", "b2", "B3")
		cs[0].ask("call:user", ringing("b", offer(1)))
		for _, b := range cs[1:] {
			if got := strings.Join(b.take(), " "); !strings.Contains(got, "call:incoming ") {
				t.Errorf("%s does not ring: %s", b.name, got)
			}
		}
		cs[0].gets(`call:state {"callId":"#1","state":"ringing"}`, `call:ringing {"callId":"#1","devices":3}`)
	})
}

func TestC2_LateDeviceRings(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1")
		cs[0].ask("call:user", ringing("b", offer(1)))
		cs[0].take()
		w.pass(10 * time.Second)
		late := w.join("b2")
		late.gets(incomingFrom("a", 1, offer(1), true, ""))
		// What the caller sends meanwhile goes to it too, once.
		cs[0].ask("call:user", ringing("b", `{"type":"candidate","candidate":{}}`))
		late.gets(incomingFrom("a", 1, `{"type":"candidate","candidate":{}}`, true, ""))
		later := w.join("b3")
		later.gets(incomingFrom("a", 1, offer(1), true, ""), incomingFrom("a", 1, `{"type":"candidate","candidate":{}}`, true, ""))
	})
}

func TestC2_DeviceComesBackWhileRinging(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "b1", "b2")
		a, b1, b2 := cs[0], cs[1], cs[2]
		b1.sess.Away()
		a.ask("call:user", ringing("b", offer(1)))
		b1.gets()
		b2.hears("call:incoming")
		b1.sess.Back()
		b1.gets(incomingFrom("a", 1, offer(1), true, ""))
		// Rung already, away and back: its link has kept what it missed.
		b2.sess.Away()
		b2.sess.Back()
		b2.gets()
		// A page that was reloaded rings again.
		again := w.join("b2")
		again.gets(incomingFrom("a", 1, offer(1), true, ""))
		if got := b2.closes(); len(got) != 1 || got[0].Code != 4409 {
			t.Errorf("the replaced session was closed %v, want once, 4409", got)
		}
	})
}

func TestC2_NoRingIsLostToADeviceThatVanishesMeanwhile(t *testing.T) {
	var hook func()
	play(t, func(s *setup) { s.wrap = hooked(&hook) }, func(w *world) {
		cs := w.all("A1", "b1")
		hook = func() { hook = nil; cs[1].sess.Away() }
		cs[0].ask("call:user", ringing("b", offer(1)))
		cs[1].sess.Back()
		cs[1].gets(incomingFrom("a", 1, offer(1), true, ""))
	})
}

func TestC3_FirstAnswerWins(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1", "b2", "B3")
		a, b1, b2, b3 := cs[0], cs[1], cs[2], cs[3]
		a.ask("call:user", ringing("b", offer(1)))
		for _, c := range cs {
			c.take()
		}
		ans := func(n int) string { return `{"to":"a","signal":` + reply(n) + `}` }
		eq(t, "winner's ack", b1.ask("call:answer", ans(2)), `{"callId":"#1","state":"answered"}`)
		a.gets(`call:accepted `+reply(2)+`,{"callId":"#1","by":"b","device":"B1","extended":true}`, `call:state {"callId":"#1","state":"answered"}`)
		b1.gets(`call:state {"callId":"#1","state":"answered"}`)
		b2.gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`)
		b3.gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`, `call:state {"callId":"#1","state":"answered"}`)
		// The late ones hear it again; the one that asked gets the error too.
		eq(t, "late ack", b3.ask("call:answer", ans(3)), "!already_answered")
		b3.gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`)
		b2.emit("call:answer", ans(4))
		b2.gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`)
		a.gets()
	})
}

func TestC3_RejectSilencesTheOthers(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1", "b2")
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[1].take()
		cs[2].take()
		cs[1].emit("call:rejected", `{"to":"a","from":"b"}`)
		cs[0].gets(`call:rejected {"callId":"#1","reason":"rejected"}`)
		cs[1].gets()
		cs[2].gets(`call:end {"callId":"#1","reason":"rejected"}`)
		w.nobodyBusy("a", "b")
		// One that follows is a no-op.
		cs[2].emit("call:rejected", `{"to":"a","from":"b"}`)
		cs[0].gets()
		eq(t, "log", w.records(), "a>b rejected;")
	})
}

func TestC3_RejectInAnAnsweredCall(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1", "b2")
		a, b1, b2 := cs[0], cs[1], cs[2]
		a.emit("call:user", ringing("b", offer(1)))
		b1.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		for _, c := range cs {
			c.take()
		}
		// From another device of the callee: ignored. Without "to" it matches none.
		b2.emit("call:rejected", `{"to":"a"}`)
		b2.emit("call:end", `{"to":"a"}`)
		b1.emit("call:rejected", `{}`)
		b1.emit("call:rejected", `{"to":"c"}`)
		a.gets()
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Fatalf("%d live calls, want 1", n)
		}
		// From the answering one: a hang-up.
		b1.emit("call:rejected", `{"to":"a"}`)
		a.gets(`call:end {"callId":"#1","reason":"hangup"}`)
		w.nobodyBusy("a", "b")
	})
}
