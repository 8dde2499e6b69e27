package signaling

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestC13_NodeDiesAndItsDeviceComesBack(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1") // on nodes 1 and 2
		plugs[2].set(true, false)
		w.pass(7 * time.Second) // a lease, and the next sweep
		a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`)
		eq(t, "a signal meanwhile", a.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, w.id(1), candidate(1))), "{}")
		again := w.joinOn(0, "B1")
		a.gets(`call:peer {"callId":"#1","state":"back"}`)
		eq(t, "resumed", again.ask("call:resume", fmt.Sprintf(`{"callId":%q}`, w.id(1)))[:20], `{"call":{"callId":"#`)
		a.emit("call:end", `{"to":"b"}`)
		again.hears("call:end", "call:state")
		w.nobodyBusy("a", "b")
		eq(t, "log", w.records(), "a>b hangup;")
		b.takeAll()
	})
}

func TestC13_NodeDiesAndNobodyComesBack(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1")
		plugs[2].set(true, false)
		w.pass(30 * time.Second)
		a.gets(`call:peer {"callId":"#1","state":"reconnecting"}`,
			`call:end {"callId":"#1","reason":"lost"}`, `call:state {"callId":"#1","state":"ended","reason":"lost"}`)
		w.nobodyBusy("a", "b")
		eq(t, "log", w.records(), "a>b lost;")
		b.takeAll()
	})
}

func TestP1_FrozenNodeJoinsAgainAndTellsOfWhatEnded(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1")
		plugs[2].set(false, true) // as a node that stands still: it does not renew
		w.pass(30 * time.Second)
		a.hears("call:peer", "call:end", "call:state")
		plugs[2].set(false, false)
		w.pass(2 * time.Second)
		b.gets(`call:end {"callId":"#1","reason":"lost"}`)
		if list, _ := w.store.Sessions(t.Context(), "b"); len(list) != 1 {
			t.Errorf("b has sessions %v, want the one that stayed connected", list)
		}
		w.nobodyBusy("a", "b")
		eq(t, "a new call", a.ask("call:user", ringing("b", offer(7))), `{"callId":"#2","state":"ringing"}`)
		b.hears("call:incoming", "call:state")
	})
}

func TestP7_NewsThatCouldNotBeToldIsToldLater(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("a1", "b1")
		plugs[1].set(false, true)
		eq(t, "asking for it", a.ask("call:end", `{"to":"b"}`), "!unavailable")
		a.emit("call:end", `{"to":"b"}`) // a base client can not be told
		b.gets()
		plugs[1].set(false, false)
		w.pass(2 * time.Second)
		b.gets(`call:end {"callId":"#1","reason":"hangup"}`)
		w.nobodyBusy("a", "b")
	})
}

// TestC9_HeartbeatOfACallThatIsHeardOfTwice: by a signal of its peer, while the new
// page of a device connects, and by that.
func TestC9_HeartbeatOfACallThatIsHeardOfTwice(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, _ := w.answered("A1", "B1") // on nodes 1 and 2
		plugs[0].looking = func() {    // it is registered
			a.emit("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(1)))
		}
		again := w.joinOn(0, "B1")
		if beat := again.lastBeat(); beat.every == 0 {
			t.Error("the call's heartbeat was not raised")
		}
		a.emit("call:end", `{"to":"b"}`)
		if beat := again.lastBeat(); beat.every != 0 {
			t.Error("the call's heartbeat outlives it")
		}
	})
}

func TestC2_DeviceOnAnotherNodeRingsWhileTheCallDoes(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[1].hears("call:incoming")
		late := w.joinOn(0, "b2")
		late.hears("call:incoming")
		late.emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		cs[0].hears("call:accepted")
		cs[1].gets(`call:end {"callId":"#1","reason":"answered_elsewhere"}`)
	})
}

// TestC3_OneAnswerOfManyNodes lets a device on each node answer at once.
func TestC3_OneAnswerOfManyNodes(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		cs := w.all("a1", "b1", "b2", "b3")
		for range 50 {
			cs[0].emit("call:user", ringing("b", offer(1)))
			var wg sync.WaitGroup
			for i, c := range cs[1:] {
				wg.Go(func() {
					c.receive("call:answer", nil, `{"to":"a","signal":`+reply(2+i)+`}`)
					c.sess.Idle()
				})
			}
			wg.Wait()
			cs[0].hears("call:accepted")
			silent := 0
			for _, c := range cs[1:] {
				heard := map[string]bool{}
				for _, e := range c.take() {
					heard[e[:8]] = true
				}
				if heard["call:end"] {
					silent++
				}
			}
			if silent != 2 {
				t.Fatalf("%d devices were told that another one answered, want 2", silent)
			}
			cs[0].emit("call:end", `{"to":"b"}`)
			for _, c := range cs {
				c.take()
			}
			w.nobodyBusy("a", "b")
		}
	})
}

