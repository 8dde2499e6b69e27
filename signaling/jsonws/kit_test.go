package jsonws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of more than thirty-two bytes"

// patience is how long a test waits for something that has to come.
const patience = 10 * time.Second

// rig is a server on loopback with a switchboard behind it.
type rig struct {
	t    testing.TB
	srv  *Server
	sw   *signaling.Switchboard
	slow *slowStore
	url  string // ws://…
}

// open makes an open verifier: userId is trusted.
func open(c *auth.Config) { c.Secret = "" }

func newRig(t testing.TB, change func(*Config, *signaling.Config), authChange ...func(*auth.Config)) *rig {
	t.Helper()
	c, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return newNode(t, c, "n1", change, authChange...)
}

// newNodes makes n nodes of one cluster.
func newNodes(t testing.TB, n int, change func(*Config, *signaling.Config)) []*rig {
	t.Helper()
	c, err := memory.New(memory.Config{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]*rig, n)
	for i := range list {
		list[i] = newNode(t, c, fmt.Sprint("n", i), func(c *Config, sc *signaling.Config) {
			c.Key = []byte("the cluster's")
			if change != nil {
				change(c, sc)
			}
		})
	}
	return list
}

func newNode(t testing.TB, cluster *memory.Cluster, name string, change func(*Config, *signaling.Config), authChange ...func(*auth.Config)) *rig {
	t.Helper()
	w := wheel.New(wheel.Config{Tick: 5 * time.Millisecond})
	ac := auth.Config{Secret: secret}
	for _, f := range authChange {
		f(&ac)
	}
	v, err := auth.New(t.Context(), ac)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Verifier: v, Wheel: w, Node: name}
	sc := signaling.Config{}
	if change != nil {
		change(&cfg, &sc)
	}
	slow := &slowStore{asked: make(chan struct{}, 100)}
	sw, err := signaling.New(sc, signaling.Parts{Wheel: w, Verify: v.Verify}, func(h presence.Handler) (presence.Store, error) {
		var err error
		slow.Store, err = cluster.Join(name, h)
		return slow, err
	})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := NewServer(cfg, sw)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		web.Close()
		sw.Close()
		w.Close()
		if n := srv.Len() + sw.Sessions(); n != 0 {
			t.Errorf("%d links and sessions are left after Close", n)
		}
	})
	return &rig{t: t, srv: srv, sw: sw, slow: slow, url: "ws" + strings.TrimPrefix(web.URL, "http")}
}

// token mints one for user.
func token(user string) string { return tokenFor(user, time.Hour) }

func tokenFor(user string, ttl time.Duration) string {
	s, err := auth.Mint(secret, user, time.Now(), ttl, nil)
	if err != nil {
		panic(err)
	}
	return s
}

// frameIn is what the server sends.
type frameIn struct {
	Event string            `json:"event"`
	Args  []json.RawMessage `json:"args"`
	Seq   uint64            `json:"seq"`
	Ack   *int64            `json:"ack"`
	Error *struct{ Code, Message string }
}

// peer is a real WebSocket client.
type peer struct {
	t     testing.TB
	ws    *websocket.Conn
	hello helloIn
	id    int64
	seq   uint64
}

type helloIn struct {
	SID, User, Device, ResumeToken, Node       string
	Resumed                                    bool
	ResumeWindowMs, PingIntervalMs, ServerTime int64
	MaxPayload                                 int64
}

// dial opens a socket and reads nothing.
func (r *rig) dial(query string, header http.Header) *peer {
	r.t.Helper()
	p, res, err := r.tryDial(query, header)
	if err != nil {
		r.t.Fatalf("dial ?%s: %v (%v)", query, err, res)
	}
	return p
}

func (r *rig) tryDial(query string, header http.Header) (*peer, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}}
	ws, res, err := d.DialContext(ctx, r.url+"/?"+query, header)
	if res != nil {
		res.Body.Close()
	}
	if err != nil {
		return nil, res, err
	}
	r.t.Cleanup(func() { ws.Close() })
	return &peer{t: r.t, ws: ws}, res, nil
}

