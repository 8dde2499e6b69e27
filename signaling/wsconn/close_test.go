package wsconn

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestBrokenFrames: what breaks RFC 6455 ends with the right code, the peer gets
// the close frame although it is still sending, and OnClose comes once.
func TestBrokenFrames(t *testing.T) {
	big := strings.Repeat("x", 3000)
	unmasked := []byte{0x81, 2, 'h', 'i'}
	zip := func(s string) string {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 9)
		_, _ = w.Write([]byte(s))
		_ = w.Flush()
		return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
	}
	for name, c := range map[string]struct {
		send []byte
		code int
		err  error
		zip  bool
	}{
		"not masked":                  {send: unmasked, code: 1002, err: ErrProtocol},
		"RSV1 without extension":      {send: masked(0xc1, "x"), code: 1002, err: ErrProtocol},
		"unknown opcode":              {send: masked(0x83, "x"), code: 1002, err: ErrProtocol},
		"continuation of nothing":     {send: masked(0x80, "x"), code: 1002, err: ErrProtocol},
		"message inside a message":    {send: append(masked(0x01, "a"), masked(0x81, "b")...), code: 1002, err: ErrProtocol},
		"ping in fragments":           {send: masked(0x09, "a"), code: 1002, err: ErrProtocol},
		"long ping":                   {send: masked(0x89, big), code: 1002, err: ErrProtocol},
		"close code 1005":             {send: masked(0x88, "\x03\xed"), code: 1002, err: ErrProtocol},
		"close reason not UTF-8":      {send: masked(0x88, "\x03\xe8\xff"), code: 1002, err: ErrProtocol},
		"text not UTF-8":              {send: masked(0x81, "a\xffb"), code: 1007, err: ErrUTF8},
		"fragmented text not UTF-8":   {send: append(masked(0x01, "\xc3"), masked(0x80, "x")...), code: 1007, err: ErrUTF8},
		"too big":                     {send: masked(0x82, big), code: 1009, err: ErrTooBig},
		"too big in fragments":        {send: append(masked(0x02, big[:1500]), masked(0x80, big[:1500])...), code: 1009, err: ErrTooBig},
		"length of 2^63":              {send: []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, code: 1009, err: ErrTooBig},
		"decompresses to too much":    {send: masked(0xc2, zip(strings.Repeat("x", 100_000))), code: 1009, err: ErrTooBig, zip: true},
		"compressed garbage":          {send: masked(0xc2, "\xff\xff\xff\xff"), code: 1007, err: ErrUTF8, zip: true},
		"RSV1 on a continuation only": {send: append(masked(0x02, "a"), masked(0xe0, "b")...), code: 1002, err: ErrProtocol, zip: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{MaxMessage: 2048, Compression: c.zip}, nil)
			// The peer goes on sending: only a lingering close lets it see the frame.
			send := append(append([]byte(nil), c.send...), bytes.Repeat(masked(0x82, "more"), 500)...)
			nc, r, br := dialFor(s, c.zip)
			if _, err := nc.Write(send); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			frame, err := io.ReadAll(br)
			if err != nil || len(frame) < 4 || frame[0] != finClose || int(frame[1]) != len(frame)-2 || int(frame[2])<<8|int(frame[3]) != c.code {
				t.Fatalf("got %q, %v, want close %d", frame, err, c.code)
			}
			_ = nc.Close()
			wantCause(t, await(t, r.closed), c.code, true, c.err)
			if got := r.seen(); len(got) != 0 {
				t.Errorf("delivered %q", got)
			}
			eventually(t, "gone", func() bool { return s.Len() == 0 })
			if len(r.closed) != 0 {
				t.Error("OnClose twice")
			}
		})
	}
}

func dialFor(s *site, zip bool) (net.Conn, *recorder, io.Reader) {
	if !zip {
		nc, br, r := s.dialRaw()
		return nc, r, br
	}
	ws, r := s.dial(&websocket.Dialer{EnableCompression: true})
	return ws.NetConn(), r, ws.NetConn()
}

