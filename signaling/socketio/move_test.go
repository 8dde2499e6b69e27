package socketio_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// pair are two servers of which the second fetches sockets from the first, over
// bytes, as if they were on two machines.
func pair(t *testing.T, ask func(fresh *socketio.Socket) bool) (a, b *rig) {
	t.Helper()
	seal := func(s *socketio.Socket) string { return "sealed" + s.Data.(string) }
	name := func(s *socketio.Socket) error { s.Data = "ann"; return nil }
	cfg := recovering()
	cfg.Recovery.MaxPackets, cfg.Recovery.Seal = 5, seal
	cfg.Engine.Tag = func() string { return "a" }
	a = newRig(t, cfg)
	cfg.Engine.Tag = func() string { return "b" }
	cfg.Recovery.Fetch = func(_ context.Context, fresh *socketio.Socket, pid, offset string, given bool) *socketio.State {
		if ask != nil && !ask(fresh) {
			return nil
		}
		old := a.srv.Of(fresh.Namespace().Name()).ByPID(pid)
		if old == nil {
			return nil
		}
		st, _ := old.Export(offset, given)
		if st == nil {
			return nil
		}
		st.Data = []byte("application's")
		raw, err := st.MarshalBinary()
		if err != nil {
			t.Error(err)
		}
		got := new(socketio.State)
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Error(err)
		}
		if fmt.Sprint(*got) != fmt.Sprint(*st) {
			t.Errorf("%+v came back as %+v", st, got)
		}
		return got
	}
	b = newRig(t, cfg)
	for _, r := range []*rig{a, b} {
		r.srv.Of("/").Use(name)
	}
	return a, b
}

func TestC13_SocketGoesOnInAnotherServer(t *testing.T) {
	a, b := pair(t, nil)
	there, here := watching(a), watching(b)
	c, id := a.connect("")
	if !strings.HasPrefix(id.SID, "a-") || !strings.HasPrefix(id.PID, "a-") || !strings.HasSuffix(id.PID, ".sealedann") {
		t.Fatalf("%+v", id)
	}
	s := receive(t, there)
	s.Join("room", "other")
	_ = s.Emit("seen", 1)
	_ = s.Emit("lost on the way", "x")
	c.want(`42["seen",1,"1"]`)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	_ = s.Emit("binary", []byte{7}, []any{[]byte{8, 9}})
	s.EmitRaw(socketio.MustArrive, `quo"te`, nil)
	_ = a.srv.Of("/").To("room").Emit("to the room", 2)

	c, again := b.connect(rejoin(id, "1"))
	if again != id {
		t.Fatalf("%+v, want %+v", again, id)
	}
	c.want(`42["lost on the way","x","2"]`, `452-["binary",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}],"3"]`,
		"\x07", "\x08\x09", `42["quo\"te","4"]`, `42["to the room",2,"5"]`)
	s.want(t, "gone: moved")
	n := receive(t, here)
	if n.ID() != id.SID || !n.Recovered() || !n.In("room") || !n.In("other") || !n.Connected() || b.srv.Of("/").Socket(id.SID) != n.Socket {
		t.Error("not the same socket")
	}
	if n := a.srv.Of("/").Len(); n != 0 {
		t.Errorf("%d sockets are left where it was", n)
	}
	_ = b.srv.Of("/").To("room").Emit("on", 3)
	c.want(`42["on",3,"6"]`)
	// It is recovered there as any other.
	c.closeWith(1006)
	n.want(t, "away: transport close 1006")
	_ = n.Emit("more")
	c, again = b.connect(rejoin(id, "4"))
	if again != id {
		t.Fatalf("%+v, want %+v", again, id)
	}
	c.want(`42["to the room",2,"5"]`, `42["on",3,"6"]`, `42["more","7"]`)
	n.want(t, "back")
}

