package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestEvents_TextBinaryAcks(t *testing.T) {
	r := newRig(t, socketio.Config{})
	echoing(r)
	c, _ := r.connect("")
	c.send(`42["message", 1 , "2",{"3":[true]} ]`)
	c.want(`42["message-back",1 , "2",{"3":[true]}]`)
	c.send(`42456["with-ack",1,"2",{"3":[false]}]`, `420["with-ack"]`)
	c.want(`43456[1,"2",{"3":[false]}]`, `430[]`)
	c.send(`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	c.sendBinary(1, 2)
	c.sendBinary(3)
	c.want(`452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "\x01\x02", "\x03")
	c.send(`451-789["with-ack",{"_placeholder":true,"num":0}]`)
	c.sendBinary(9)
	c.want(`461-789[{"_placeholder":true,"num":0}]`, "\x09")
}

func TestEvents_Decoded(t *testing.T) {
	r := newRig(t, socketio.Config{})
	type point struct{ X, Y int }
	got := make(chan string, 10)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.OnAny(func(e *socketio.Event) { got <- "any " + string(e.Name) })
		s.On("e", func(e *socketio.Event) {
			var n int
			var p point
			var b []byte
			var missing = "untouched"
			if err := e.Bind(&n, nil, &p, &b, &missing); err != nil {
				t.Error(err)
			}
			got <- fmt.Sprintf("%d %v %v %s %d", n, p, b, missing, len(e.List(nil)))
			if err := e.Bind(&p); err == nil {
				t.Error("a number was decoded into a struct")
			}
			if err := e.Ack("ok", map[string]any{"bytes": []byte{1}}, point{3, 4}); err != nil {
				t.Error(err)
			}
			if err := e.Ack("again"); err != nil {
				t.Error(err)
			}
		})
	})
	c, _ := r.connect("")
	c.send(`451-5["e",7,"skipped",{"X":1,"Y":2},{"_placeholder":true,"num":0}]`)
	c.sendBinary(8, 9)
	if a, b := receive(t, got), receive(t, got); a != "any e" || b != "7 {1 2} [8 9] untouched 4" {
		t.Errorf("%q %q", a, b)
	}
	c.want(`461-5["ok",{"bytes":{"_placeholder":true,"num":0}},{"X":3,"Y":4}]`, "\x01")
	c.send(`42["x"]`)
	receive(t, got)
}

