package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "a secret of more than thirty-two bytes"

// users is an Online with so many of them: u0, u1, …
type users int

func (n users) OnlineUsers(_ context.Context, cursor string, limit int) ([]string, string, error) {
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return nil, "", wire.Errorf(wire.CodeBadPayload, "page is not a cursor of this server.")
		}
	}
	var ids []string
	for i := from; i < min(from+limit, int(n)); i++ {
		ids = append(ids, "u"+strconv.Itoa(i))
	}
	if from+limit < int(n) {
		return ids, strconv.Itoa(from + limit), nil
	}
	return ids, "", nil
}

// lines is what is written to it.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newVerifier(t testing.TB, cfg auth.Config) *auth.Verifier {
	t.Helper()
	cfg.Logger = quiet()
	v, err := auth.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newServer makes an open server; change may replace anything.
func newServer(t testing.TB, change func(*Config, *Parts)) *Server {
	t.Helper()
	dialect := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %T", name, r.URL.Path, w)
		})
	}
	cfg := Config{Logger: quiet()}
	parts := Parts{
		SocketIO: dialect("socketio"), WS: dialect("ws"), Online: users(3),
		Verifier: newVerifier(t, auth.Config{}),
	}
	if change != nil {
		change(&cfg, &parts)
	}
	s, err := New(cfg, parts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve puts s on a free port of loopback and returns "127.0.0.1:port".
func serve(t testing.TB, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, nil) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return l.Addr().String()
}

// client has connections of its own, closed with the test.
func client(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport: tr, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends one request; headers are pairs.
func ask(t testing.TB, c *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// wantError checks status, code and form of an error answer.
func wantError(t testing.TB, res *http.Response, body string, code wire.Code) {
	t.Helper()
	var e errorBody
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%s: body %q is not an error: %v", res.Request.URL, body, err)
	}
	if e.Code != code || e.Error == "" || res.StatusCode != code.HTTPStatus() {
		t.Fatalf("%s: %d %+v, want %s", res.Request.URL, res.StatusCode, e, code)
	}
	if ct := res.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
		t.Fatalf("content type %q", ct)
	}
}
