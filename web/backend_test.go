package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

const serverKey = "a key of a back end"

// device is a client that remembers what it got.
type device struct {
	mu     sync.Mutex
	got    []string
	closed []wire.CloseCode
}

func (d *device) Send(ev *wire.Event) {
	if ev.Name == wire.GetOnlineUsers {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, ev.Name+" "+string(ev.Args))
}
func (*device) Flush()                                 {}
func (*device) Heartbeat(time.Duration, time.Duration) {}
func (*device) Peer() string                           { return "127.0.0.1:1" }
func (d *device) Close(why wire.CloseCode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = append(d.closed, why)
}

func (d *device) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.got...)
}

func (d *device) closes() []wire.CloseCode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]wire.CloseCode(nil), d.closed...)
}

// backends makes n nodes that share a cluster, each with a door for back ends.
func backends(t *testing.T, n int) (urls []string, nodes []*signaling.Switchboard) {
	t.Helper()
	cluster, err := memory.New(memory.Config{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		w := wheel.New(wheel.Config{})
		sw, err := signaling.New(signaling.Config{}, signaling.Parts{Wheel: w}, func(h presence.Handler) (presence.Store, error) {
			return cluster.Join(fmt.Sprint("node", i), h)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sw.Close(); w.Close() })
		door := newServer(t, func(c *Config, p *Parts) { c.ServerKeys, p.Backend = []string{"another one's key", serverKey}, sw })
		urls, nodes = append(urls, "http://"+serve(t, door)), append(nodes, sw)
	}
	return urls, nodes
}

func (d *device) open(t *testing.T, sw *signaling.Switchboard, user, name string) *signaling.Session {
	t.Helper()
	s, err := sw.Open(t.Context(), d, &auth.Identity{User: user}, signaling.Hello{SessionID: user + name, Device: name, Extended: true, Dialect: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// backend asks with a server key; the answer is its status and its body.
func backend(t *testing.T, method, url, key, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func wantAnswer(t *testing.T, what string, status int, answer string, wantStatus int, want string) {
	t.Helper()
	if status != wantStatus || !strings.Contains(answer, want) {
		t.Errorf("%s: %d %s, want %d %s", what, status, answer, wantStatus, want)
	}
}

func TestM9_BackEndsEmitFromAnyNode(t *testing.T) {
	urls, nodes := backends(t, 3)
	var a, a2, b device
	a.open(t, nodes[0], "ann", "phone")
	a2.open(t, nodes[1], "ann", "tablet")
	b.open(t, nodes[1], "bob", "phone")
	for i, url := range urls {
		status, answer := backend(t, "POST", url+"/api/server/emit", serverKey, fmt.Sprintf(`{"to":["ann","nobody","ann"],"event":"offer","args":[{"n":%d},"x"]}`, i))
		wantAnswer(t, "to ann", status, answer, 200, `{"devices":2,"nodes":{"node0":1,"node1":1}}`)
		want := fmt.Sprintf(`offer {"n":%d},"x"`, i)
		for _, d := range []*device{&a, &a2} {
			if got := d.list(); len(got) != i+1 || got[i] != want {
				t.Errorf("from node %d: got %q, want %q at the end", i, got, want)
			}
		}
	}
	if got := b.list(); len(got) != 0 {
		t.Errorf("bob got %q", got)
	}
	status, answer := backend(t, "POST", urls[2]+"/api/server/emit", serverKey, `{"all":true,"event":"news"}`)
	wantAnswer(t, "to all", status, answer, 200, `{"devices":3,"nodes":{"node0":1,"node1":2}}`)
	if got := b.list(); len(got) != 1 || got[0] != "news " {
		t.Errorf("bob got %q", got)
	}
	status, answer = backend(t, "POST", urls[0]+"/api/server/emit", serverKey, `{"to":"nobody","event":"offer"}`)
	wantAnswer(t, "to nobody", status, answer, 200, `{"devices":0,"nodes":{}}`)
}

// gathering is a store whose answers wait until so many have asked at once.
type gathering struct {
	presence.Store
	missing atomic.Int32
	all     chan struct{}
}

func (g *gathering) Routes(ctx context.Context, user string) ([]presence.Session, error) {
	if g.missing.Add(-1) == 0 {
		close(g.all)
	}
	select {
	case <-g.all:
		return g.Store.Routes(ctx, user)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// An event for many users has them looked up at the same time.
func TestM9_EmitToMany(t *testing.T) {
	cluster, err := memory.New(memory.Config{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	const users = 100
	g := &gathering{all: make(chan struct{})}
	g.missing.Store(users)
	nodes := make([]*signaling.Switchboard, 2)
	for i := range nodes {
		w := wheel.New(wheel.Config{})
		nodes[i], err = signaling.New(signaling.Config{}, signaling.Parts{Wheel: w}, func(h presence.Handler) (presence.Store, error) {
			store, err := cluster.Join(fmt.Sprint("node", i), h)
			if i > 0 || err != nil {
				return store, err
			}
			g.Store = store
			return g, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nodes[i].Close(); w.Close() })
	}
	list := make([]string, users)
	devices := make([]device, users)
	for i := range list {
		list[i] = fmt.Sprint("user", i)
		devices[i].open(t, nodes[1], list[i], "phone")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	reach, err := nodes[0].EmitToUsers(ctx, list, "news", []byte("1"))
	if err != nil || reach.Devices != users || reach.Nodes["node1"] != users {
		t.Fatalf("%+v, %v", reach, err)
	}
	for i := range devices {
		if got := devices[i].list(); len(got) != 1 || got[0] != "news 1" {
			t.Errorf("%s got %q", list[i], got)
		}
	}
}

func TestM9_UsersAndTheirEnd(t *testing.T) {
	urls, nodes := backends(t, 2)
	var a, b, b2 device
	sa := a.open(t, nodes[0], "ann", "phone")
	b.open(t, nodes[0], "bob", "phone")
	b2.open(t, nodes[1], "bob", "tablet")
	sa.Receive(&signaling.Request{Event: []byte(wire.CallUser), Args: [][]byte{[]byte(`{"to":"bob","signal":{"type":"offer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}}`)}})
	sa.Idle()
	_, answer := backend(t, "GET", urls[1]+"/api/server/users/bob", serverKey, "")
	var u signaling.UserState
	if err := json.Unmarshal([]byte(answer), &u); err != nil || !u.Online || len(u.Devices) != 2 || len(u.Calls) != 1 {
		t.Fatalf("%s, %v", answer, err)
	}
	if c := u.Calls[0]; c.State != "ringing" || c.Role != "callee" || c.Peer != "ann" {
		t.Errorf("%+v", c)
	}
	status, answer := backend(t, "POST", urls[1]+"/api/server/calls/"+u.Calls[0].ID+"/end", serverKey, "")
	wantAnswer(t, "end of the call", status, answer, 200, "{}")
	status, answer = backend(t, "POST", urls[1]+"/api/server/calls/"+u.Calls[0].ID+"/end", serverKey, "")
	wantAnswer(t, "its end again", status, answer, 200, "{}")
	status, answer = backend(t, "POST", urls[1]+"/api/server/calls/nothing/end", serverKey, "")
	wantAnswer(t, "no such call", status, answer, 404, `"code":"not_found"`)
	// What one node has ended, the other tells as soon as it hears of it.
	eventually(t, "bob's phone is told of the end", func() bool {
		got := b.list()
		return len(got) > 0 && strings.HasPrefix(got[len(got)-1], "call:state") && strings.Contains(strings.Join(got, " "), `call:end {"callId":"`+u.Calls[0].ID)
	})
	status, answer = backend(t, "POST", urls[0]+"/api/server/disconnect", serverKey, `{"user":"bob","device":"tablet"}`)
	wantAnswer(t, "one device", status, answer, 200, `{"devices":1,"nodes":{"node1":1}}`)
	if got := b2.closes(); len(got) != 1 || got[0] != wire.CloseDisconnected {
		t.Errorf("the tablet was closed with %v", got)
	}
	status, answer = backend(t, "POST", urls[1]+"/api/server/disconnect", serverKey, `{"user":"bob"}`)
	wantAnswer(t, "the other", status, answer, 200, `{"devices":1,"nodes":{"node0":1}}`)
	_, answer = backend(t, "GET", urls[1]+"/api/server/users/bob", serverKey, "")
	u = signaling.UserState{}
	if err := json.Unmarshal([]byte(answer), &u); err != nil || u.Online || len(u.Devices) != 0 || u.LastSeen == nil {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestM9_WhatIsRefused(t *testing.T) {
	urls, nodes := backends(t, 1)
	var a device
	a.open(t, nodes[0], "ann", "phone")
	url := urls[0] + "/api/server"
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		code                    string
	}{
		{"POST", "/emit", "", `{"all":true,"event":"x"}`, 401, "unauthorized"},
		{"POST", "/emit", "a wrong key of a back end", `{"all":true,"event":"x"}`, 401, "unauthorized"},
		{"GET", "/users/ann", "", "", 401, "unauthorized"},
		{"POST", "/emit", serverKey, `{"event":"x"}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":["ann"],"all":true,"event":"x"}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":[""],"event":"x"}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":7,"event":"x"}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":"ann","event":"disconnect"}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":"ann","event":""}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":"ann","event":"x","args":{}}`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":"ann","event":"x"} more`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `not JSON`, 400, "bad_payload"},
		{"POST", "/emit", serverKey, `{"to":"ann","event":"x","args":["` + strings.Repeat("x", 70_000) + `"]}`, 413, "payload_too_large"},
		{"POST", "/disconnect", serverKey, `{}`, 400, "bad_payload"},
		{"GET", "/emit", serverKey, "", 405, "method_not_allowed"},
		{"GET", "/elsewhere", serverKey, "", 404, "not_found"},
	} {
		status, answer := backend(t, c.method, url+c.path, c.key, c.body)
		wantAnswer(t, fmt.Sprintf("%s %s %.40s", c.method, c.path, c.body), status, answer, c.status, `"code":"`+c.code+`"`)
	}
	if got := a.list(); len(got) != 0 {
		t.Errorf("ann got %q", got)
	}
	closed := "http://" + serve(t, newServer(t, nil))
	status, answer := backend(t, "POST", closed+"/api/server/emit", serverKey, `{"all":true,"event":"x"}`)
	wantAnswer(t, "without keys", status, answer, 501, `"code":"not_configured"`)
	if _, err := New(Config{ServerKeys: []string{"short"}}, Parts{}); err == nil || !strings.Contains(err.Error(), "16 bytes") {
		t.Errorf("a short key: %v", err)
	}
}

// Ids in a path are percent-encoded, as encodeURIComponent does it.
func TestM9_UsersWhoseIDsAreNoPlainPath(t *testing.T) {
	urls, nodes := backends(t, 1)
	for i, user := range []string{"ann@example.com", "a/b", "ann lee", "50%40", "Zoë"} {
		var d device
		d.open(t, nodes[0], user, fmt.Sprint("phone", i))
		status, answer := backend(t, "GET", urls[0]+"/api/server/users/"+strings.ReplaceAll(url.QueryEscape(user), "+", "%20"), serverKey, "")
		var u signaling.UserState
		if err := json.Unmarshal([]byte(answer), &u); err != nil || status != 200 || u.User != user || len(u.Devices) != 1 {
			t.Errorf("%s: %d %s", user, status, answer)
		}
	}
	status, answer := backend(t, "GET", urls[0]+"/api/server/users/a%00b", serverKey, "")
	wantAnswer(t, "no user id", status, answer, 400, `"code":"bad_payload"`)
}

// What a browser would close its connection for is not sent to anybody.
func TestM9_ArgumentsThatAreNoText(t *testing.T) {
	urls, nodes := backends(t, 1)
	var a device
	a.open(t, nodes[0], "ann", "phone")
	for _, args := range []string{"[\"\xff\"]", "[{\"\xc3\":1}]", "[" + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "]"} {
		status, answer := backend(t, "POST", urls[0]+"/api/server/emit", serverKey, `{"to":"ann","event":"x","args":`+args+`}`)
		wantAnswer(t, fmt.Sprintf("%.20q", args), status, answer, 400, `"code":"bad_payload"`)
	}
	if got := a.list(); len(got) != 0 {
		t.Errorf("ann got %.40q", got)
	}
}

// The most users that one emit may name fit into its body, however long their ids.
func TestM9_EmitToAsManyAsThereMayBe(t *testing.T) {
	urls, nodes := backends(t, 1)
	var a device
	a.open(t, nodes[0], "ann", "phone")
	users := []string{"ann"}
	for i := len(users); i < maxEmitUsers; i++ {
		users = append(users, fmt.Sprintf("%0*d", wire.MaxUserID, i))
	}
	emit := func(users []string) (int, string) {
		body, err := json.Marshal(map[string]any{"to": users, "event": "x", "args": []string{strings.Repeat("x", 60_000)}})
		if err != nil {
			t.Fatal(err)
		}
		return backend(t, "POST", urls[0]+"/api/server/emit", serverKey, string(body))
	}
	status, answer := emit(users)
	wantAnswer(t, "to all that there may be", status, answer, 200, `"devices":1`)
	status, answer = emit(append(users, "one more"))
	wantAnswer(t, "to one more", status, answer, 400, `"code":"bad_payload"`)
}

func FuzzEmitBody(f *testing.F) {
	for _, s := range []string{`{"to":"a","event":"x","args":[1,{"a":[]}]}`, `{"all":true,"event":"x"}`, `{"to":["a",7]}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		var body emitBody
		if readBody(r, &body) != nil || body.check() != nil {
			return
		}
		for _, a := range body.Args {
			if !rawjson.Valid(a) {
				t.Errorf("%q is passed on", a)
			}
		}
	})
}
