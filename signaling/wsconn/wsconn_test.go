package wsconn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// site is a Server behind HTTP; every connection gets a recorder as its handler
// and goes to the conns channel.
type site struct {
	*Server
	t     *testing.T
	http  *httptest.Server
	conns chan *recorder
	hook  func(*recorder) // before Start
}

// recorder is a handler that remembers what it was told.
type recorder struct {
	*Conn
	onMessage func(c *Conn, binary bool, data []byte)
	onIdle    func(c *Conn)

	mu       sync.Mutex
	messages []string
	events   []string
	closed   chan Cause
}

func (r *recorder) OnMessage(c *Conn, binary bool, data []byte) {
	r.mu.Lock()
	r.messages = append(r.messages, string(data))
	r.events = append(r.events, "message")
	r.mu.Unlock()
	if r.onMessage != nil {
		r.onMessage(c, binary, data)
	}
}

func (r *recorder) OnIdle(c *Conn) {
	r.mu.Lock()
	r.events = append(r.events, "idle")
	r.mu.Unlock()
	if r.onIdle != nil {
		r.onIdle(c)
	}
}

func (r *recorder) OnClose(_ *Conn, cause Cause) {
	r.mu.Lock()
	r.events = append(r.events, "close")
	r.mu.Unlock()
	r.closed <- cause
}

func echo(c *Conn, binary bool, data []byte) { c.Queue(MustArrive, binary, data) }

func newSite(t *testing.T, cfg Config, hook func(*recorder)) *site {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	srv, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Server: srv, t: t, conns: make(chan *recorder, 1024), hook: hook}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.http.Close(); s.Close() })
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	c, err := s.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	rec := &recorder{Conn: c, closed: make(chan Cause, 2)}
	if s.hook != nil {
		s.hook(rec)
	}
	c.Start(rec)
	s.conns <- rec
}

func (s *site) dial(d *websocket.Dialer) (*websocket.Conn, *recorder) {
	s.t.Helper()
	if d == nil {
		d = &websocket.Dialer{}
	}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(s.http.URL, "http"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = ws.Close() })
	return ws, await(s.t, s.conns)
}

// dialRaw makes the handshake by hand, for clients that break rules.
func (s *site) dialRaw() (net.Conn, *bufio.Reader, *recorder) {
	s.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	_, _ = io.WriteString(nc, handshake)
	br := bufio.NewReader(nc)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("handshake: %v, %v", res, err)
	}
	return nc, br, await(s.t, s.conns)
}

const handshake = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func await[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// masked is a client frame.
func masked(first byte, payload string) []byte {
	key := [4]byte{1, 2, 3, 4}
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i&3])
	}
	return b
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func wantCause(t *testing.T, got Cause, code int, local bool, err error) {
	t.Helper()
	if got.Code != code || got.Local != local || !errors.Is(got.Err, err) {
		t.Fatalf("cause %+v, want code %d, local %v, error %v", got, code, local, err)
	}
}

// wantClose reads until the server's close frame.
func wantClose(t *testing.T, ws *websocket.Conn, code int, reason string) {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := ws.ReadMessage()
		var ce *websocket.CloseError
		if errors.As(err, &ce) {
			if ce.Code != code || ce.Text != reason {
				t.Fatalf("close %d %q, want %d %q", ce.Code, ce.Text, code, reason)
			}
			return
		}
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
	}
}

func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestEcho(t *testing.T) {
	for _, park := range []time.Duration{-1, 20 * time.Millisecond} {
		for _, compressed := range []bool{false, true} {
			t.Run(fmt.Sprint(park, compressed), func(t *testing.T) {
				s := newSite(t, Config{ParkAfter: park, Compression: compressed}, func(r *recorder) { r.onMessage = echo })
				ws, r := s.dial(&websocket.Dialer{EnableCompression: compressed})
				if r.deflate != compressed {
					t.Fatalf("deflate %v", r.deflate)
				}
				for _, n := range []int{0, 1, 79, 125, 126, 1000, 4096, 65535, 65536, 1 << 20} {
					for kind, unit := range map[int]string{websocket.TextMessage: "é", websocket.BinaryMessage: "\xff\x00"} {
						want := strings.Repeat(unit, n/2)
						if err := ws.WriteMessage(kind, []byte(want)); err != nil {
							t.Fatal(err)
						}
						k, got, err := ws.ReadMessage()
						if err != nil || k != kind || string(got) != want {
							t.Fatalf("%d bytes: kind %d, %d bytes, %v", n, k, len(got), err)
						}
					}
				}
				if err := ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1001, "away"), time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				wantClose(t, ws, 1001, "")
				cause := await(t, r.closed)
				wantCause(t, cause, 1001, false, nil)
				if cause.Reason != "away" {
					t.Errorf("reason %q", cause.Reason)
				}
			})
		}
	}
}