func TestEmit_Encodings(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := echoing(r)
	c, _ := r.connect("")
	s := receive(t, sockets)
	emit := func(event string, args ...any) {
		if err := s.Emit(event, args...); err != nil {
			t.Error(err)
		}
	}
	emit("none")
	emit(`odd "name"`, "<&>", nil, json.RawMessage(`{"raw":1}`))
	emit("b", []byte{1}, []any{[]byte{2}, 3})
	if err := s.EmitVolatile("v", 1); err != nil {
		t.Error(err)
	}
	m := socketio.NewMessage("shared", []byte(`1,2`))
	s.Send(socketio.MustArrive, m)
	s.Send(socketio.Droppable, m)
	s.Flush()
	c.want(`42["none"]`, `42["odd \"name\"","<&>",null,{"raw":1}]`,
		`452-["b",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1},3]]`, "\x01", "\x02",
		`42["v",1]`, `42["shared",1,2]`, `42["shared",1,2]`)
	if err := s.Emit("disconnect"); !errors.Is(err, socketio.ErrReserved) {
		t.Error(err)
	}
	if err := s.Emit("x", func() {}); err == nil {
		t.Error("a function was encoded")
	}
	s.Disconnect(false)
	if err := s.Emit("x"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
}

func TestAcks_ServerAsks(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := echoing(r)
	c, _ := r.connect("")
	s := receive(t, sockets)
	type reply struct {
		args []json.RawMessage
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		args, err := s.EmitWithAck(context.Background(), "q", "x", []byte{1})
		replies <- reply{args, err}
	}()
	c.want(`451-0["q","x",{"_placeholder":true,"num":0}]`, "\x01")
	c.send(`430["yes",2]`, `430["twice"]`, `4377[]`)
	if got := receive(t, replies); got.err != nil || fmt.Sprintf("%s", got.args) != `["yes" 2]` {
		t.Errorf("%s %v", got.args, got.err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		args, err := s.EmitWithAck(ctx, "q")
		replies <- reply{args, err}
	}()
	c.want(`421["q"]`)
	cancel()
	if got := receive(t, replies); !errors.Is(got.err, context.Canceled) {
		t.Error(got.err)
	}
	errs := make(chan error, 1)
	if err := s.EmitAck(30*time.Millisecond, func(_ *socketio.Event, err error) { errs <- err }, "q"); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, errs); !errors.Is(err, socketio.ErrTimeout) {
		t.Error(err)
	}
	c.want(`422["q"]`)
	c.send(`422["late"]`)
	binary := make(chan []byte, 1)
	s.Ask("q", []byte("1"), time.Minute, func(e *socketio.Event, err error) {
		if err == nil {
			binary <- e.Attachments[0]
		}
	})
	s.Flush()
	c.want(`423["q",1]`)
	c.send(`461-3[{"_placeholder":true,"num":0}]`)
	c.sendBinary(5)
	if b := receive(t, binary); string(b) != "\x05" {
		t.Errorf("%v", b)
	}
	s.Ask("q", nil, 0, func(_ *socketio.Event, err error) { errs <- err })
	c.Close()
	if err := receive(t, errs); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
	s.Ask("q", nil, 0, func(_ *socketio.Event, err error) { errs <- err })
	if err := receive(t, errs); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
}

func TestDisconnect_EachWay(t *testing.T) {
	r := newRig(t, socketio.Config{})
	r.srv.Of("/more")
	gone := make(chan socketio.Reason, 10)
	sockets := make(chan *socketio.Socket, 10)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.OnDisconnect(func(reason socketio.Reason) { gone <- reason })
		sockets <- s
	})
	// By the client, and it connects again on the same transport.
	c, first := r.connect("")
	receive(t, sockets)
	c.send("41")
	if got := receive(t, gone); got != socketio.ReasonClientDisconnect {
		t.Error(got)
	}
	c.send("40")
	if again := c.connected(); again.SID == first.SID {
		t.Error("the same id")
	}
	// By the server; what the client had under way is no violation.
	c.send("40/more")
	c.read()
	receive(t, sockets).Disconnect(false)
	c.want("41")
	if got := receive(t, gone); got != socketio.ReasonServerDisconnect {
		t.Error(got)
	}
	c.send(`42["late"]`, `451-["late"]`)
	c.sendBinary(1)
	c.send("41", "40")
	c.connected()
	// With the transport.
	receive(t, sockets).Disconnect(true)
	got := []string{c.read(), c.read()}
	slices.Sort(got)
	if !slices.Equal(got, []string{"41", "41/more,"}) {
		t.Errorf("%q", got)
	}
	c.wantClosed(1000)
	receive(t, gone)
	for code, want := range map[int]socketio.Reason{1000: "transport close", 1006: "transport close"} {
		c, _ := r.connect("")
		s := receive(t, sockets)
		c.closeWith(code)
		if got := receive(t, gone); got != want {
			t.Error(got)
		}
		s.Disconnect(true) // a second end is none
	}
	if len(gone) != 0 {
		t.Error("disconnected twice")
	}
	if n := r.srv.Of("/").Len(); n != 0 {
		t.Errorf("%d sockets left", n)
	}
}

