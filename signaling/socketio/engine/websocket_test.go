package engine_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestWebSocket_Messages(t *testing.T) {
	r := newRig(t, engine.Config{})
	c, _ := r.connect()
	c.send("4hello")
	c.want("4hello")
	if err := c.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	kind, b, err := c.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage || string(b) != "\x01\x02\x03\x04" {
		t.Errorf("%d %q %v", kind, b, err)
	}
	c.send("6") // nothing to say
	c.send("0")
	c.send("5")
	c.send("4still here")
	c.want("4still here")
}

func TestWebSocket_BadPacketsCloseIt(t *testing.T) {
	for text, reason := range map[string]engine.Reason{
		"abc": engine.ReasonParseError, "": engine.ReasonParseError, "7": engine.ReasonParseError,
		"2": engine.ReasonTransportError,
	} {
		r := newRig(t, engine.Config{})
		c, _ := r.connect()
		c.send(text)
		c.wantClosed(engine.CodeParseError)
		r.wantClose(reason)
	}
}

func TestWebSocket_TooLargeAndNotUTF8(t *testing.T) {
	r := newRig(t, engine.Config{MaxPayload: 100})
	c, _ := r.connect()
	c.send("4" + strings.Repeat("x", 99))
	c.want("4" + strings.Repeat("x", 99))
	c.send("4" + strings.Repeat("x", 100))
	c.wantClosed(websocket.CloseMessageTooBig)
	r.wantClose(engine.ReasonTransportError)
	c, _ = r.connect()
	c.send("4\xff")
	c.wantClosed(websocket.CloseInvalidFramePayloadData)
	r.wantClose(engine.ReasonTransportError)
}

func TestC9_CloseCodesReachTheHandler(t *testing.T) {
	r := newRig(t, engine.Config{})
	for _, code := range []int{1000, 1001, 1005, 4000} {
		c, _ := r.connect()
		msg := websocket.FormatCloseMessage(code, "")
		if code == 1005 {
			msg = nil
		}
		_ = c.WriteControl(websocket.CloseMessage, msg, time.Now().Add(time.Second))
		if got := r.wantClose(engine.ReasonTransportClose); got.Code != code {
			t.Errorf("code %d, want %d", got.Code, code)
		}
	}
	c, _ := r.connect()
	_ = c.NetConn().(*net.TCPConn).SetLinger(0)
	_ = c.NetConn().Close()
	if got := r.wantClose(engine.ReasonTransportClose); got.Code != 1006 {
		t.Errorf("vanished: code %d", got.Code)
	}
	c, _ = r.connect()
	c.send("1")
	c.wantClosed(1000)
	if got := r.wantClose(engine.ReasonTransportClose); got.Code != 1005 {
		t.Errorf("close packet: code %d", got.Code)
	}
}

func TestWebSocket_ServerEndsIt(t *testing.T) {
	r := newRig(t, engine.Config{})
	c, _ := r.connect()
	s := <-r.opened
	s.Queue(engine.MustArrive, false, []byte("last"))
	s.Close()
	c.want("4last")
	c.wantClosed(1000)
	r.wantClose(engine.ReasonForced)
	if s.Queue(engine.MustArrive, false, []byte("late")) || !s.Closed() {
		t.Error("queued after Close")
	}
	c, _ = r.connect()
	(<-r.opened).Abort()
	c.wantClosed(1001)
	r.wantClose(engine.ReasonForced)
}

func TestO4_WebSocketClientThatNeverReads(t *testing.T) {
	r := newRig(t, engine.Config{MaxQueue: 100_000, DropAbove: 50_000})
	r.connect()
	s := <-r.opened
	chunk := make([]byte, 10_000)
	for end := time.Now().Add(patience); s.Queue(engine.MustArrive, true, chunk); {
		s.Flush()
		if s.Pending() > 120_000 || time.Now().After(end) {
			t.Fatalf("%d bytes wait", s.Pending())
		}
	}
	r.wantClose(engine.ReasonSlow)
}

// scribe sends in accept, and panics on demand.
type scribe struct{ echo }

func (h *scribe) OnMessage(s *engine.Socket, binary bool, data []byte) {
	if string(data) == "panic" {
		panic("on demand")
	}
	h.echo.OnMessage(s, binary, data)
}

func TestHandler_PanicEndsOnlyItsSession(t *testing.T) {
	r := &rig{t: t, closed: make(chan engine.Close, 10)}
	r.start(engine.Config{}, func(s *engine.Socket, _ *engine.Handshake) engine.Handler {
		s.Queue(engine.MustArrive, false, []byte("early"))
		return &scribe{echo{r}}
	})
	bad, _ := r.connect()
	good, _ := r.connect()
	bad.want("4early") // after the handshake
	good.want("4early")
	q := r.poller()
	r.wantPoll(q, "4early")
	bad.send("4panic")
	bad.wantClosed(1011)
	r.wantClose(engine.ReasonForced)
	r.wantPost(q, "4panic")
	r.wantClose(engine.ReasonForced)
	good.send("4fine")
	good.want("4fine")
}

func TestQueue_FramesAndAttachments(t *testing.T) {
	r := newRig(t, engine.Config{})
	c, _ := r.connect()
	s := <-r.opened
	q := r.poller()
	p := <-r.opened
	text, bin := engine.NewFrame(false, []byte("a"), []byte("b")), engine.NewFrame(true, []byte{7})
	for _, s := range []*engine.Socket{s, p} {
		s.QueueFrame(engine.MustArrive, text)
		s.QueueFrame(engine.Droppable, bin)
		s.QueueBinary(engine.MustArrive, [][]byte{{1}, {2}}, []byte("x"), []byte("y"))
		many := make([][]byte, 30)
		for i := range many {
			many[i] = []byte{'0' + byte(i%10)}
		}
		s.Queue(engine.MustArrive, false, many...)
		s.Flush()
	}
	for _, want := range []string{"4ab", "\x07", "4xy", "\x01", "\x02", "4012345678901234567890123456789"} {
		c.want(want)
	}
	r.wantPoll(q, "4ab\x1ebBw==\x1e4xy\x1ebAQ==\x1ebAg==\x1e4012345678901234567890123456789")
}