// TestC8_GlareAcrossNodes lets two users ring each other in the same moment.
func TestC8_GlareAcrossNodes(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		cs := w.all("A1", "B1")
		for i := range 50 {
			var wg sync.WaitGroup
			for k, c := range cs {
				wg.Go(func() {
					c.receive("call:user", nil, ringing([]string{"b", "a"}[k], offer(10*i+k)))
					c.sess.Idle()
				})
			}
			wg.Wait()
			w.settle()
			if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
				t.Fatalf("round %d: %d live calls, want 1", i, n)
			}
			cs[0].emit("call:end", `{"to":"b"}`)
			cs[1].emit("call:end", `{"to":"a"}`)
			for _, c := range cs {
				c.take()
			}
			w.nobodyBusy("a", "b")
		}
	})
}

func TestC9_DeviceThatConnectsElsewhereReplacesItself(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.answered("A1", "B1")
		again := w.joinOn(1, "B1")
		if got := b.closes(); len(got) != 1 || got[0].Code != 4409 {
			t.Fatalf("the old session was closed with %v, want 4409", got)
		}
		a.emit("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(1)))
		again.hears("call:candidate")
		b.take()
	})
}

func TestP2_EventsFollowASessionThatMoves(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.answered("A1", "B1") // b on node 2
		b.sess.Moved(w.nodes[0].Node().Peer)
		w.nodes[0].expect("b", "B1")
		// b's new node is not ready yet, and nobody knows it but the old one.
		a.emit("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(1)))
		c := &client{w: w, name: "B1", fakeLink: &fakeLink{}}
		var err error
		c.sess, err = w.nodes[0].Open(t.Context(), c.fakeLink, identity("b"), Hello{SessionID: b.sess.ID(), Device: "B1", Extended: true, Dialect: "test", Moved: true})
		if err != nil {
			t.Fatal(err)
		}
		c.hears("call:candidate")
		a.emit("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[%s]}`, w.id(1), candidate(2)))
		c.hears("call:candidate")
		a.gets() // nobody heard of the move
		b.gets()
		eq(t, "online", fmt.Sprint(w.states("b")), "[true 1]")
	})
}

func (w *world) states(user string) []any {
	st, err := w.store.States(w.t.Context(), []string{user})
	if err != nil {
		w.t.Fatal(err)
	}
	return []any{st[0].Online, st[0].Devices}
}

// joinOn connects a device to one of the nodes.
func (w *world) joinOn(node int, name string) *client {
	w.t.Helper()
	w.mu.Lock()
	for (w.n+1)%len(w.nodes) != node {
		w.n++
	}
	w.mu.Unlock()
	return w.join(name)
}

func TestEnvelopes_AreReadBack(t *testing.T) {
	e := eventEnvelope{flags: flagForwarded, user: "ü", device: "d", from: "f", event: "userTyping", args: []byte(`"x"`)}
	got, err := decodeEventEnvelope(e.encode())
	if err != nil || got.user != e.user || got.device != e.device || got.from != e.from || got.event != e.event || string(got.args) != string(e.args) || got.flags != e.flags {
		t.Fatalf("%+v came back as %+v, %v", e, got, err)
	}
	b := e.encode()
	b[0]++
	if _, err := decodeEventEnvelope(b); err == nil {
		t.Fatal("an envelope of another version was read")
	}
}

func FuzzEventEnvelope(f *testing.F) {
	e := eventEnvelope{user: "a", from: "b", event: "userTyping", args: []byte(`"b"`)}
	f.Add(e.encode())
	f.Add([]byte{envelopeVersion, 0, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEventEnvelope(b); err == nil {
			if again, err := decodeEventEnvelope(e.encode()); err != nil || again.user != e.user || string(again.args) != string(e.args) {
				t.Fatalf("%+v came back as %+v, %v", e, again, err)
			}
		}
	})
}