func TestRooms(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := echoing(r)
	nsp := r.srv.Of("/")
	var conns []*conn
	var s []*socketio.Socket
	for range 4 {
		c, _ := r.connect("")
		conns, s = append(conns, c), append(s, receive(t, sockets))
	}
	s[0].Join("a", "b", "a")
	s[1].Join("a")
	s[2].Join("b")
	send := func(b *socketio.Broadcast, want ...int) {
		t.Helper()
		if err := b.Emit("x"); err != nil {
			t.Fatal(err)
		}
		if err := nsp.Emit("end"); err != nil {
			t.Fatal(err)
		}
		var got []int
		for i, c := range conns {
			for p := c.read(); p != `42["end"]`; p = c.read() {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("sent to %v, want %v", got, want)
		}
	}
	send(nsp.To(), 0, 1, 2, 3)
	send(nsp.To("a"), 0, 1)
	send(nsp.To("a", "b"), 0, 1, 2)
	send(nsp.To("a").To("b").Except("b"), 1)
	send(nsp.Except("a"), 2, 3)
	send(nsp.Except(s[3].ID()), 0, 1, 2)
	send(nsp.To(s[3].ID(), "b"), 0, 2, 3)
	send(nsp.To("nobody"))
	send(s[0].To("a"), 1)
	send(s[0].Broadcast(), 1, 2, 3)
	s[0].Leave("a", "never")
	send(nsp.To("a"), 1)
	if s[0].In("a") || !slices.Equal(s[0].Rooms(), []string{"b"}) {
		t.Errorf("%v", s[0].Rooms())
	}
	conns[1].Close()
	for nsp.Len() != 3 {
		time.Sleep(time.Millisecond)
	}
	s[1].Join("a")
	if len(nsp.To("a").Sockets()) != 0 {
		t.Error("a socket that is gone is in a room")
	}
}

func TestHooks_RawPathAndBatches(t *testing.T) {
	r := newRig(t, socketio.Config{})
	var packets, idles atomic.Int32
	nsp := r.srv.Of("/")
	nsp.Hook(socketio.Hooks{
		Packet: func(s *socketio.Socket, e *socketio.Event) bool {
			packets.Add(1)
			if string(e.Name) != "mine" {
				return false
			}
			s.EmitRaw(socketio.MustArrive, "raw", e.Args)
			return true
		},
		Idle: func(*socketio.Socket) { idles.Add(1) },
	})
	nsp.OnConnection(func(s *socketio.Socket) {
		s.On("mine", func(*socketio.Event) { t.Error("a listener was called though the hook took the event") })
		s.On("other", func(e *socketio.Event) { _ = s.Emit("heard", json.RawMessage(e.Args)) })
	})
	c, _ := r.connect("")
	for i := range 50 {
		c.send(fmt.Sprintf(`42["mine",%d]`, i))
	}
	for i := range 50 {
		c.want(fmt.Sprintf(`42["raw",%d]`, i))
	}
	c.send(`42["other",1]`)
	c.want(`42["heard",1]`)
	if packets.Load() != 51 || idles.Load() == 0 || idles.Load() > 60 {
		t.Errorf("%d packets, %d batches", packets.Load(), idles.Load())
	}
}

func TestHandlers_PanicsAreContained(t *testing.T) {
	r := newRig(t, socketio.Config{})
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.On("panic", func(*socketio.Event) { panic("on demand") })
		s.On("ok", func(e *socketio.Event) { _ = e.Ack() })
		s.OnDisconnect(func(socketio.Reason) { panic("on demand") })
	})
	r.srv.Of("/").OnConnection(func(*socketio.Socket) { panic("on demand") })
	c, _ := r.connect("")
	c.send(`42["panic"]`, `421["ok"]`)
	c.want(`431[]`)
}

func TestServer_CloseEndsEverything(t *testing.T) {
	r := newRig(t, socketio.Config{Recovery: socketio.Recovery{Window: time.Hour}})
	gone := make(chan socketio.Reason, 10)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { gone <- r }) })
	away, _ := r.connect("")
	away.closeWith(1006)
	here, _ := r.connect("")
	r.srv.Close()
	here.wantClosed()
	if len(gone) != 2 || <-gone != socketio.ReasonShutdown || <-gone != socketio.ReasonShutdown {
		t.Error("not all sockets were told")
	}
}

func TestConfig_Validate(t *testing.T) {
	for _, cfg := range []socketio.Config{
		{ConnectTimeout: -1}, {MaxAttachments: -1}, {MaxAttachmentBytes: -1},
		{Recovery: socketio.Recovery{Window: -1}}, {Recovery: socketio.Recovery{MaxBytes: -1}},
		{Engine: engine.Config{PingTimeout: -1}},
	} {
		if _, err := socketio.NewServer(cfg); !errors.Is(err, socketio.ErrConfig) && !errors.Is(err, engine.ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
