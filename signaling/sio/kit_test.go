package sio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of more than thirty-two bytes"

// patience is how long a test waits for something that has to come.
const patience = 10 * time.Second

type rig struct {
	t    testing.TB
	srv  *Server
	sw   *signaling.Switchboard
	slow *slowStore
	url  string // http://…
}

func newRig(t testing.TB, change func(*Config, *signaling.Config)) *rig {
	t.Helper()
	c, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return newNode(t, c, "n1", change)
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

func newNode(t testing.TB, cluster *memory.Cluster, name string, change func(*Config, *signaling.Config)) *rig {
	t.Helper()
	w := wheel.New(wheel.Config{Tick: 5 * time.Millisecond})
	v, err := auth.New(t.Context(), auth.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Verifier: v, IO: socketio.Config{Recovery: socketio.Recovery{Window: 5 * time.Second}}}
	cfg.IO.Engine.Wheel = w
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
		if n := sw.Sessions(); n != 0 {
			t.Errorf("%d sessions are left after Close", n)
		}
	})
	return &rig{t: t, srv: srv, sw: sw, slow: slow, url: web.URL}
}

func token(user string) string { return tokenFor(user, time.Hour) }

func tokenFor(user string, ttl time.Duration) string {
	s, err := auth.Mint(secret, user, time.Now(), ttl, nil)
	if err != nil {
		panic(err)
	}
	return s
}

// client is a small Socket.IO client over a WebSocket.
type client struct {
	t      testing.TB
	ws     *websocket.Conn
	opened struct {
		SID                       string
		PingInterval, PingTimeout int
	}
	sid, pid string
	offset   string // of the newest event
	recovery bool   // events carry an offset
	acks     int
	backlog  []string // events that were read over
}

var errClosed = errors.New("the server closed the transport")

// dial opens the transport and reads the handshake.
func (r *rig) dial(query string, header http.Header) *client {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+r.url[4:]+"/socket.io/?EIO=4&transport=websocket&"+query, header)
	if err != nil {
		r.t.Fatalf("dial: %v", err)
	}
	r.t.Cleanup(func() { ws.Close() })
	c := &client{t: r.t, ws: ws}
	p := c.packet()
	if p == "" || p[0] != '0' {
		r.t.Fatalf("first packet %q, want open", p)
	}
	if err := json.Unmarshal([]byte(p[1:]), &c.opened); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// connect sends CONNECT and returns what the server answers.
func (c *client) connect(authJSON string) string {
	c.t.Helper()
	c.write("40" + authJSON)
	p := c.packet()
	if rest, ok := strings.CutPrefix(p, "40"); ok {
		var a struct{ SID, PID string }
		if err := json.Unmarshal([]byte(rest), &a); err != nil {
			c.t.Fatal(err)
		}
		c.sid, c.pid, c.recovery = a.SID, a.PID, a.PID != ""
	}
	return p
}

// join connects a user's device; extra are more members of auth.
func (r *rig) join(user string, extra ...string) *client {
	r.t.Helper()
	c := r.dial("userId="+user, nil)
	m := append([]string{`"token":"` + token(user) + `"`}, extra...)
	if p := c.connect("{" + strings.Join(m, ",") + "}"); !strings.HasPrefix(p, "40") {
		r.t.Fatalf("%s is answered %s", user, p)
	}
	return c
}

const extended = `"tandem":1`

func (c *client) write(p string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(p)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// packet reads the next packet; pings are answered.
func (c *client) packet() string {
	c.t.Helper()
	p, err := c.tryPacket()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return p
}

func (c *client) tryPacket() (string, error) {
	for {
		_ = c.ws.SetReadDeadline(time.Now().Add(patience))
		_, data, err := c.ws.ReadMessage()
		if websocket.IsUnexpectedCloseError(err) || websocket.IsCloseError(err, 1000, 1001, 1005, 1006) {
			return "", fmt.Errorf("%w: %w", errClosed, err)
		}
		if err != nil {
			return "", err
		}
		if string(data) == "2" {
			if err := c.ws.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
				return "", err
			}
			continue
		}
		return string(data), nil
	}
}

// event takes an event packet apart: "name args", without the offset.
func (c *client) event(p string) (string, bool) {
	rest, ok := strings.CutPrefix(p, "42")
	if !ok {
		return "", false
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(rest), &list); err != nil {
		c.t.Fatalf("packet %q: %v", p, err)
	}
	name, _ := strconv.Unquote(string(list[0]))
	list = list[1:]
	// As socket.io-client does: with recovery on, a string at the end is an offset.
	if n := len(list); c.recovery && n > 0 && list[n-1][0] == '"' {
		c.offset, _ = strconv.Unquote(string(list[n-1]))
		list = list[:n-1]
	}
	b, _ := json.Marshal(list)
	return name + " " + string(b[1:len(b)-1]), true
}

// wants reads on to an event of that name and returns its args.
func (c *client) wants(name string) string {
	c.t.Helper()
	for i, e := range c.backlog {
		if rest, ok := strings.CutPrefix(e, name+" "); ok {
			c.backlog = append(c.backlog[:i:i], c.backlog[i+1:]...)
			return rest
		}
	}
	for {
		e, ok := c.event(c.packet())
		if !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(e, name+" "); ok {
			return rest
		}
		c.backlog = append(c.backlog, e)
	}
}

func (c *client) emit(name, arg string) { c.write(fmt.Sprintf(`42[%q,%s]`, name, arg)) }

// ask emits and reads on to the ack; events on the way are kept.
func (c *client) ask(name, arg string) string {
	c.t.Helper()
	c.acks++
	c.write(fmt.Sprintf(`42%d[%q,%s]`, c.acks, name, arg))
	for {
		p := c.packet()
		if rest, ok := strings.CutPrefix(p, fmt.Sprintf("43%d[", c.acks)); ok {
			return strings.TrimSuffix(rest, "]")
		}
		if e, ok := c.event(p); ok {
			c.backlog = append(c.backlog, e)
		}
	}
}

// sent waits until the server has handled what was sent: an unknown event is
// answered in its ack.
func (c *client) sent() { c.t.Helper(); c.ask("is it there", `0`) }

// ended reads on until the transport ends and says whether a DISCONNECT came.
func (c *client) ended() (disconnected bool) {
	c.t.Helper()
	for {
		p, err := c.tryPacket()
		if errors.Is(err, errClosed) {
			return disconnected
		}
		if err != nil {
			return disconnected
		}
		if p == "41" {
			disconnected = true
		}
	}
}

func (c *client) cut() { c.ws.NetConn().Close() }

// closeWith sends a close frame with a code.
func (c *client) closeWith(code int) {
	_ = c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
}

// recover dials again as socket.io-client does: with pid and offset.
func (r *rig) recover(c *client, user string, extra ...string) *client {
	r.t.Helper()
	m := append([]string{`"token":"` + token(user) + `"`, `"pid":"` + c.pid + `"`}, extra...)
	if c.offset != "" {
		m = append(m, `"offset":"`+c.offset+`"`)
	}
	n := r.dial("", nil)
	if p := n.connect("{" + strings.Join(m, ",") + "}"); !strings.HasPrefix(p, "40") {
		r.t.Fatalf("%s is answered %s", user, p)
	}
	return n
}

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

func sdpOffer(n int) string {
	return fmt.Sprintf(`{"type":"offer","sdp":"v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\n"}`, n)
}

func eq(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n\t%s\nwant\n\t%s", what, got, want)
	}
}
