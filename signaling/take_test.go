package signaling

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// handsOver makes the client's node hand its session over to whoever asks.
func (c *client) handsOver(late bool) {
	c.sess.sw.OnTake(TakeJSON, func(to presence.Peer, user string, ask []byte) *Taken {
		if user != c.sess.user || string(ask) != c.sess.id {
			return nil
		}
		l, ok := c.sess.Moved(to)
		if !ok {
			return nil
		}
		if late {
			c.sess.Abandoned()
		}
		return &Taken{Late: late, Luggage: l, State: []byte("state of " + c.name)}
	})
}

// takenBy asks for the client's session, as a dialect does.
func (c *client) takenBy(node *Switchboard) *Taken {
	c.w.t.Helper()
	s := c.sess
	return node.Take(c.w.t.Context(), TakeJSON, s.user, s.device, s.sw.Tag(), []byte(s.id))
}

// arrive opens the session that was taken on another node.
func (c *client) arrive(node *Switchboard, k *Taken) *client {
	c.w.t.Helper()
	n := &client{w: c.w, name: c.name, fakeLink: &fakeLink{}}
	id := c.sess.id
	if k.Late {
		id += " anew"
	}
	s, err := node.Open(c.w.t.Context(), n.fakeLink, identity(c.sess.user), Hello{
		SessionID: id, Device: c.sess.device, Extended: c.sess.extended, Dialect: "test", Moved: !k.Late, Luggage: k.Luggage,
	})
	if err != nil {
		c.w.t.Fatal(err)
	}
	n.sess = s
	c.w.settle()
	return n
}

// TestC9_SessionMovesInsideACall: nothing that is sent on the way is lost,
// whichever node it is sent from, and nobody hears of the move.
func TestC9_SessionMovesInsideACall(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.answered("A1", "B1") // on nodes 1 and 2
		w.joinOn(2, "B2").takeAll()
		local, third := w.joinOn(1, "C1"), w.joinOn(2, "D1")
		w.pass(2 * time.Second)
		for _, c := range []*client{a, b, local, third} {
			c.takeAll()
		}
		a.handsOver(false)
		k := a.takenBy(w.nodes[0])
		if k == nil || k.Late || string(k.State) != "state of A1" {
			t.Fatalf("taken: %+v", k)
		}
		// On its way: from the node it left, from the one it goes to, and a third.
		here := w.joinOn(0, "E1")
		b.emit("call:signal", fmt.Sprintf(`{"callId":%q,"signal":%s}`, w.id(1), candidate(1)))
		local.emit("typing", typingTo("a"))
		here.emit("typing", typingTo("a"))
		third.emit("typing", typingTo("a"))
		a.sess.Stray(&wire.Event{Name: "stray", Args: []byte(`1`)})
		w.settle()
		a.takeAll()
		n := a.arrive(w.nodes[0], k)
		got := slices.DeleteFunc(n.takeAll(), func(s string) bool { return strings.HasPrefix(s, wire.GetOnlineUsers) })
		slices.Sort(got)
		want := []string{
			`call:signal {"callId":"#1","signal":` + candidate(1) + `}`, `stray 1`,
			`userTyping "c"`, `userTyping "d"`, `userTyping "e"`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("arrived\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
		b.gets()
		if beat := n.lastBeat(); beat.every == 0 {
			t.Error("the heartbeat of the call did not move")
		}
		if s, _ := w.store.Routes(t.Context(), "a"); len(s) != 1 || s[0].Owner() != w.nodes[0].Node().Peer || s[0].Away {
			t.Errorf("routes %+v", s)
		}
		w.pass(30 * time.Second) // the entry at the old node, its tomb
		n.takeAll()
		b.emit("call:end", `{"to":"a"}`)
		n.hears("call:end", "call:state")
		if beat := n.lastBeat(); beat.every != 0 {
			t.Error("the call's heartbeat outlives it")
		}
		a.gets()
		w.nobodyBusy("a", "b")
	})
}

// TestC9_SessionMovesWhileAway is what mostly happens: the old node has noticed.
func TestC9_SessionMovesWhileAway(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.answered("A1", "B1")
		a.handsOver(false)
		a.sess.Away()
		b.gets(`call:peer {"callId":"#1","state":"reconnecting"}`)
		k := a.takenBy(w.nodes[0])
		if k == nil {
			t.Fatal("not taken")
		}
		if again := a.takenBy(w.nodes[2]); again != nil {
			t.Error("taken twice")
		}
		n := a.arrive(w.nodes[0], k)
		b.gets(`call:peer {"callId":"#1","state":"back"}`)
		n.gets()
		w.pass(time.Minute)
		if n, _ := w.store.LiveCalls(t.Context()); n != 1 {
			t.Error("the call ended although its device came back")
		}
		eq(t, "presence", fmt.Sprint(w.states("a")), "[true 1]")
		// Once more, from there: the tag that the client shows is the old node's.
		n.handsOver(false)
		k = n.w.nodes[2].Take(w.t.Context(), TakeJSON, "a", n.sess.device, a.sess.sw.Tag(), []byte(n.sess.id))
		if k == nil {
			t.Fatal("not found by its device")
		}
		n.arrive(w.nodes[2], k).gets()
		b.gets()
	})
}