func TestClose_ByPeer(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		code    int
		echo    string
	}{
		"1000":      {"\x03\xe8bye", 1000, "\x88\x02\x03\xe8"},
		"1001":      {"\x03\xe9", 1001, "\x88\x02\x03\xe9"},
		"4999":      {"\x13\x87", 4999, "\x88\x02\x13\x87"},
		"no status": {"", 1005, "\x88\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{}, func(r *recorder) { r.onMessage = echo })
			nc, br, r := s.dialRaw()
			_, _ = nc.Write(append(masked(0x81, "last"), masked(0x88, c.payload)...))
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(br)
			if want := "\x81\x04last" + c.echo; err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q and the end", got, err, want)
			}
			cause := await(t, r.closed)
			wantCause(t, cause, c.code, false, nil)
			if want := c.payload[min(2, len(c.payload)):]; cause.Reason != want {
				t.Errorf("reason %q", cause.Reason)
			}
			if c := r.Queue(MustArrive, false, []byte("late")); c {
				t.Error("queued after the end")
			}
		})
	}
}

func TestClose_PeerVanishes(t *testing.T) {
	for _, how := range []string{"FIN", "RST", "FIN in a frame", "FIN in a message"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, Config{}, nil)
			nc, _, r := s.dialRaw()
			switch how {
			case "RST":
				_ = nc.(*net.TCPConn).SetLinger(0)
			case "FIN in a frame":
				_, _ = nc.Write(masked(0x81, "hello")[:7])
			case "FIN in a message":
				_, _ = nc.Write(masked(0x01, "hello"))
			}
			_ = nc.Close()
			want := io.EOF
			if how == "RST" {
				want = syscall.ECONNRESET
			}
			wantCause(t, await(t, r.closed), 1006, false, want)
		})
	}
}

// TestClose_ByPeerWhileWeWrite: a close frame that is followed by a reset is
// still read: C9 asks whether a client left on purpose.
func TestClose_ByPeerWhileWeWrite(t *testing.T) {
	for range 20 {
		hold := make(chan struct{})
		s := newSite(t, Config{}, func(r *recorder) {
			r.onMessage = func(*Conn, bool, []byte) { <-hold }
		})
		nc, _, r := s.dialRaw()
		_, _ = nc.Write(append(masked(0x81, "x"), masked(0x88, "\x03\xe9")...))
		_ = nc.Close()
		for range 50 { // the first write provokes a reset, later ones fail
			r.Queue(MustArrive, false, []byte("are you there?"))
			r.Flush()
		}
		close(hold)
		if cause := await(t, r.closed); cause.Code != 1001 || cause.Local {
			t.Fatalf("cause %+v", cause)
		}
	}
}

func TestClose_ByServer(t *testing.T) {
	s := newSite(t, Config{}, nil)
	ws, r := s.dial(nil)
	r.Queue(MustArrive, false, []byte("before"))
	r.Close(4003, "enough")
	r.Close(4004, "again")
	if r.Queue(MustArrive, false, []byte("after")) {
		t.Error("queued after Close")
	}
	if _, b, err := ws.ReadMessage(); err != nil || string(b) != "before" {
		t.Fatalf("%q, %v", b, err)
	}
	wantClose(t, ws, 4003, "enough") // and gorilla echoes it
	cause := await(t, r.closed)
	wantCause(t, cause, 4003, true, nil)
	if cause.Reason != "enough" {
		t.Errorf("reason %q", cause.Reason)
	}
}

// TestClose_NoAnswer: a peer that never answers is cut after CloseTimeout, and
// what it sends meanwhile is not delivered. It may be parked or not started.
func TestClose_NoAnswer(t *testing.T) {
	for _, how := range []string{"waiting", "parked", "sending"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, Config{CloseTimeout: 100 * time.Millisecond, ParkAfter: 10 * time.Millisecond}, nil)
			nc, br, r := s.dialRaw()
			if how == "parked" {
				eventually(t, "parked", func() bool { return r.state.Load() == parked })
			}
			start := time.Now()
			r.Close(1001, strings.Repeat("ä", 100))
			if how == "sending" {
				_, _ = nc.Write(masked(0x81, "too late"))
			}
			wantCause(t, await(t, r.closed), 1001, true, nil)
			if d := time.Since(start); d < 100*time.Millisecond || d > 5*time.Second {
				t.Errorf("after %v", d)
			}
			frame, _ := io.ReadAll(br)
			if want := "\x88\x7c\x03\xe9" + strings.Repeat("ä", 61); string(frame) != want {
				t.Errorf("frame %q", frame)
			}
			if got := r.seen(); len(got) != 0 {
				t.Errorf("delivered %q", got)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	boom := errors.New("boom")
	for _, how := range []string{"waiting", "parked", "from OnMessage", "from OnIdle", "twice"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, func(r *recorder) {
				switch how {
				case "from OnMessage":
					r.onMessage = func(c *Conn, _ bool, _ []byte) { c.Abort(boom) }
				case "from OnIdle":
					r.onIdle = func(c *Conn) { c.Abort(boom) }
				}
			})
			nc, br, r := s.dialRaw()
			switch how {
			case "parked":
				eventually(t, "parked", func() bool { return r.state.Load() == parked })
				r.Abort(boom)
			case "from OnMessage", "from OnIdle":
				_, _ = nc.Write(append(masked(0x81, "one"), masked(0x81, "two")...))
			default:
				r.Abort(boom)
				r.Abort(errors.New("second"))
			}
			wantCause(t, await(t, r.closed), 1006, true, boom)
			if b, _ := io.ReadAll(br); len(b) != 0 {
				t.Errorf("the peer got %q", b)
			}
			if how == "from OnMessage" && len(r.seen()) != 1 {
				t.Errorf("delivered %q after Abort", r.seen())
			}
		})
	}
}

