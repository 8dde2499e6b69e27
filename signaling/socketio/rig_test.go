package socketio_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

// rig is a server and what tests need to talk to it in raw packets.
type rig struct {
	t   *testing.T
	srv *socketio.Server
	url string
}

func newRig(t *testing.T, cfg socketio.Config) *rig {
	t.Helper()
	srv, err := socketio.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
		web.Close()
		if n := srv.Of("/").Len(); n != 0 {
			t.Errorf("%d sockets are left after Close", n)
		}
	})
	return &rig{t, srv, web.URL}
}

// conn is a client that has done the Engine.IO handshake over WebSocket.
type conn struct {
	*websocket.Conn
	t *testing.T
}

func (r *rig) dial(query ...string) *conn {
	r.t.Helper()
	url := "ws" + strings.TrimPrefix(r.url, "http") + "/socket.io/?EIO=4&transport=websocket" + strings.Join(query, "")
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { ws.Close() })
	c := &conn{ws, r.t}
	if _, b, err := ws.ReadMessage(); err != nil || b[0] != '0' {
		r.t.Fatalf("handshake: %q %v", b, err)
	}
	return c
}

type session struct{ SID, PID string }

// connect is dial and CONNECT to "/" with an auth payload.
func (r *rig) connect(auth string) (*conn, session) {
	r.t.Helper()
	c := r.dial()
	c.send("40" + auth)
	return c, c.connected()
}

func (c *conn) connected() (s session) {
	c.t.Helper()
	p := c.read()
	if !strings.HasPrefix(p, "40{") {
		c.t.Fatalf("CONNECT answered with %q", p)
	}
	if err := json.Unmarshal([]byte(p[2:]), &s); err != nil || s.SID == "" {
		c.t.Fatalf("CONNECT answered with %q", p)
	}
	return s
}

func (c *conn) send(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *conn) sendBinary(b ...byte) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.BinaryMessage, b); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message that is not a ping.
func (c *conn) read() string {
	c.t.Helper()
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, b, err := c.ReadMessage()
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
		if string(b) != "2" {
			return string(b)
		}
	}
}

func (c *conn) want(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if got := c.read(); got != p {
			c.t.Fatalf("got %q, want %q", got, p)
		}
	}
}

func (c *conn) wantClosed(codes ...int) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := c.ReadMessage()
		if err == nil {
			continue
		}
		if len(codes) > 0 && !websocket.IsCloseError(err, codes...) {
			c.t.Fatalf("closed with %v, want %v", err, codes)
		}
		return
	}
}

// closeWith says goodbye with a code; 1006 vanishes.
func (c *conn) closeWith(code int) {
	if code != 1006 {
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		c.wantClosed()
	}
	c.Close()
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// echoing answers like the conformance server.
func echoing(r *rig) chan *socketio.Socket {
	sockets := make(chan *socketio.Socket, 1000)
	r.srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.On("message", func(e *socketio.Event) {
			s.EmitBinary(socketio.MustArrive, "message-back", e.Args, e.Attachments)
		})
		s.On("with-ack", func(e *socketio.Event) { e.AckBinary(e.Args, e.Attachments) })
		sockets <- s
	})
	return sockets
}

var fast = engine.Config{PingInterval: 60 * time.Millisecond, PingTimeout: 2 * time.Second}
