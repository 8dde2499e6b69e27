package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestConnect_RecoveryOffHasNoPidAndNoOffset(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := echoing(r)
	c := r.dial()
	c.send("40")
	s := receive(t, sockets)
	c.want(fmt.Sprintf(`40{"sid":"%s"}`, s.ID()))
	c.send(`42["message","a"]`)
	c.want(`42["message-back","a"]`)
}

func TestConnect_Auth(t *testing.T) {
	r := newRig(t, socketio.Config{})
	sockets := echoing(r)
	c := r.dial("&userId=7")
	c.send(`40{"token":"x"}`)
	s := receive(t, sockets)
	h := s.Handshake()
	if string(h.Auth) != `{"token":"x"}` || h.Query.Get("userId") != "7" || h.RemoteAddr == "" {
		t.Errorf("%s %v", h.Auth, h.Query)
	}
	s.ReleaseHandshake()
	if s.Handshake() != nil || s.Engine().Handshake() != nil {
		t.Error("not released")
	}
	r.connect("")
	if h := receive(t, sockets).Handshake(); string(h.Auth) != "{}" {
		t.Errorf("%s", h.Auth)
	}
}

func TestConnect_Refused(t *testing.T) {
	r := newRig(t, socketio.Config{})
	r.srv.Of("/locked").Use(func(*socketio.Socket) error {
		return &socketio.ConnectError{Message: "not allowed", Data: map[string]int{"code": 401}}
	})
	r.srv.Of("plain").Use(func(s *socketio.Socket) error { return errors.New("no <b>") })
	r.srv.Of("/panics").Use(func(*socketio.Socket) error { panic("on demand") })
	r.srv.Of("/unencodable").Use(func(*socketio.Socket) error {
		return &socketio.ConnectError{Message: "no", Data: func() {}}
	})
	c := r.dial()
	c.send("40/locked,", "40/plain", "40/nowhere,{}", "40/panics", "40/unencodable", "40/locked,")
	c.want(`44/locked,{"message":"not allowed","data":{"code":401}}`, `44/plain,{"message":"no <b>"}`,
		`44/nowhere,{"message":"Invalid namespace"}`, `44/panics,{"message":"internal error"}`,
		`44/unencodable,{"message":"no"}`, `44/locked,{"message":"not allowed","data":{"code":401}}`)
	if n := r.srv.Of("/locked").Len(); n != 0 {
		t.Errorf("%d sockets", n)
	}
	c.send("40")
	c.connected()
}

func TestConnect_Timeout(t *testing.T) {
	const timeout = time.Second
	r := newRig(t, socketio.Config{ConnectTimeout: timeout})
	start := time.Now()
	c := r.dial()
	stays, _ := r.connect("")
	c.wantClosed(1000)
	if d := time.Since(start); d < timeout {
		t.Errorf("after %v", d)
	}
	echoing(r)
	_ = stays.SetReadDeadline(time.Now().Add(timeout + timeout/2))
	if _, _, err := stays.ReadMessage(); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a connected client: %v", err)
	} else if ne, ok := err.(interface{ Timeout() bool }); !ok || !ne.Timeout() {
		t.Errorf("a connected client was closed: %v", err)
	}
}

func TestPackets_OutOfOrderCloseTheTransport(t *testing.T) {
	r := newRig(t, socketio.Config{})
	gone := make(chan socketio.Reason, 10)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { gone <- r }) })
	for _, first := range []string{`42["a"]`, `41`, `431[]`, `44{}`, `42/x,["a"]`, `451-["a"]`} {
		c := r.dial()
		c.send(first)
		c.wantClosed(engine.CodeForbidden)
	}
	for _, later := range []string{`40`, `40{}`, `44{}`, `42/x,["a"]`} {
		c, _ := r.connect("")
		c.send(later)
		c.wantClosed(engine.CodeForbidden)
		if reason := receive(t, gone); reason != socketio.ReasonServerClose {
			t.Errorf("%s: %s", later, reason)
		}
	}
}

func TestPackets_BrokenOnesCloseTheTransport(t *testing.T) {
	r := newRig(t, socketio.Config{MaxAttachmentBytes: 5})
	gone := make(chan socketio.Reason, 10)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { gone <- r }) })
	for _, packets := range [][]string{
		{`4abc`}, {`42{}`}, {`42abc["a"]`}, {`42["connect"]`}, {`4`}, {"\x01"}, {`451-["a"]`, `42["b"]`},
		{`4511-["a"]`}, {`451-["a",{"_placeholder":true,"num":1}]`, "\x01"}, {`452-["a"]`, "\x01aa", "\x01aa"},
	} {
		c, _ := r.connect("")
		for _, p := range packets {
			if p[0] == 1 {
				c.sendBinary([]byte(p)...)
			} else {
				c.send(p)
			}
		}
		c.wantClosed(engine.CodeParseError)
		if reason := receive(t, gone); reason != socketio.ReasonParseError {
			t.Errorf("%q: %s", packets, reason)
		}
	}
}

func TestPackets_HarmlessOnesAreIgnored(t *testing.T) {
	r := newRig(t, socketio.Config{})
	echoing(r)
	c, _ := r.connect("")
	c.send(`42`, `42["nobody listens",1]`, `4399[]`, `43[]`, `437`, `42[7,"number as a name"]`, `450-["nobody"]`)
	c.send(`42["message"]`)
	c.want(`42["message-back"]`)
}
