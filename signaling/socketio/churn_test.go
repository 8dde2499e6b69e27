package socketio_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// visitor is a client that comes and goes in one of many ways. It uses a Unix
// socket: thousands of TCP connections would use up the ports.
type visitor struct {
	dialer *websocket.Dialer
	client *http.Client
}

const visit = "/socket.io/?EIO=4&transport="

func (v *visitor) ws(query string) (*websocket.Conn, error) {
	c, _, err := v.dialer.Dial("ws://x"+visit+"websocket"+query, nil)
	return c, err
}

func (v *visitor) do(method, query, body string) (string, error) {
	req, err := http.NewRequest(method, "http://x"+visit+"polling"+query, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	res, err := v.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK && !strings.Contains(body, "garbage") {
		err = fmt.Errorf("%s %q: %d %s", method, body, res.StatusCode, b)
	}
	return string(b), err
}

// poller opens a session that polls.
func (v *visitor) poller() (query string, err error) {
	body, err := v.do("GET", "", "")
	if err != nil {
		return "", err
	}
	if len(body) < 29 {
		return "", fmt.Errorf("handshake: %q", body)
	}
	return "&sid=" + body[9:29], nil
}

func until(c *websocket.Conn, prefix string) error {
	for {
		_, b, err := c.ReadMessage()
		if err != nil || strings.HasPrefix(string(b), prefix) {
			return err
		}
	}
}

// overWebSocket connects and ends as how says.
func (v *visitor) overWebSocket(how int) error {
	c, err := v.ws("")
	if err != nil {
		return err
	}
	defer c.Close()
	if how == 0 {
		return until(c, "0") // never connects to a namespace
	}
	_ = c.WriteMessage(1, []byte("40"))
	if err := until(c, "40"); err != nil {
		return err
	}
	_ = c.WriteMessage(1, []byte(`421["echo",{"a":1}]`))
	if err := until(c, "431"); err != nil {
		return err
	}
	packet := []string{"41", `42["cut"]`, `42["end"]`, "4abc", "1", `451-["half"]`, `42["ask"]`}
	switch {
	case how <= len(packet):
		_ = c.WriteMessage(1, []byte(packet[how-1]))
		if how >= 2 && how <= 5 {
			_ = until(c, "never")
		}
	case how == 8:
		_ = c.WriteControl(8, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		_ = until(c, "never")
	}
	return nil
}

// overPolling connects and ends as how says, sometimes in the middle of an
// upgrade.
func (v *visitor) overPolling(how int) error {
	q, err := v.poller()
	if err != nil {
		return err
	}
	if _, err := v.do("POST", q, `40`+"\x1e"+`421["echo",1]`); err != nil {
		return err
	}
	if how >= 4 {
		c, err := v.ws(q)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.WriteMessage(1, []byte("2probe"))
		if err := until(c, "3probe"); err != nil {
			return err
		}
		if how == 4 { // the WebSocket goes, polling stays and ends below
			c.Close()
		}
		if how >= 5 {
			_ = c.WriteMessage(1, []byte("5"))
			if err := until(c, "431"); err != nil {
				return err
			}
			if how == 6 {
				_ = c.WriteMessage(1, []byte("41"))
			}
			return nil
		}
	}
	for got := ""; how != 3 && !strings.Contains(got, "431"); {
		if got, err = v.do("GET", q, ""); err != nil {
			return err
		}
	}
	switch how {
	case 0, 4:
		// A goodbye goes out while a poll waits.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://x"+visit+"polling"+q, nil)
			if res, err := v.client.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}()
		_, err = v.do("POST", q, "41\x1e1")
		<-done
	case 1:
		_, err = v.do("POST", q, `42["cut"]`)
	case 2:
		_, err = v.do("POST", q, "garbage")
	case 3:
		_, err = v.do("POST", q, `42["end"]`)
		if err == nil {
			_, err = v.do("GET", q, "")
		}
	}
	return err
}

// TestNothingIsLeft lets thousands of clients come and go, over both transports, each
// ended by either side or in the middle of something, and compares.
func TestNothingIsLeft(t *testing.T) {
	srv, err := socketio.NewServer(socketio.Config{
		Engine:   engine.Config{MaxHandshakes: -1},
		Recovery: socketio.Recovery{Window: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.Of("/").OnConnection(func(s *socketio.Socket) {
		s.Join("all", "some")
		s.On("echo", func(e *socketio.Event) { e.AckRaw(e.Args) })
		s.On("cut", func(*socketio.Event) { s.Cut() })
		s.On("end", func(*socketio.Event) { s.Disconnect(true) })
		s.On("ask", func(*socketio.Event) { s.Ask("q", nil, time.Hour, func(*socketio.Event, error) {}) })
		_ = s.Emit("hello", strings.Repeat("x", 100))
	})
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: srv}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(l) }()
	defer func() { web.Close(); <-served }()
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}
	v := &visitor{&websocket.Dialer{NetDialContext: dial}, &http.Client{Transport: transport}}

	round := func(n int) {
		t.Helper()
		var wg sync.WaitGroup
		jobs := make(chan int)
		for range 16 {
			wg.Go(func() {
				for i := range jobs {
					var err error
					if i%2 == 0 {
						err = v.overWebSocket(i / 2 % 10)
					} else {
						err = v.overPolling(i / 2 % 7)
					}
					if err != nil {
						t.Errorf("client %d: %v", i, err)
					}
				}
			})
		}
		for i := range n {
			jobs <- i
		}
		close(jobs)
		wg.Wait()
		transport.CloseIdleConnections()
		// Those that just went away are noticed, and their windows end.
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			left := srv.Engine().Len() + srv.Of("/").Len()
			if left == 0 && srv.Engine().Connections() == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d sessions and sockets, %d WebSockets are left", left, srv.Engine().Connections())
			}
		}
		if got := len(srv.Of("/").To("all").Sockets()); got != 0 {
			t.Errorf("%d sockets in a room", got)
		}
	}
	measure := func() (heap, goroutines int) {
		var m runtime.MemStats
		for range 3 { // pools give back in two collections
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc), runtime.NumGoroutine()
	}
	round(1000) // warms up
	heap, goroutines := measure()
	many := 4_000
	if os.Getenv("TANDEM_CHAOS") == "1" {
		many = 20_000
	}
	round(many)
	// The WebSocket layer looks after its closed connections for a moment more.
	var heapAfter, goroutinesAfter int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if heapAfter, goroutinesAfter = measure(); heapAfter < heap+64<<10 && goroutinesAfter <= goroutines+2 {
			break
		}
	}
	t.Logf("heap %d -> %d bytes, goroutines %d -> %d", heap, heapAfter, goroutines, goroutinesAfter)
	if grown := heapAfter - heap; grown > 64<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if goroutinesAfter > goroutines+2 {
		t.Errorf("%d goroutines, before %d", goroutinesAfter, goroutines)
	}
}