// TestC9_SessionThatMovedAndNeverArrived vanishes from presence.
func TestC9_SessionThatMovedAndNeverArrived(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a := w.joinOn(1, "A1")
		a.handsOver(false)
		if a.takenBy(w.nodes[0]) == nil {
			t.Fatal("not taken")
		}
		a.sess.Closed(false)
		a.sess.Away()
		w.pass(time.Minute)
		if s, _ := w.store.Routes(t.Context(), "a"); len(s) != 0 {
			t.Errorf("routes %+v", s)
		}
		eq(t, "presence", fmt.Sprint(w.states("a")), "[false 0]")
		if n := w.nodes[1].Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// TestC9_SessionThatMovedAndIsBack: what its node does for one that never arrives
// is not done to it.
func TestC9_SessionThatMovedAndIsBack(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.joinOn(1, "A1"), w.joinOn(2, "B1")
		a.handsOver(false)
		n := a.arrive(w.nodes[0], a.takenBy(w.nodes[0]))
		n.handsOver(false)
		back := n.arrive(w.nodes[1], n.takenBy(w.nodes[1]))
		w.pass(time.Minute) // the time for which its node remembers that it went
		if s, _ := w.store.Routes(t.Context(), "a"); len(s) != 1 || s[0].Owner() != w.nodes[1].Node().Peer || s[0].Away {
			t.Errorf("routes %+v", s)
		}
		eq(t, "presence", fmt.Sprint(w.states("a")), "[true 1]")
		back.take()
		b.emit("call:user", ringing("a", offer(1)))
		back.hears("call:incoming", "call:state")
	})
}

// TestC9_EventsComeOnceToASessionThatMoved: its user has another device where it
// was.
func TestC9_EventsComeOnceToASessionThatMoved(t *testing.T) {
	for _, from := range []int{0, 1, 2} { // where it is, where it was, and a third
		t.Run(fmt.Sprint("node", from), func(t *testing.T) {
			playPlugged(t, func(w *world, plugs []*plug) {
				a, other := w.joinOn(1, "A1"), w.joinOn(1, "A2")
				third := w.joinOn(2, "A3")
				tell := func(event string) {
					turn := w.nodes[from].newTurn()
					ev := eventOf(event, []byte(`1`))
					w.nodes[from].tellUser(t.Context(), turn, "b", "a", ev, everyDevice, nil)
					turn.end()
					w.settle()
				}
				a.handsOver(false)
				n := a.arrive(w.nodes[0], a.takenBy(w.nodes[0]))
				for _, c := range []*client{n, other, third} {
					c.take()
				}
				tell("once")
				for _, c := range []*client{n, other, third} {
					c.gets("once 1")
				}
			})
		})
	}
}

// TestC9_EventsComeOnceToASessionThatMovedTwice from the same node, which passes
// on what others send there.
func TestC9_EventsComeOnceToASessionThatMovedTwice(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		n := w.joinOn(1, "A1")
		for _, node := range []int{0, 1, 0} {
			n.handsOver(false)
			n = n.arrive(w.nodes[node], n.takenBy(w.nodes[node]))
		}
		n.take()
		e := eventEnvelope{user: "a", event: "once", args: []byte(`1`)}
		if err := w.nodes[2].store.Send(w.nodes[1].Node().Peer, kindEvent, presence.Must, e.encode(), nil); err != nil {
			t.Fatal(err)
		}
		n.gets("once 1")
	})
}

// TestC9_EventsComeOnceToASessionThatMovesMeanwhile: what it was told here goes
// with it.
func TestC9_EventsComeOnceToASessionThatMovesMeanwhile(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		b := w.joinOn(1, "B1")
		b.take()
		sw := w.nodes[1]
		plugs[1].looking = func() { // it is told already, and where else its user is is asked
			w.nodes[0].expect("b", "B1")
			b.sess.Moved(w.nodes[0].Node().Peer)
		}
		turn := sw.newTurn()
		sw.tellUser(t.Context(), turn, "a", "b", eventOf("once", []byte(`1`)), everyDevice, nil)
		turn.end()
		w.settle()
		b.gets("once 1") // its queue is what moves
		n := b.arrive(w.nodes[0], &Taken{})
		n.gets()
	})
}