// TestC13_SocketMovesBeforeItsLossWasNoticed: the old transport is closed.
func TestC13_SocketMovesBeforeItsLossWasNoticed(t *testing.T) {
	a, b := pair(t, nil)
	there, here := watching(a), watching(b)
	old, id := a.connect("")
	s := receive(t, there)
	_ = s.Emit("one")
	old.want(`42["one","1"]`)
	c, _ := b.connect(rejoin(id, "1"))
	old.wantClosed(1001)
	s.want(t, "gone: moved")
	n := receive(t, here)
	if st, late := s.Export("1", true); st != nil || late {
		t.Error("exported twice")
	}
	if s.Emit("gone") == nil {
		t.Error("emitted to a socket that has moved")
	}
	_ = n.Emit("two")
	c.want(`42["two","2"]`)
	// What the client sent right behind CONNECT comes after it.
	heard := make(chan string, 10)
	n.OnAny(func(e *socketio.Event) { heard <- string(e.Name) })
	c.send(`42["a"]`, `42["b"]`)
	for _, want := range []string{"a", "b"} {
		if got := receive(t, heard); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestC13_SocketThatMissedTooMuchIsNotExported(t *testing.T) {
	a, b := pair(t, nil)
	there, here := watching(a), watching(b)
	c, id := a.connect("")
	s := receive(t, there)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	for i := range 7 {
		_ = s.Emit("e", i)
	}
	_, again := b.connect(rejoin(id, ""))
	if again.SID == id.SID || again.PID == id.PID || !strings.HasPrefix(again.SID, "b-") {
		t.Errorf("%+v after %+v", again, id)
	}
	s.want(t, "gone: replaced")
	if n := receive(t, here); n.Recovered() {
		t.Error("a new socket says it was recovered")
	}
}

func TestFetch_TheApplicationDecides(t *testing.T) {
	asked := make(chan string, 1)
	a, b := pair(t, func(fresh *socketio.Socket) bool {
		asked <- fmt.Sprint(fresh.Data, string(fresh.Handshake().Auth))
		panic("while asking")
	})
	there, here := watching(a), watching(b)
	_, id := a.connect("")
	s := receive(t, there)
	_, again := b.connect(rejoin(id, ""))
	if again == id {
		t.Error("it has the socket although it was refused")
	}
	if got := receive(t, asked); got != `ann{"pid":"`+id.PID+`"}` {
		t.Errorf("asked with %s", got)
	}
	if receive(t, here).Recovered() || !s.Connected() {
		t.Error("the other one's socket was touched")
	}
	// Nobody is asked about a pid that is known, or about none.
	b.connect("")
	c, known := b.connect("")
	c.closeWith(1006)
	b.connect(rejoin(known, ""))
	if len(asked) != 0 {
		t.Error("asked for no reason")
	}
}

// TestFetch_ClientGoneMeanwhile: what was fetched must not be lost with it.
func TestFetch_ClientGoneMeanwhile(t *testing.T) {
	var c *conn
	a, b := pair(t, func(*socketio.Socket) bool {
		c.Close()
		return true
	})
	there, here := watching(a), watching(b)
	old, id := a.connect("")
	s := receive(t, there)
	old.closeWith(1006)
	s.want(t, "away: transport close 1006")
	_ = s.Emit("kept")
	c = b.dial()
	c.send("40" + rejoin(id, ""))
	n := receive(t, here)
	if got := receive(t, n.log); !strings.HasPrefix(got, "away: transport ") {
		t.Error(got)
	}
	last, again := b.connect(rejoin(id, ""))
	if again != id {
		t.Fatalf("%+v, want %+v", again, id)
	}
	last.want(`42["kept","1"]`)
}

func TestExport_WithoutRecoveryThereIsNone(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := watching(r)
	r.connect("")
	s := receive(t, sockets)
	if st, late := s.Export("", false); st != nil || late || !s.Connected() {
		t.Error("exported")
	}
}

func FuzzState(f *testing.F) {
	st := socketio.State{ID: "a-1", PID: "a-2", Rooms: []string{"r"}, Seen: 40, Data: []byte("d"), Missed: []socketio.Packet{
		{Event: "e", Args: []byte(`1,{"a":"b"}`)},
		{Event: "b", Args: []byte(`{"_placeholder":true,"num":0}`), Attachments: [][]byte{{1, 2}}},
	}}
	raw, _ := st.MarshalBinary()
	f.Add(raw)
	f.Add([]byte{1, 1, 'a', 1, 'b', 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		var st, again socketio.State
		if st.UnmarshalBinary(b) != nil {
			return
		}
		raw, _ := st.MarshalBinary()
		if err := again.UnmarshalBinary(raw); err != nil || !reflect.DeepEqual(st, again) {
			t.Errorf("%+v came back as %+v, %v", st, again, err)
		}
	})
}
