package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

func TestC10_RepeatedCallUserBelongsToTheLiveCall(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		a, b := cs[0], cs[1]
		a.emit("call:user", ringing("b", offer(1)))
		b.gets(incomingFrom("a", 1, offer(1), false, ""))
		a.emit("call:user", ringing("b", offer(1))) // the same signal again: once only
		b.gets()
		c1 := `{"type":"candidate","candidate":` + candidate(1) + `}`
		a.emit("call:user", ringing("b", c1))
		b.gets(incomingFrom("a", 1, c1, false, ""))
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.hears("call:accepted")
		b.emit("call:answer", `{"to":"a","signal":`+c1+`}`)
		a.gets(`call:accepted ` + c1 + `,{"callId":"#1","by":"b","device":"b1","extended":false}`)
		b.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		a.gets()
		// Once answered it is a renegotiation.
		again := strings.Replace(offer(1), " 2 IN", " 3 IN", 1)
		a.emit("call:user", ringing("b", again))
		b.gets(`call:accepted ` + again + `,{"callId":"#1","by":"a","device":"a1","extended":false}`)
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Errorf("%d live calls, want 1", n)
		}
	})
}

func TestC10_NewOfferSupersedes(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1", "C1")
		a, b, c := cs[0], cs[1], cs[2]
		a.ask("call:user", ringing("b", offer(1)))
		a.take()
		b.take()
		// Redial after a reload.
		eq(t, "redial", a.ask("call:user", ringing("b", offer(7))), `{"callId":"#2","state":"ringing"}`)
		b.gets(`call:end {"callId":"#1","reason":"superseded","next":"#2"}`, `call:state {"callId":"#1","state":"ended","reason":"superseded","next":"#2"}`,
			incomingFrom("a", 2, offer(7), true, ""), `call:state {"callId":"#2","state":"ringing"}`)
		// Another callee.
		eq(t, "wandering page", a.ask("call:user", ringing("c", offer(8))), `{"callId":"#3","state":"ringing"}`)
		b.hears("call:end", "call:state")
		c.hears("call:incoming", "call:state")
		eq(t, "log", w.records(), "a>b superseded;a>b superseded;")
		a.ask("call:end", `{}`)
		w.nobodyBusy("a", "b", "c")
	})
}

func TestC10_CallHeldByAVanishedSessionIsSuperseded(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		a.sess.Away()
		other := w.join("A2")
		other.take()
		eq(t, "redial from another device", other.ask("call:user", ringing("b", offer(9))), `{"callId":"#2","state":"ringing"}`)
		b.hears("call:end", "call:incoming")
	})
}

func TestC10_CandidateOfNoCallNeverRings(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "b1")
		eq(t, "ack", cs[0].ask("call:user", ringing("b", `{"type":"candidate","candidate":{}}`)), "!not_in_call")
		cs[1].gets()
	})
}