// TestP4_OlderListDoesNotFollowASessionThatMoved: one that was being told to all
// where it was.
func TestP4_OlderListDoesNotFollowASessionThatMoved(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a := w.joinOn(1, "A1")
		a.handsOver(false)
		n := a.arrive(w.nodes[0], a.takenBy(w.nodes[0]))
		n.takeAll()
		a.sess.Stray(droppable(wire.GetOnlineUsers, []byte(`["a","x"]`)))
		a.sess.Stray(droppable(wire.PresenceUpdate, []byte(`{"user":"x","online":true}`)))
		if got := n.takeAll(); len(got) > 0 {
			t.Errorf("told %q", got)
		}
	})
}

// TestM9_SessionThatIsEndedOnItsWay: whichever node the back end asks, and whatever
// that one knows of the move, the session ends where it arrives.
func TestM9_SessionThatIsEndedOnItsWay(t *testing.T) {
	for _, by := range []int{0, 1, 2} { // where it goes, where it was, and a third
		t.Run(fmt.Sprint("node", by), func(t *testing.T) {
			playPlugged(t, func(w *world, _ []*plug) {
				a := w.joinOn(1, "A1")
				b := w.joinOn(2, "B1")
				a.emit("call:user", ringing("b", offer(1)))
				b.take()
				a.handsOver(false)
				k := a.takenBy(w.nodes[0])
				reach, err := w.nodes[by].Disconnect(w.t.Context(), "a", "")
				if err != nil || reach.Devices != 1 {
					t.Errorf("ended %+v, %v", reach, err)
				}
				n := a.arrive(w.nodes[0], k)
				if got := n.closes(); len(got) != 1 || got[0] != wire.CloseDisconnected {
					t.Errorf("closed with %v", got)
				}
				eq(t, "presence", fmt.Sprint(w.states("a")), "[false 0]")
				b.hears("call:end", "call:state")
				w.nobodyBusy("a", "b")
				w.joinOn(0, "A1").take() // and may come again
				w.pass(time.Minute)
				eq(t, "presence", fmt.Sprint(w.states("a")), "[true 1]")
			})
		})
	}
}

func TestC13_SessionThatMissedTooMuchStartsAnew(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a, b := w.answered("a1", "B1")
		a.handsOver(true)
		k := a.takenBy(w.nodes[0])
		if k == nil || !k.Late {
			t.Fatalf("taken: %+v", k)
		}
		n := a.arrive(w.nodes[0], k)
		b.gets(`call:peer {"callId":"#1","state":"reconnecting"}`, `call:peer {"callId":"#1","state":"back"}`)
		b.emit("call:end", `{"to":"a"}`)
		n.hears("call:end")
		w.nobodyBusy("a", "b")
		if beat := n.lastBeat(); beat.every != 0 {
			t.Error("the call's heartbeat outlives it")
		}
	})
}

// TestP5_WatchesMoveWithTheSession: its client does not ask again.
func TestP5_WatchesMoveWithTheSession(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		a := w.joinOn(1, "A1")
		a.ask("presence:watch", `{"users":["x","y"]}`)
		a.handsOver(false)
		k := a.takenBy(w.nodes[0])
		x := w.joinOn(2, "X1") // on the way
		n := a.arrive(w.nodes[0], k)
		got := n.take()
		slices.Sort(got)
		if len(got) != 2 || !strings.Contains(got[0], `"user":"x","online":true`) || !strings.Contains(got[1], `"user":"y","online":false`) {
			t.Errorf("told %q", got)
		}
		x.sess.Closed(true)
		w.settle()
		if got := n.take(); len(got) != 1 || !strings.Contains(got[0], `"user":"x","online":false`) {
			t.Errorf("told %q", got)
		}
		if n := len(w.nodes[1].watched); n != 0 {
			t.Errorf("the old node still watches %d", n)
		}
	})
}

func FuzzDecodeTaken(f *testing.F) {
	f.Add((&Taken{Luggage: Luggage{Watching: []string{"a", "b"}, Partners: []string{"c"}}, State: []byte("state")}).encode())
	f.Add((&Taken{Late: true}).encode())
	f.Add((&Taken{InUse: true}).encode())
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := decodeTaken(b)
		if err != nil {
			return
		}
		again, err := decodeTaken(k.encode())
		if err != nil || again.Late != k.Late || again.InUse != k.InUse || string(again.State) != string(k.State) || !reflect.DeepEqual(again.Luggage, k.Luggage) {
			t.Errorf("%+v came back as %+v, %v", k, again, err)
		}
	})
}
