package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestDialectsGetTheRealResponseWriter(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	c := client(t)
	for path, want := range map[string]string{
		"/socket.io/":       "socketio /socket.io/ *http.response",
		"/socket.io/?EIO=4": "socketio /socket.io/ *http.response",
		"/ws":               "ws /ws *http.response",
		"/ws/":              "ws /ws/ *http.response",
	} {
		if _, body := ask(t, c, "GET", "http://"+addr+path); body != want {
			t.Errorf("%s: %q, want %q", path, body, want)
		}
	}
	for _, path := range []string{"/socket.iox", "/wss", "/ws/x", "/Socket.IO/"} {
		res, body := ask(t, c, "GET", "http://"+addr+path)
		wantError(t, res, body, wire.CodeNotFound)
	}
}

func TestErrorsAreJSON(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	c := client(t)
	res, body := ask(t, c, "GET", "http://"+addr+"/api/nothing")
	wantError(t, res, body, wire.CodeNotFound)
	for _, path := range []string{"/api/users/online", "/healthz", "/readyz", "/"} {
		res, body = ask(t, c, "POST", "http://"+addr+path)
		wantError(t, res, body, wire.CodeMethodNotAllowed)
		if !strings.Contains(res.Header.Get("Allow"), "GET") {
			t.Errorf("%s: Allow %q", path, res.Header.Get("Allow"))
		}
	}
}

func TestPanicsAreAnsweredAndCounted(t *testing.T) {
	s := newServer(t, func(_ *Config, p *Parts) {
		p.WS = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	})
	addr := serve(t, s)
	c := client(t)
	for range 2 {
		res, body := ask(t, c, "GET", "http://"+addr+"/ws")
		wantError(t, res, body, wire.CodeInternal)
		if strings.Contains(body, "bug") {
			t.Fatal("the client hears of the panic")
		}
	}
	rec := httptest.NewRecorder()
	s.AdminHandler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(rec.Body.String(), "tandem_http_panics_total 2") {
		t.Fatal("the panics are not counted")
	}
}

func TestO3_HealthAndReadiness(t *testing.T) {
	status, ok := "ready", true
	s := newServer(t, func(_ *Config, p *Parts) {
		p.Ready = func() (string, bool, map[string]string) { return status, ok, map[string]string{"redis": "away"} }
	})
	get := func(h http.Handler, path string) (int, healthAnswer) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		var a healthAnswer
		if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		return rec.Code, a
	}
	for _, tt := range []struct {
		status string
		ok     bool
		code   int
	}{{"ready", true, 200}, {"degraded", true, 200}, {"draining", false, 503}} {
		status, ok = tt.status, tt.ok
		if code, a := get(s, "/readyz"); code != tt.code || a.Status != tt.status || a.Detail != nil {
			t.Errorf("%s: %d %+v", tt.status, code, a)
		}
		if code, a := get(s.AdminHandler(), "/readyz"); code != tt.code || a.Detail["redis"] != "away" {
			t.Errorf("%s for operators: %d %+v", tt.status, code, a)
		}
		if code, a := get(s, "/healthz"); code != 200 || a.Status != "ok" {
			t.Errorf("health while %s: %d %+v", tt.status, code, a)
		}
	}
}

func TestO3_AdminListener(t *testing.T) {
	s := newServer(t, nil)
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/nothing", nil))
	get := func(path string, headers ...string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		s.AdminHandler().ServeHTTP(rec, r)
		return rec
	}
	metrics := get("/metrics").Body.String()
	for _, want := range []string{
		`tandem_http_requests_total{route="page",status="404"} 1`,
		"tandem_connections_open 0", "tandem_connections_pending 0",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	if body := get("/debug/pprof/").Body.String(); !strings.Contains(body, "goroutine") {
		t.Error("no profiles")
	}
	if rec := get("/debug/pprof/goroutine?debug=1"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "goroutine profile") {
		t.Error("no goroutine profile")
	}
	if rec := get("/metrics", "Sec-Fetch-Site", "cross-site"); rec.Code != 403 {
		t.Errorf("a foreign page gets %d", rec.Code)
	}
	if rec := get("/"); rec.Code != 404 {
		t.Errorf("/ gives %d", rec.Code)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} { // not on the public side
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != 404 {
			t.Errorf("%s is public: %d", path, rec.Code)
		}
	}
}

func TestO2_ShutdownWaitsForRequestsInFlight(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := newServer(t, func(_ *Config, p *Parts) {
		p.SocketIO = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = w.Write([]byte("done"))
		})
	})
	addr := serve(t, s)
	answer := make(chan string, 1)
	go func() {
		_, body := ask(t, client(t), "GET", "http://"+addr+"/socket.io/")
		answer <- body
	}()
	<-entered
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	select {
	case <-down:
		t.Fatal("did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-down; err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "done" {
		t.Fatalf("answer %q", got)
	}
}

func TestO2_ShutdownCutsWhatDoesNotEnd(t *testing.T) {
	entered, gone := make(chan struct{}), make(chan struct{})
	s := newServer(t, func(_ *Config, p *Parts) {
		p.SocketIO = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			close(gone)
		})
	})
	addr := serve(t, s)
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/socket.io/", nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		res, err := client(t).Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("shutdown: %v", err)
	}
	<-gone
	if err := <-failed; err == nil {
		t.Fatal("the poll ended well")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config, *Parts){
		"back end without scheme": func(c *Config, _ *Parts) { c.BackendURL = "localhost:3000" },
		"back end of a file":      func(c *Config, _ *Parts) { c.BackendURL = "file:///x" },
		"back end with a query":   func(c *Config, _ *Parts) { c.BackendURL = "http://x/?a=b" },
		"back end with password":  func(c *Config, _ *Parts) { c.BackendURL = "http://u:p@x/" },
		"negative connections":    func(c *Config, _ *Parts) { c.MaxConnections = -1 },
		"no dialect":              func(_ *Config, p *Parts) { p.WS = nil },
		"no verifier":             func(_ *Config, p *Parts) { p.Verifier = nil },
	} {
		cfg := Config{Logger: quiet()}
		parts := Parts{SocketIO: http.NotFoundHandler(), WS: http.NotFoundHandler(), Online: users(0), Verifier: newServer(t, nil).parts.Verifier}
		change(&cfg, &parts)
		if _, err := New(cfg, parts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// BenchmarkHandshakePath is what the door adds to a dialect's request.
func BenchmarkHandshakePath(b *testing.B) {
	s := newServer(b, func(_ *Config, p *Parts) {
		p.SocketIO = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=websocket", nil)
	b.ReportAllocs()
	for b.Loop() {
		s.ServeHTTP(w, r)
	}
}