// join connects a device of a user and reads its hello.
func (r *rig) join(user string, more ...string) *peer {
	r.t.Helper()
	p := r.dial(strings.Join(append([]string{"token=" + token(user)}, more...), "&"), nil)
	p.greeted()
	return p
}

func resumeQuery(p *peer, user string, seq uint64) string {
	return fmt.Sprintf("token=%s&resume=%s&seq=%d", token(user), url.QueryEscape(p.hello.ResumeToken), seq)
}

// greeted reads the hello, which has to be the first frame.
func (p *peer) greeted() {
	p.t.Helper()
	f := p.read()
	if f.Event != "hello" || len(f.Args) != 1 {
		p.t.Fatalf("first frame %+v, want hello", f)
	}
	if err := json.Unmarshal(f.Args[0], &p.hello); err != nil {
		p.t.Fatal(err)
	}
}

// read takes the next frame, whatever it is.
func (p *peer) read() frameIn {
	p.t.Helper()
	f, err := p.tryRead()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return f
}

func (p *peer) tryRead() (f frameIn, err error) {
	_ = p.ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := p.ws.ReadMessage()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("frame %q: %w", data, err)
	}
	if f.Seq != 0 {
		if f.Seq <= p.seq {
			return f, fmt.Errorf("seq %d after %d", f.Seq, p.seq)
		}
		p.seq = f.Seq
	}
	return f, nil
}

// wants reads on to an event of that name, over others, and returns its args.
func (p *peer) wants(event string) string {
	p.t.Helper()
	for {
		f := p.read()
		if f.Event == event {
			return args(f)
		}
	}
}

// next reads on to an event that is neither an online list nor call:state.
func (p *peer) next() string {
	p.t.Helper()
	for {
		f := p.read()
		if f.Event != "getOnlineUsers" && f.Event != "call:state" && f.Ack == nil {
			return f.Event + " " + args(f)
		}
	}
}

func args(f frameIn) string {
	b, _ := json.Marshal(f.Args)
	return string(b[1 : len(b)-1])
}

// write sends one text frame.
func (p *peer) write(data string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(data)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// emit sends an event.
func (p *peer) emit(event, arg string) { p.write(fmt.Sprintf(`{"event":%q,"args":[%s]}`, event, arg)) }

// ask sends an event and reads on to its ack: the args, or "!code".
func (p *peer) ask(event, arg string) string {
	p.t.Helper()
	p.id++
	p.write(fmt.Sprintf(`{"event":%q,"args":[%s],"id":%d}`, event, arg, p.id))
	return p.acked(p.id)
}

func (p *peer) acked(id int64) string {
	p.t.Helper()
	for {
		f := p.read()
		if f.Ack == nil || *f.Ack != id {
			continue
		}
		if f.Error != nil {
			return "!" + f.Error.Code
		}
		return args(f)
	}
}

// closed reads on to the close frame.
func (p *peer) closed() *websocket.CloseError {
	p.t.Helper()
	for {
		_, err := p.tryRead()
		var c *websocket.CloseError
		if errors.As(err, &c) {
			return c
		}
		if err != nil {
			return &websocket.CloseError{Code: 1006, Text: err.Error()}
		}
	}
}

// wantClose checks how the server closes.
func (p *peer) wantClose(code int, reason string) {
	p.t.Helper()
	if c := p.closed(); c.Code != code || c.Text != reason {
		p.t.Errorf("closed with %d %q, want %d %q", c.Code, c.Text, code, reason)
	}
}

// cut breaks the connection without a close frame.
func (p *peer) cut() { p.ws.NetConn().Close() }

// until waits for a condition that no event tells of.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

func offer(n int) string {
	return fmt.Sprintf(`{"type":"offer","sdp":"v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\n"}`, n)
}

func eq(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n\t%s\nwant\n\t%s", what, got, want)
	}
}