func TestC11_EarlySignalsAreGivenOnAnswer(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1")
		a, b := cs[0], cs[1]
		a.ask("call:user", ringing("b", offer(1)))
		a.take()
		b.take()
		id := w.id(1)
		for i := range 3 {
			eq(t, "ack", a.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, id, candidate(i))), "{}")
		}
		b.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s,%s]}`, id, candidate(8), candidate(9)))
		a.gets()
		b.gets()
		b.ask("call:answer", fmt.Sprintf(`{"callId":%q,"signal":%s}`, id, reply(2)))
		a.gets(`call:accepted `+reply(2)+`,{"callId":"#1","by":"b","device":"B1","extended":true}`, `call:state {"callId":"#1","state":"answered"}`,
			`call:candidate {"callId":"#1","candidates":[`+candidate(8)+`,`+candidate(9)+`]}`)
		b.gets(`call:state {"callId":"#1","state":"answered"}`,
			`call:candidate {"callId":"#1","candidates":[`+candidate(0)+`]}`,
			`call:candidate {"callId":"#1","candidates":[`+candidate(1)+`]}`,
			`call:candidate {"callId":"#1","candidates":[`+candidate(2)+`]}`)
	})
}

func TestC11_BeyondTheLimitIsForwarded(t *testing.T) {
	play(t, func(s *setup) { s.Call = call.DefaultConfig(); s.Call.KeepSignals = 2 }, func(w *world) {
		cs := w.all("A1", "B1")
		a, b := cs[0], cs[1]
		a.ask("call:user", ringing("b", offer(1)))
		b.take()
		for i := range 3 {
			a.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(i)))
		}
		b.gets(`call:candidate {"callId":"#1","candidates":[` + candidate(2) + `]}`)
		b.ask("call:answer", fmt.Sprintf(`{"callId":%q,"signal":%s}`, w.id(1), reply(2)))
		b.hears("call:state", "call:candidate", "call:candidate")
	})
}

func TestC11_KeptForADeviceThatIsAway(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		b.sess.Away()
		a.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(1)))
		b.gets()
		b.sess.Back()
		b.gets(`call:candidate {"callId":"#1","candidates":[` + candidate(1) + `]}`)
	})
}

func TestC11_ResumeGivesWhatIsPending(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		b.sess.Away()
		id := w.id(1)
		a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, id, offer(5)))
		a.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, id, candidate(1)))
		again := w.join("B1") // a reloaded page
		again.gets()
		got := again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, id))
		want := fmt.Sprintf(`{"call":{"callId":"#1","state":"answered","role":"callee","peer":{"id":"a","name":"","profile":{"_id":"a"},"away":false},"peerExtended":true,"isVideoCall":false,"startedAt":%d,"answeredAt":%d},"pending":[{"event":"call:signal","args":[{"callId":"#1","signal":%s}]},{"event":"call:candidate","args":[{"callId":"#1","candidates":[%s]}]}]}`,
			t0, t0, offer(5), candidate(1))
		eq(t, "ack", got, want)
		again.gets()
		eq(t, "second ack has nothing left", again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, id)), want[:strings.Index(want, `"pending":`)]+`"pending":[]}`)
		eq(t, "without an id", again.ask("call:resume", `{}`), "!bad_payload")
	})
}

func TestHandoff_MovesTheCallToAnotherDevice(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		b2 := w.all("B2")[0]
		got := b2.ask("call:handoff", fmt.Sprintf(`{"callId":%q}`, w.id(1)))
		if !strings.HasPrefix(got, `{"call":{"callId":"#1","state":"answered","role":"callee"`) {
			t.Errorf("ack %s", got)
		}
		b.gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`)
		if b.lastBeat() != (beat{}) || b2.lastBeat() != (beat{5 * time.Second, 10 * time.Second}) {
			t.Errorf("heartbeats: old %v, new %v", b.lastBeat(), b2.lastBeat())
		}
		a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, w.id(1), offer(3)))
		b.gets()
		b2.gets(`call:signal {"callId":"#1","signal":` + offer(3) + `}`)
		b.ask("call:end", fmt.Sprintf(`{"callId":%q}`, w.id(1))) // it holds it no more
		w.nobodyBusyOnce(t)
		b2.ask("call:end", `{}`)
		a.hears("call:end", "call:state")
	})
}

func TestTransfer_Blind(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "B1")
		p := func(to string) string { return fmt.Sprintf(`{"callId":%q,"to":%q}`, w.id(1), to) }
		eq(t, "to the other party", a.ask("call:transfer", p("b")), "!bad_payload")
		eq(t, "to oneself", a.ask("call:transfer", p("a")), "!bad_payload")
		a.gets()
		eq(t, "ack", a.ask("call:transfer", p("c")), `{"callId":"#1","state":"ended"}`)
		b.gets(`call:transfer {"callId":"#1","to":"c","by":"a","isVideoCall":false}`,
			`call:end {"callId":"#1","reason":"transferred"}`, `call:state {"callId":"#1","state":"ended","reason":"transferred"}`)
		w.nobodyBusy("a", "b")
		eq(t, "afterwards", a.ask("call:transfer", p("c")), "!call_ended")
	})
}