func TestBeforeStart(t *testing.T) {
	boom := errors.New("boom")
	for _, how := range []string{"abort", "close", "queue", "server close"} {
		t.Run(how, func(t *testing.T) {
			var s *site
			s = newSite(t, Config{CloseTimeout: 50 * time.Millisecond}, func(r *recorder) {
				switch how {
				case "abort":
					r.Abort(boom)
				case "close":
					r.Close(4000, "")
				case "server close":
					s.Close()
				}
				r.Queue(MustArrive, false, []byte("first"))
			})
			if how == "queue" {
				ws, _ := s.dial(nil)
				if _, b, err := ws.ReadMessage(); err != nil || string(b) != "first" {
					t.Errorf("%q, %v", b, err)
				}
				return
			}
			nc, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_, _ = io.WriteString(nc, handshake)
			r := await(t, s.conns)
			switch how {
			case "abort":
				wantCause(t, await(t, r.closed), 1006, true, boom)
			case "close":
				wantCause(t, await(t, r.closed), 4000, true, nil)
			case "server close":
				wantCause(t, await(t, r.closed), 1006, true, ErrServerClosed)
			}
			eventually(t, "gone", func() bool { return s.Len() == 0 })
		})
	}
}

func TestServerClose(t *testing.T) {
	s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, nil)
	var rs []*recorder
	for range 20 {
		_, r := s.dial(nil)
		rs = append(rs, r)
	}
	eventually(t, "parked", func() bool { return rs[0].state.Load() == parked })
	_, r := s.dial(nil) // not parked
	rs = append(rs, r)
	s.Close()
	for _, r := range rs {
		if len(r.closed) != 1 {
			t.Fatal("Close returned before OnClose")
		}
		wantCause(t, <-r.closed, 1006, true, ErrServerClosed)
	}
	res, err := http.Get(s.http.URL)
	if err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %v, %v", res, err)
	}
	_ = res.Body.Close()
}

func TestPanic_EndsOneConnection(t *testing.T) {
	for _, where := range []string{"OnMessage", "OnIdle"} {
		t.Run(where, func(t *testing.T) {
			s := newSite(t, Config{}, func(r *recorder) {
				f := func(c *Conn) { panic("oops") }
				if where == "OnIdle" {
					r.onIdle = f
				} else {
					r.onMessage = func(c *Conn, _ bool, _ []byte) { f(c) }
				}
			})
			ws, r := s.dial(nil)
			_ = ws.WriteMessage(websocket.TextMessage, []byte("x"))
			wantClose(t, ws, 1011, "")
			wantCause(t, await(t, r.closed), 1011, true, ErrPanic)
		})
	}
}

func TestTLS(t *testing.T) {
	s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, func(r *recorder) { r.onMessage = echo })
	srv := httptest.NewTLSServer(http.HandlerFunc(s.serve))
	defer srv.Close()
	d := &websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	dial := func() (*websocket.Conn, *recorder) {
		ws, _, err := d.Dial("wss"+strings.TrimPrefix(srv.URL, "https"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return ws, await(t, s.conns)
	}
	ws, r := dial()
	for _, n := range []int{1, 100_000} {
		want := strings.Repeat("x", n)
		_ = ws.WriteMessage(websocket.TextMessage, []byte(want))
		if _, b, err := ws.ReadMessage(); err != nil || string(b) != want {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
	}
	r.Close(4001, "tls")
	wantClose(t, ws, 4001, "tls")
	wantCause(t, await(t, r.closed), 4001, true, nil)
	_ = ws.Close()
	ws, r = dial()
	r.Abort(io.ErrClosedPipe)
	wantCause(t, await(t, r.closed), 1006, true, io.ErrClosedPipe)
	_ = ws.Close()
}
