package socketio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// watched is a socket with everything that happens to it, in order.
type watched struct {
	*socketio.Socket
	log chan string
}

func watching(r *rig) chan watched {
	out := make(chan watched, 100)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		w := watched{s, make(chan string, 100)}
		s.OnAway(func(reason socketio.Reason, code int) { w.log <- fmt.Sprintf("away: %s %d", reason, code) })
		s.OnBack(func() { w.log <- "back" })
		s.OnDisconnect(func(reason socketio.Reason) { w.log <- "gone: " + string(reason) })
		out <- w
	})
	return out
}

func (w *watched) want(t *testing.T, entries ...string) {
	t.Helper()
	for _, want := range entries {
		if got := receive(t, w.log); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func recovering() socketio.Config {
	return socketio.Config{Recovery: socketio.Recovery{Window: time.Minute}}
}

func rejoin(s session, offset string) string {
	if offset == "" {
		return fmt.Sprintf(`{"pid":"%s"}`, s.PID)
	}
	return fmt.Sprintf(`{"pid":"%s","offset":"%s"}`, s.PID, offset)
}

func TestRecovery_MissedPacketsOnceAndInOrder(t *testing.T) {
	r := newRig(t, recovering())
	sockets := watching(r)
	c, id := r.connect("")
	if len(id.PID) != 24 { // 144 bits
		t.Errorf("pid %q", id.PID)
	}
	s := receive(t, sockets)
	s.Data = "kept"
	s.Join("room")
	_ = s.Emit("a", 1)
	_ = s.Emit("lost on the way")
	c.want(`42["a",1,"1"]`) // the second one it does not see
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	if s.Connected() || !s.Away() || s.Engine() != nil || s.Pending() != 0 {
		t.Error("not away")
	}
	_ = s.Emit("b", []byte{7})
	if err := s.EmitVolatile("dropped"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
	_ = r.srv.Of("/").To("room").Emit("to the room", 2)

	c, again := r.connect(rejoin(id, "1"))
	if again != id {
		t.Errorf("%+v, want %+v", again, id) // clients compare the pid
	}
	c.want(`42["lost on the way","2"]`, `451-["b",{"_placeholder":true,"num":0},"3"]`, "\x07", `42["to the room",2,"4"]`)
	s.want(t, "back")
	if !s.Recovered() || !s.Connected() || s.Data != "kept" || !s.In("room") || len(sockets) != 0 {
		t.Error("not the same socket")
	}
	_ = s.Emit("c")
	c.want(`42["c","5"]`)
	// Once more, having missed nothing.
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	c, _ = r.connect(rejoin(id, "5"))
	s.want(t, "back")
	_ = s.Emit("d")
	c.want(`42["d","6"]`)
}

func TestRecovery_DroppableCarriesTheOffsetOnlyBehindAString(t *testing.T) {
	r := newRig(t, recovering())
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	s.EmitRaw(socketio.Droppable, "typing", []byte(`"ann"`))
	s.EmitRaw(socketio.MustArrive, "sure", nil)
	s.EmitRaw(socketio.Droppable, "typing", []byte(`"ann" `))
	s.EmitRaw(socketio.Droppable, "object", []byte(`{"a":"b"}`))
	s.EmitRaw(socketio.Droppable, "bare", nil)
	s.Send(socketio.Droppable, socketio.NewMessage("shared", []byte(`["x"]`)))
	s.Send(socketio.Droppable, socketio.NewMessage("shared", []byte(`"x"`)))
	s.Send(socketio.MustArrive, socketio.NewMessage("shared", []byte(`"x"`)))
	s.Flush()
	c.want(`42["typing","ann","0"]`, `42["sure","1"]`, `42["typing","ann" ,"1"]`, `42["object",{"a":"b"}]`,
		`42["bare","1"]`, `42["shared",["x"]]`, `42["shared","x","1"]`, `42["shared","x","2"]`)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	c, _ = r.connect(rejoin(id, "1"))
	c.want(`42["shared","x","2"]`)
}

func TestRecovery_WithoutAnOffset(t *testing.T) {
	r := newRig(t, recovering())
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	_ = s.Emit("first")
	c, again := r.connect(rejoin(id, ""))
	if again != id {
		t.Error("not recovered")
	}
	c.want(`42["first","1"]`)
}

func TestC9_WhichEndsAreFinal(t *testing.T) {
	cfg := recovering()
	cfg.Recovery.CleanClose = func(s *socketio.Socket, code int) bool {
		return !strings.Contains(string(s.Handshake().Auth), "resume")
	}
	r := newRig(t, cfg)
	sockets := watching(r)
	for _, c := range []struct {
		name, auth string
		end        func(*conn, *socketio.Socket)
		want       string
	}{
		{"disconnect packet", `{"resume":1}`, func(c *conn, _ *socketio.Socket) { c.send("41") }, "gone: client namespace disconnect"},
		{"1000", ``, func(c *conn, _ *socketio.Socket) { c.closeWith(1000) }, "gone: transport close"},
		{"1001", ``, func(c *conn, _ *socketio.Socket) { c.closeWith(1001) }, "gone: transport close"},
		{"close packet", ``, func(c *conn, _ *socketio.Socket) { c.WriteMessage(1, []byte("1")) }, "away: transport close 1005"},
		{"parse error", `{"resume":1}`, func(c *conn, _ *socketio.Socket) { c.send("4abc") }, "gone: parse error"},
		{"server", `{"resume":1}`, func(_ *conn, s *socketio.Socket) { s.Disconnect(false) }, "gone: server namespace disconnect"},
		{"server, all", `{"resume":1}`, func(_ *conn, s *socketio.Socket) { s.Disconnect(true) }, "gone: server namespace disconnect"},
		{"1000, resume", `{"resume":1}`, func(c *conn, _ *socketio.Socket) { c.closeWith(1000) }, "away: transport close 1000"},
		{"1001, resume", `{"resume":1}`, func(c *conn, _ *socketio.Socket) { c.closeWith(1001) }, "away: transport close 1001"},
		{"1005", ``, func(c *conn, _ *socketio.Socket) { c.WriteControl(8, nil, time.Now().Add(time.Second)) }, "away: transport close 1005"},
		{"1006", ``, func(c *conn, _ *socketio.Socket) { c.closeWith(1006) }, "away: transport close 1006"},
		{"too large", ``, func(c *conn, _ *socketio.Socket) { c.send(strings.Repeat("4", 1_000_001)) }, "away: transport error 1009"},
		{"cut", ``, func(_ *conn, s *socketio.Socket) { s.Cut() }, "away: forced server close 1001"},
	} {
		conn, id := r.connect(c.auth)
		s := receive(t, sockets)
		c.end(conn, s.Socket)
		if got := receive(t, s.log); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		conn, again := r.connect(rejoin(id, ""))
		if recovered := again.SID == id.SID; recovered != strings.HasPrefix(c.want, "away") {
			t.Errorf("%s: recovered %v", c.name, recovered)
		} else if !recovered {
			receive(t, sockets)
		}
		conn.Close()
	}
}

func TestC9_PingTimeoutAndSlowReaderMayComeBack(t *testing.T) {
	cfg := recovering()
	cfg.Engine.MaxQueue, cfg.Engine.DropAbove = 100_000, 50_000
	r := newRig(t, cfg)
	sockets := watching(r)
	_, id := r.connect("")
	s := receive(t, sockets)
	s.Engine().SetHeartbeat(20*time.Millisecond, 30*time.Millisecond)
	s.want(t, "away: ping timeout 1001")
	r.connect(rejoin(id, ""))
	s.want(t, "back")
	big := []byte(`"` + strings.Repeat("x", 10_000) + `"`)
	for s.Connected() {
		s.EmitRaw(socketio.MustArrive, "big", big)
		s.Flush()
	}
	if got := receive(t, s.log); !strings.HasPrefix(got, "away: slow") {
		t.Error(got)
	}
}

func TestRecovery_WindowEnds(t *testing.T) {
	cfg := recovering()
	cfg.Recovery.Window = 2 * time.Second
	r := newRig(t, cfg)
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	for range 2 { // coming back stops the clock
		c.closeWith(1006)
		s.want(t, "away: transport close 1006")
		c, _ = r.connect(rejoin(id, ""))
		s.want(t, "back")
	}
	<-time.After(cfg.Recovery.Window + time.Second/2)
	if len(s.log) != 0 || !s.Connected() {
		t.Fatal("ended though it came back")
	}
	c.closeWith(1001)
	s.want(t, "away: transport close 1001", "gone: transport close")
	if err := s.Emit("x"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
	if _, again := r.connect(rejoin(id, "")); again.SID == id.SID || again.PID == id.PID {
		t.Error("recovered after the window")
	}
}

func TestRecovery_MissedTooMuch(t *testing.T) {
	cfg := recovering()
	cfg.Recovery.MaxPackets = 10
	r := newRig(t, cfg)
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	for range 11 {
		_ = s.Emit("x")
	}
	c, again := r.connect(rejoin(id, "0"))
	if again.SID == id.SID {
		t.Fatal("recovered with a gap")
	}
	fresh := receive(t, sockets)
	if fresh.Replaces() != s.Socket || fresh.Recovered() {
		t.Error("the old socket is not named")
	}
	s.want(t, "gone: replaced")
	_ = fresh.Emit("y")
	c.want(`42["y","1"]`)
	// Offsets that were never given out.
	for _, offset := range []string{"2", "zzz", "-1", "!", "18446744073709551616zz"} {
		c.closeWith(1006)
		fresh.want(t, "away: transport close 1006")
		c, again = r.connect(rejoin(again, offset))
		next := receive(t, sockets)
		if next.Replaces() != fresh.Socket {
			t.Errorf("offset %q was believed", offset)
		}
		fresh.want(t, "gone: replaced")
		fresh = next
		_ = fresh.Emit("y")
		c.want(`42["y","1"]`)
	}
}

func TestO4_BacklogIsBoundedInBytes(t *testing.T) {
	cfg := recovering()
	cfg.Recovery.MaxBytes = 10_000
	r := newRig(t, cfg)
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	arg := []byte(strings.Repeat("1", 1000))
	for range 50 {
		s.EmitRaw(socketio.MustArrive, "x", arg)
	}
	if n := s.Backlog(); n > 10_000 || n < 8_000 {
		t.Errorf("%d bytes are kept", n)
	}
	c, again := r.connect(rejoin(id, "19")) // 45
	if again != id {
		t.Fatal("not recovered")
	}
	for i := 46; i <= 50; i++ {
		if p := c.read(); !strings.HasSuffix(p, fmt.Sprintf(`,"1%c"]`, 'a'+i-46)) {
			t.Errorf("%d: %q", i, p)
		}
	}
}

func TestRecovery_HeartbeatConfirms(t *testing.T) {
	cfg := recovering()
	cfg.Engine = fast
	r := newRig(t, cfg)
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	for range 5 {
		_ = s.Emit("x")
	}
	if s.Backlog() == 0 {
		t.Fatal("nothing is kept")
	}
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if string(b) == "2" {
			break
		}
	}
	_ = s.Emit("after the ping")
	c.send("3")
	c.want(`42["after the ping","6"]`)
	want := len(`["after the ping"`) + 64
	for end := time.Now().Add(patience); s.Backlog() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are kept, want %d", s.Backlog(), want)
		}
	}
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")
	c, again := r.connect(rejoin(id, "5"))
	if again != id {
		t.Fatal("not recovered")
	}
	c.want(`42["after the ping","6"]`)
}

func TestRecovery_AcksDoNotOutliveTheTransport(t *testing.T) {
	r := newRig(t, recovering())
	tokens := make(chan socketio.AckToken, 1)
	errs := make(chan error, 1)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.On("slow", func(e *socketio.Event) { tokens <- e.Token() })
		s.Ask("q", nil, 0, func(_ *socketio.Event, err error) { errs <- err })
	})
	sockets := watching(r)
	c, id := r.connect("")
	s := receive(t, sockets)
	c.want(`420["q"]`)
	c.send(`427["slow"]`)
	token := receive(t, tokens)
	c.closeWith(1006)
	if err := receive(t, errs); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
	s.want(t, "away: transport close 1006")
	r.connect(rejoin(id, ""))
	s.want(t, "back")
	if token.Reply([]byte("1")) || !token.Wanted() || token.Socket() != s.Socket {
		t.Error("an answer was sent to a client that has forgotten the question")
	}
}

func TestRecovery_OverPolling(t *testing.T) {
	cfg := recovering()
	r := newRig(t, cfg)
	sockets := watching(r)
	p := r.poll()
	p.post("40")
	id := p.connected()
	s := receive(t, sockets)
	s.Cut()
	s.want(t, "away: forced server close 0")
	_ = s.Emit("missed", []byte{1})
	p = r.poll()
	p.post("40" + rejoin(id, ""))
	got := p.get()
	want := []string{fmt.Sprintf(`40{"sid":"%s","pid":"%s"}`, id.SID, id.PID), `451-["missed",{"_placeholder":true,"num":0},"1"]`, "bAQ=="}
	for len(got) < len(want) {
		got = append(got, p.get()...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	p.post("1")
	s.want(t, "back", "away: transport close 1005")
}
