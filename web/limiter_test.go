package web

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// patience is how long a test waits for something that has to come.
const patience = 10 * time.Second

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// closedByServer waits until the server ends the connection.
func closedByServer(t testing.TB, c net.Conn, within time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("still open after %v", within)
	}
}

// eventually polls for what another goroutine does; the limit is only for
// failing.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal(what)
}

func TestO4_HeadersThatNeverEndAreCut(t *testing.T) {
	s := newServer(t, func(c *Config, _ *Parts) { c.HandshakeTimeout = 150 * time.Millisecond })
	addr := serve(t, s)
	for _, start := range []string{"", "G", "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nX-A: "} {
		c := dial(t, addr)
		if _, err := io.WriteString(c, start); err != nil {
			t.Fatal(err)
		}
		closedByServer(t, c, patience)
	}
	// One byte at a time does not buy time.
	c := dial(t, addr)
	began := time.Now()
	for _, b := range []byte(strings.Repeat("GET /x HTTP/1.1\r\nA: ", 1000)) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Read(make([]byte, 512)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	if took := time.Since(began); took > patience {
		t.Fatalf("lasted %v", took)
	}
	eventually(t, "not all counted out", func() bool { return s.conns.open.Load() == 0 && s.conns.pendingCount() == 0 })
}

// TestO4_HalfOpenHandshakesKeepNobodyOut opens far more connections than may be
// pending and finishes none of them.
func TestO4_HalfOpenHandshakesKeepNobodyOut(t *testing.T) {
	const pending, flood = 50, 1000
	s := newServer(t, func(c *Config, _ *Parts) { c.MaxPending = pending })
	addr := serve(t, s)
	c := client(t)
	before := runtime.NumGoroutine()
	for i := range flood {
		if _, err := io.WriteString(dial(t, addr), "GET /socket.io/ HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			if res, _ := ask(t, c, "GET", "http://"+addr+"/socket.io/"); res.StatusCode != 200 {
				t.Fatalf("a good client gets %d", res.StatusCode)
			}
		}
	}
	eventually(t, "more pending than allowed", func() bool { return s.conns.open.Load() <= pending+1 })
	if n := s.conns.pendingCount(); n > pending {
		t.Fatalf("%d pending", n)
	}
	eventually(t, "goroutines of closed connections stay", func() bool { return runtime.NumGoroutine() < before+2*pending })
	eventually(t, "the flood was not evicted", func() bool { return s.conns.evicted.Load() >= flood-pending })
}

func TestO4_TooManyConnectionsGet503(t *testing.T) {
	const most = 3
	hold := make(chan struct{})
	s := newServer(t, func(c *Config, p *Parts) {
		c.MaxConnections = most
		p.WS = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack() // as a WebSocket does
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(nc, "held\n")
			go func() {
				<-hold
				_ = nc.Close()
			}()
		})
	})
	addr := serve(t, s)
	for range most {
		c := dial(t, addr)
		_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "held\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	for range 2 * most { // each is told and goes: the refusals do not pile up
		res, body := ask(t, client(t), "GET", "http://"+addr+"/socket.io/")
		wantError(t, res, body, wire.CodeUnavailable)
		if !res.Close || res.Header.Get("Retry-After") == "" {
			t.Fatalf("close %v, headers %v", res.Close, res.Header)
		}
	}
	// Beyond the overflow connections are closed unread.
	for range most {
		dial(t, addr)
	}
	eventually(t, "the overflow is not full", func() bool { return s.conns.open.Load() == 2*most })
	if c, err := net.Dial("tcp", addr); err == nil { // else it was reset already
		closedByServer(t, c, patience)
		_ = c.Close()
	}
	if n := s.conns.open.Load(); n > 2*most {
		t.Fatalf("%d open", n)
	}
	close(hold)
	eventually(t, "hijacked connections are not counted out", func() bool { return s.conns.open.Load() <= most })
}

func TestO4_HeadersAreBounded(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	c := dial(t, addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatalf("%d", res.StatusCode)
	}
}

func TestO4_BodiesThatNeverEndAreCut(t *testing.T) {
	ended := make(chan error, 1)
	s := newServer(t, func(c *Config, p *Parts) {
		c.BodyTimeout = 100 * time.Millisecond
		p.SocketIO = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			ended <- err
		})
	})
	c := dial(t, serve(t, s))
	_, _ = io.WriteString(c, "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	if err := <-ended; err == nil {
		t.Fatal("half a body was read as a whole one")
	}
}

// serveTLS is serve with TLS; the pool knows who signed the certificate, which is
// that of example.com.
func serveTLS(t *testing.T, s *Server) (addr string, pool *x509.CertPool) {
	t.Helper()
	donor := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(donor.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, &tls.Config{Certificates: donor.TLS.Certificates}) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), donor.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

func TestI7_TLSConnectionsAreLimitedToo(t *testing.T) {
	s := newServer(t, func(c *Config, _ *Parts) { c.MaxPending = 1 })
	addr, pool := serveTLS(t, s)
	half := dial(t, addr) // never shakes hands
	tc, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer tc.Close()
	closedByServer(t, half, patience) // it gave way
	if p := tc.ConnectionState().NegotiatedProtocol; p == "h2" {
		t.Fatal("HTTP/2 was negotiated")
	}
	_, _ = io.WriteString(tc, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(tc), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v %v", res, err)
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(res.Body)
	_ = res.Body.Close()
	if n := s.conns.pendingCount(); n != 0 {
		t.Fatalf("%d pending", n)
	}
}

// A server of its own: nobody who has to finish in that time is there.
func TestI7_TLSHandshakesThatNeverEndAreCut(t *testing.T) {
	s := newServer(t, func(c *Config, _ *Parts) { c.HandshakeTimeout = 100 * time.Millisecond })
	addr, _ := serveTLS(t, s)
	for _, start := range []string{"", "\x16\x03\x01\x02\x00"} { // the head of a ClientHello
		c := dial(t, addr)
		if _, err := io.WriteString(c, start); err != nil {
			t.Fatal(err)
		}
		closedByServer(t, c, patience)
	}
}

// TestO4_HijackedConnectionsReachTheSocket: the layers that write to the socket
// by themselves need its descriptor.
func TestO4_HijackedConnectionsReachTheSocket(t *testing.T) {
	got := make(chan bool, 1)
	addr := serve(t, newServer(t, func(_ *Config, p *Parts) {
		p.WS = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_, raw := nc.(interface{ File() (*os.File, error) })
			inner, ok := nc.(interface{ NetConn() net.Conn })
			got <- raw && ok && inner.NetConn().RemoteAddr().String() == nc.RemoteAddr().String()
		})
	}))
	_, _ = io.WriteString(dial(t, addr), "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
	if !<-got {
		t.Fatal("the socket is out of reach")
	}
}
