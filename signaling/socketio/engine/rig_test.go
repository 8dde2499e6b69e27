package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

// rig is a server whose sessions echo, and what tests need to watch them.
type rig struct {
	t      *testing.T
	srv    *engine.Server
	url    string
	opened chan *engine.Socket
	closed chan engine.Close
	client *http.Client
}

func newRig(t *testing.T, cfg engine.Config) *rig {
	t.Helper()
	r := &rig{t: t, opened: make(chan *engine.Socket, 1000), closed: make(chan engine.Close, 1000)}
	r.start(cfg, func(s *engine.Socket, _ *engine.Handshake) engine.Handler {
		r.opened <- s
		return &echo{rig: r}
	})
	return r
}

func (r *rig) start(cfg engine.Config, accept func(*engine.Socket, *engine.Handshake) engine.Handler) {
	srv, err := engine.NewServer(cfg, accept)
	if err != nil {
		r.t.Fatal(err)
	}
	web := httptest.NewServer(srv)
	transport := &http.Transport{}
	r.srv, r.url, r.client = srv, web.URL, &http.Client{Transport: transport}
	r.t.Cleanup(func() {
		srv.Close()
		transport.CloseIdleConnections()
		web.Close()
		if n := srv.Len(); n != 0 {
			r.t.Errorf("%d sessions are left after Close", n)
		}
	})
}

// echo answers every message with itself, in the batch's one flush.
type echo struct{ rig *rig }

func (e *echo) OnMessage(s *engine.Socket, binary bool, data []byte) {
	s.Queue(engine.MustArrive, binary, data)
}
func (e *echo) OnIdle(*engine.Socket)                    {}
func (e *echo) OnClose(_ *engine.Socket, c engine.Close) { e.rig.closed <- c }

func (r *rig) wantClose(reason engine.Reason) engine.Close {
	r.t.Helper()
	select {
	case c := <-r.closed:
		if c.Reason != reason {
			r.t.Fatalf("closed with %v (%d, %v), want %v", c.Reason, c.Code, c.Err, reason)
		}
		return c
	case <-time.After(patience):
		r.t.Fatalf("not closed, want %v", reason)
		return engine.Close{}
	}
}

func (r *rig) wantOpen() {
	r.t.Helper()
	select {
	case c := <-r.closed:
		r.t.Fatalf("closed: %v %v", c.Reason, c.Err)
	default:
	}
}

// request sends a request and returns status and body.
func (r *rig) request(method, query, body string, header ...string) (*http.Response, string) {
	r.t.Helper()
	res, text, err := r.try(context.Background(), method, query, body, header...)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, text
}

func (r *rig) try(ctx context.Context, method, query, body string, header ...string) (*http.Response, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+"/engine.io/?"+query, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

type opening struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func parseOpening(t *testing.T, packet string) (o opening) {
	t.Helper()
	if !strings.HasPrefix(packet, "0") {
		t.Fatalf("handshake answered with %q", packet)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(packet[1:])))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil || o.SID == "" {
		t.Fatalf("handshake answered with %q: %v", packet, err)
	}
	return o
}

// poller opens a polling session and returns the query of its requests.
func (r *rig) poller() string {
	r.t.Helper()
	res, body := r.request("GET", "EIO=4&transport=polling", "")
	if res.StatusCode != 200 {
		r.t.Fatalf("handshake: %d %s", res.StatusCode, body)
	}
	return "EIO=4&transport=polling&sid=" + parseOpening(r.t, body).SID
}

func (r *rig) wantPoll(query, want string) {
	r.t.Helper()
	res, body := r.request("GET", query, "")
	if res.StatusCode != 200 || body != want {
		r.t.Fatalf("poll: %d %q, want 200 %q", res.StatusCode, body, want)
	}
}

func (r *rig) wantPost(query, packet string) {
	r.t.Helper()
	res, body := r.request("POST", query, packet)
	if res.StatusCode != 200 || body != "ok" || res.Header.Get("Content-Type") != "text/html" {
		r.t.Fatalf("post: %d %q %q", res.StatusCode, body, res.Header.Get("Content-Type"))
	}
}

// wantStatus sends a request that is refused with a code.
func (r *rig) wantRefusal(method, query string, status int, code engine.ErrorCode, header ...string) {
	r.t.Helper()
	res, body := r.request(method, query, "", header...)
	var got struct {
		Code    *engine.ErrorCode `json:"code"`
		Message string            `json:"message"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Code == nil {
		r.t.Fatalf("%s %s: %d %q", method, query, res.StatusCode, body)
	}
	if res.StatusCode != status || *got.Code != code || res.Header.Get("Content-Type") != "application/json" {
		r.t.Fatalf("%s %s: %d %q, want %d and code %d", method, query, res.StatusCode, body, status, code)
	}
	if got.Message != code.String() {
		r.t.Fatalf("message %q, want %q", got.Message, code)
	}
}

// pending starts a poll and returns when the server has it.
func (r *rig) pending(query string) <-chan answer {
	r.t.Helper()
	return r.pendingCtx(context.Background(), query)
}

type answer struct {
	status int
	body   string
	err    error
}

func (r *rig) pendingCtx(ctx context.Context, query string) <-chan answer {
	r.t.Helper()
	out := make(chan answer, 1)
	go func() {
		res, body, err := r.try(ctx, "GET", query, "")
		a := answer{body: body, err: err}
		if res != nil {
			a.status = res.StatusCode
		}
		out <- a
	}()
	sid := query[strings.Index(query, "sid=")+4:]
	for end := time.Now().Add(patience); !r.srv.Polls(sid); {
		if time.Now().After(end) {
			r.t.Fatal("the poll did not arrive")
		}
		time.Sleep(time.Millisecond)
	}
	return out
}

func wantAnswer(t *testing.T, c <-chan answer, status int, body string) {
	t.Helper()
	select {
	case a := <-c:
		if a.err != nil || a.status != status || a.body != body {
			t.Fatalf("poll: %d %q %v, want %d %q", a.status, a.body, a.err, status, body)
		}
	case <-time.After(patience):
		t.Fatal("the poll is not answered")
	}
}

// socket is a WebSocket client.
type socket struct {
	*websocket.Conn
	t *testing.T
}

func (r *rig) dial(query string, header ...string) (*socket, *http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	c, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(r.url, "http")+"/engine.io/?"+query, h)
	if err != nil {
		return nil, res, err
	}
	r.t.Cleanup(func() { c.Close() })
	return &socket{c, r.t}, res, nil
}

func (r *rig) mustDial(query string) *socket {
	r.t.Helper()
	c, _, err := r.dial(query)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// connect opens a WebSocket session.
func (r *rig) connect() (*socket, opening) {
	r.t.Helper()
	c := r.mustDial("EIO=4&transport=websocket")
	return c, parseOpening(r.t, c.read())
}

func (c *socket) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *socket) read() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, b, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(b)
}

func (c *socket) want(text string) {
	c.t.Helper()
	if got := c.read(); got != text {
		c.t.Fatalf("got %q, want %q", got, text)
	}
}

// wantClosed reads until the end, skipping messages, and checks the code.
func (c *socket) wantClosed(codes ...int) {
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
