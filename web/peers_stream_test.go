package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// echo sends back what it gets.
type echo struct{}

func (echo) OnMessage(s *engine.Socket, binary bool, data []byte) {
	s.Queue(engine.MustArrive, binary, append([]byte(nil), data...))
}
func (echo) OnIdle(s *engine.Socket)              { s.Flush() }
func (echo) OnClose(*engine.Socket, engine.Close) {}

// front is a public side that has no sessions: everything goes to h by way of
// peer listeners.
func front(t testing.TB, h http.Handler, change func(*PeersConfig)) (host string, p *Peers) {
	t.Helper()
	in, l := newPeers(t, PeersConfig{Key: peerKey, Self: nobody, Logger: quiet(), Find: func(string) (string, bool) { return "", false }})
	servePeers(t, in, l, h)
	cfg := PeersConfig{Key: peerKey, Self: nobody, Logger: quiet(), Find: func(string) (string, bool) { return l.Addr().String(), true }}
	if change != nil {
		change(&cfg)
	}
	p, unused := newPeers(t, cfg)
	_ = unused.Close()
	host = serve(t, newServer(t, func(_ *Config, parts *Parts) {
		parts.SocketIO = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !p.Forward(w, r, r.URL.Query().Get("sid")) {
				w.WriteHeader(http.StatusBadRequest)
			}
		})
	}))
	t.Cleanup(func() { _ = p.Close() })
	return host, p
}

// echoSession opens a session of an engine that echoes, and returns the address
// of its requests at a node that has to pass them on.
func echoSession(t testing.TB) (url string, p *Peers) {
	t.Helper()
	srv, err := engine.NewServer(engine.Config{Tag: func() string { return "a" }}, func(s *engine.Socket, _ *engine.Handshake) engine.Handler {
		s.ReleaseHandshake()
		return echo{}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	direct := serve(t, newServer(t, func(_ *Config, parts *Parts) { parts.SocketIO = srv }))
	const path = "/socket.io/?EIO=4&transport=polling"
	_, body := ask(t, client(t), http.MethodGet, "http://"+direct+path)
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &hello); err != nil {
		t.Fatal(err)
	}
	host, p := front(t, srv, nil)
	return "http://" + host + path + "&sid=" + hello.SID, p
}

func postTo(t testing.TB, url, payload string) {
	t.Helper()
	res, err := client(t).Post(url, "text/plain;charset=UTF-8", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != 200 || string(b) != "ok" {
		t.Fatalf("post: %d %s", res.StatusCode, b)
	}
}

// TestP9_BinaryBothWays over polling, among text.
func TestP9_BinaryBothWays(t *testing.T) {
	url, _ := echoSession(t)
	const payload = "4first\x1ebAAH/gA==\x1e4\u00fcber\x1eb"
	postTo(t, url, payload)
	if res, body := ask(t, client(t), http.MethodGet, url); res.StatusCode != 200 || body != payload {
		t.Errorf("%d %q, want %q", res.StatusCode, body, payload)
	}
}

// TestO2_PollsOnTheirWayAreWaitedFor when this node drains: their sessions are
// on another one and stay.
func TestO2_PollsOnTheirWayAreWaitedFor(t *testing.T) {
	url, p := echoSession(t)
	polled := make(chan string, 1)
	c := client(t)
	go func() {
		res, err := c.Get(url)
		if err != nil {
			polled <- err.Error()
			return
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		polled <- string(b)
	}()
	eventually(t, "the poll is on its way", func() bool { return p.polls.Load() == 1 })
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p.Drain(short)
	if short.Err() == nil {
		t.Fatal("the poll was not waited for")
	}
	drained := make(chan struct{})
	go func() {
		p.Drain(t.Context())
		close(drained)
	}()
	postTo(t, url, "4now")
	<-drained
	if got := <-polled; got != "4now" {
		t.Errorf("the poll got %q", got)
	}
}

// TestO4_ClientOfAnUpgradeThatNeverReads holds its connections for the time of
// one write only.
func TestO4_ClientOfAnUpgradeThatNeverReads(t *testing.T) {
	over := make(chan error, 1)
	host, _ := front(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			over <- err
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for b := make([]byte, 1<<16); err == nil; {
			_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			_, err = conn.Write(b)
		}
		over <- err
	}), func(c *PeersConfig) { c.WriteTimeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /socket.io/?sid=a-b HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	var late net.Error
	if err := <-over; errors.As(err, &late) && late.Timeout() {
		t.Errorf("the session's node waited to the end of its own patience: %v", err)
	}
}