func TestTransfer_Attended(t *testing.T) {
	play(t, func(s *setup) { s.Call = call.DefaultConfig(); s.Call.CallWaiting = true }, func(w *world) {
		a, b := w.answered("A1", "B1")
		c := w.all("C1")[0]
		c.ask("call:user", ringing("a", offer(5)))
		a.take()
		eq(t, "before the answer", a.ask("call:transfer", fmt.Sprintf(`{"callId":%q,"withCallId":%q}`, w.id(1), w.id(2))), "!not_answered")
		a.ask("call:answer", fmt.Sprintf(`{"callId":%q,"signal":%s}`, w.id(2), reply(6)))
		c.take()
		b.take()
		eq(t, "ack", a.ask("call:transfer", fmt.Sprintf(`{"callId":%q,"withCallId":%q}`, w.id(1), w.id(2))), `{"callId":"#1","state":"ended"}`)
		if got := b.take(); len(got) == 0 || got[0] != `call:transfer {"callId":"#1","to":"c","by":"a","isVideoCall":false}` {
			t.Errorf("b got %v", got)
		}
		c.hears("call:end", "call:state")
		w.nobodyBusy("a", "b", "c")
		// Nobody is in the way of the call that b places now.
		eq(t, "the new call", b.ask("call:user", ringing("c", offer(9))), `{"callId":"#3","state":"ringing"}`)
	})
}

func TestTransfer_BasePeerCanNot(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		eq(t, "ack", a.ask("call:transfer", fmt.Sprintf(`{"callId":%q,"to":"c"}`, w.id(1))), "!not_configured")
		b.gets()
		w.nobodyBusyOnce(t)
	})
}

// TestBaseProfile_NothingElse: a base device gets nothing but the events of the
// base profile, and candidates in the form that it knows (DESIGN 1.1).
func TestBaseProfile_NothingElse(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.answered("A1", "b1")
		id := w.id(1)
		a.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s,{"type":"candidate","candidate":%s}]}`, id, candidate(1), candidate(2)))
		a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, id, offer(4)))
		tail := `,{"callId":"#1","by":"a","device":"A1","extended":true}`
		b.gets(`call:accepted {"type":"candidate","candidate":`+candidate(1)+`}`+tail,
			`call:accepted {"type":"candidate","candidate":`+candidate(2)+`}`+tail,
			`call:accepted `+offer(4)+tail)
		a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, id, offer(4)))
		b.gets() // at most once per distinct signal
		// Extended events of a base client do not exist.
		for _, ev := range []string{"call:candidate", "call:signal", "call:resume", "presence:watch", "ice:servers", "ping", "nonsense"} {
			eq(t, ev, b.ask(ev, `{}`), "!unknown_event")
			b.emit(ev, `{}`)
		}
		b.emit("call:user", `17`)
		b.gets()
	})
}

func TestExtendedProfile_Rendering(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "B1")
		a, b := cs[0], cs[1]
		a.ask("call:user", `{"to":"b","signal":`+offer(1)+`,"callerName":"Ann","isVideoCall":true,"metadata":{"room":7}}`)
		b.gets(fmt.Sprintf(`call:incoming {"from":{"_id":"a"},"signal":%s,"callerName":"Ann","isVideoCall":true,"fromId":"a","callId":"#1","expiresAt":%d,"peerExtended":true,"metadata":{"room":7}}`, offer(1), t0+45_000),
			`call:state {"callId":"#1","state":"ringing"}`)
		a.gets(`call:state {"callId":"#1","state":"ringing"}`, `call:ringing {"callId":"#1","devices":1}`)
		b.ask("call:answer", `{"callId":"`+w.id(1)+`","signal":null}`)
		a.gets(`call:accepted null,{"callId":"#1","by":"b","device":"B1","extended":true}`, `call:state {"callId":"#1","state":"answered"}`)
		// An event without an ack that fails is told.
		a.emit("call:signal", `{"signal":{}}`)
		a.gets(`error {"code":"bad_payload","message":"callId is missing.","event":"call:signal"}`)
		a.emit(strings.Repeat("é", 100), `{}`)
		if got := a.take(); len(got) != 1 || !strings.HasPrefix(got[0], `error {"code":"unknown_event"`) || len(got[0]) > 250 {
			t.Errorf("unknown event: %q", got)
		}
	})
}
