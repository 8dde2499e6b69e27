//go:build soak

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// comer is a client of the plain dialect that comes back to other nodes.
type comer struct {
	t     *testing.T
	user  string
	ws    *websocket.Conn
	token string
	seq   uint64
	asked int
}

type comerFrame struct {
	Event string            `json:"event"`
	Args  []json.RawMessage `json:"args"`
	ID    int               `json:"id"`
	Ack   int               `json:"ack"`
	Seq   uint64            `json:"seq"`
	Error json.RawMessage   `json:"error"`
}

// come connects to a node and reads the hello, with the token of the last one.
func (c *comer) come(app *App) (resumed bool) {
	c.t.Helper()
	q := url.Values{"userId": {c.user}}
	if c.token != "" {
		q.Set("resume", c.token)
		q.Set("seq", fmt.Sprint(c.seq))
	}
	u := "ws" + strings.TrimPrefix(app.URL(), "http") + "/ws?" + q.Encode()
	ws, _, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		c.t.Fatalf("%s: %v", c.user, err)
	}
	c.ws = ws
	c.t.Cleanup(func() { _ = ws.Close() })
	var hello struct {
		Resumed     bool   `json:"resumed"`
		ResumeToken string `json:"resumeToken"`
	}
	f := c.until(func(f *comerFrame) bool { return f.Event == "hello" })
	if err := json.Unmarshal(f.Args[0], &hello); err != nil {
		c.t.Fatal(err)
	}
	c.token = hello.ResumeToken
	return hello.Resumed
}

// until reads up to a frame.
func (c *comer) until(is func(*comerFrame) bool) *comerFrame {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			c.t.Fatalf("%s: %v", c.user, err)
		}
		f := &comerFrame{}
		if err := json.Unmarshal(b, f); err != nil {
			c.t.Fatalf("%s: %s: %v", c.user, b, err)
		}
		c.seq = max(c.seq, f.Seq)
		if is(f) {
			return f
		}
	}
}

// ask sends an event and waits for its acknowledgement.
func (c *comer) ask(event, arg string) string {
	c.t.Helper()
	c.asked++
	text := fmt.Sprintf(`{"event":%q,"args":[%s],"id":%d}`, event, arg, c.asked)
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("%s: %v", c.user, err)
	}
	f := c.until(func(f *comerFrame) bool { return f.Event == "" && f.Ack == c.asked })
	if f.Error != nil {
		c.t.Fatalf("%s: %s: %s", c.user, event, f.Error)
	}
	b, _ := json.Marshal(f.Args)
	return string(b)
}

// TestP2_ResumeElsewhere: a session that goes on at another node needs Redis a few
// times, one after the other: to look where the device may be, to register it, to read
// which calls its user has (two), and the call (read, changed, and where its peer is):
// seven. Where nodes reach each other by Redis only, the question and its answer pass
// it, too. Three more are for commands of others that are on their way.
// Redis is far away, so that the time it takes says how often it was waited for.
func TestP2_ResumeElsewhere(t *testing.T) {
	const trip = 100 * time.Millisecond
	for _, tt := range []struct {
		name  string
		args  []string
		trips int
	}{
		{"nodes reach each other", nil, 10},
		{"all goes through Redis", []string{"--cluster-advertise=127.0.0.1:1"}, 13},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proxy := redistest.StartProxy(t, redistest.Start(t).Addr)
			var apps []*App
			for _, name := range []string{"a", "b"} {
				args := append([]string{"--listen=127.0.0.1", "--redis-url=" + proxy.URL(), "--node-name=" + name, "--cluster-secret=" + testSecret}, tt.args...)
				app, _, _ := start(t, testConfig(t, args...), nil)
				apps = append(apps, app)
			}
			alice, bob := &comer{t: t, user: "alice"}, &comer{t: t, user: "bob"}
			alice.come(apps[0])
			bob.come(apps[0])
			alice.ask("call:user", `{"to":"bob","signal":{"type":"offer","sdp":"x"}}`)
			var in struct{ CallID string }
			if err := json.Unmarshal(bob.until(func(f *comerFrame) bool { return f.Event == "call:incoming" }).Args[0], &in); err != nil {
				t.Fatal(err)
			}
			bob.ask("call:answer", fmt.Sprintf(`{"to":"alice","callId":%q,"signal":{"type":"answer","sdp":"x"}}`, in.CallID))
			bob.ask("presence:watch", `{"users":["alice","carol"]}`) // goes with it, at the same time
			proxy.Delay(trip / 2)
			best, most := time.Hour, trip*time.Duration(tt.trips)+trip/2
			// What the nodes do besides is in the way now and then, and a machine that
			// has much to do is slow: the best of some counts.
			for i := 0; i < 25 && best > most; i++ {
				_ = bob.ws.Close()
				alice.until(func(f *comerFrame) bool { // his node has told what it had to
					return f.Event == "call:peer" && strings.Contains(string(f.Args[0]), "reconnecting")
				})
				start := time.Now()
				if !bob.come(apps[(i+1)%2]) {
					t.Fatal("the session did not go on")
				}
				bob.ask("call:signal", fmt.Sprintf(`{"callId":%q,"signal":{"n":%d}}`, in.CallID, i))
				best = min(best, time.Since(start))
				alice.until(func(f *comerFrame) bool { return f.Event == "call:signal" })
			}
			t.Logf("%v, that is %.1f trips", best.Round(time.Millisecond), float64(best)/float64(trip))
			if best > most {
				t.Errorf("it waited for Redis more than %d times", tt.trips)
			}
		})
	}
}
