package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// TestP9_PollsOfOneSessionAlternateBetweenNodes: no load balancer has to keep a
// client at one node.
func TestP9_PollsOfOneSessionAlternateBetweenNodes(t *testing.T) {
	nodes := peerNodes(t, 3, nil)
	ann, bob := open(t, nodes...), open(t, nodes[2], nodes[0], nodes[1])
	ann.join("ann")
	bob.join("bob")
	for i := range 30 {
		ann.post(fmt.Sprintf(`42%d["nobody knows this",%d]`, i, i))
		if got := ann.wants("43"); !strings.HasPrefix(got, fmt.Sprintf("43%d[", i)) {
			t.Fatalf("answer %d is %s", i, got)
		}
		ann.post(fmt.Sprintf(`42["messageSeen",{"messageId":"m%d","senderId":"bob"}]`, i))
		if got := bob.wants(`42["messageStatusUpdated"`); !strings.Contains(got, fmt.Sprintf(`"m%d"`, i)) {
			t.Fatalf("receipt %d is %s", i, got)
		}
	}
	if n := counted(t, nodes[1].peers, "out", "answered"); n < 20 {
		t.Errorf("the second node passed on %v requests", n)
	}
	if n := counted(t, nodes[0].peers, "in", "served"); n < 20 {
		t.Errorf("the first node took %v requests", n)
	}
}

// TestP9_UpgradeOnTheWrongNode keeps the order of what was sent across it.
func TestP9_UpgradeOnTheWrongNode(t *testing.T) {
	nodes := peerNodes(t, 2, nil)
	ann, bob := open(t, nodes[0], nodes[1]), open(t, nodes[1], nodes[0])
	ann.join("ann")
	bob.join("bob")
	tell := func(i int) {
		bob.post(fmt.Sprintf(`42["messageSeen",{"messageId":"m%d","senderId":"ann"}]`, i))
	}
	tell(0)
	if got := ann.wants(`42["messageStatusUpdated"`); !strings.Contains(got, `"m0"`) {
		t.Fatalf("first %s", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, res, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+nodes[1].host+"/socket.io/?EIO=4&transport=websocket&sid="+ann.sid,
		http.Header{"Origin": {"https://app.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if got := res.Header.Values("Access-Control-Allow-Origin"); len(got) > 1 {
		t.Errorf("CORS headers %q", got)
	}
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	read := func() string {
		_, b, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	write := func(s string) {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write("2probe")
	if got := read(); got != "3probe" {
		t.Fatalf("probe answered %s", got)
	}
	for i := 1; i <= 10; i++ { // wait for a poll that does not come
		tell(i)
	}
	write("5")
	for i := 11; i <= 20; i++ {
		tell(i)
	}
	for i := 1; i <= 20; {
		got := read()
		if got == "2" {
			write("3")
		}
		if !strings.HasPrefix(got, `42["messageStatusUpdated"`) {
			continue
		}
		if !strings.Contains(got, fmt.Sprintf(`"m%d"`, i)) {
			t.Fatalf("message %d is %s", i, got)
		}
		i++
	}
	// And the other way; the end of the transport reaches the session too.
	write(`427["nobody knows this"]`)
	for !strings.HasPrefix(read(), "437[") {
	}
	if n := counted(t, nodes[1].peers, "out", "upgraded"); n != 1 {
		t.Errorf("%v upgrades were passed on", n)
	}
	_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
	eventually(t, "ann's session ends", func() bool { return nodes[0].sw.Sessions() == 0 })
}

// TestP9_NodeThatClosesCutsUpgrades, so that their clients come again elsewhere.
func TestP9_NodeThatClosesCutsUpgrades(t *testing.T) {
	nodes := peerNodes(t, 2, nil)
	ann := open(t, nodes[0])
	ann.join("ann")
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+nodes[1].host+"/socket.io/?EIO=4&transport=websocket&sid="+ann.sid, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	began := time.Now()
	_ = nodes[1].peers.Close()
	if took := time.Since(began); took > 5*time.Second { // the session's node gives a probe 10 s
		t.Errorf("closing took %v", took)
	}
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	var late net.Error
	if _, _, err := ws.ReadMessage(); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Fatalf("the upgrade was not cut: %v", err)
	}
}

func TestP9_BodyBeyondMaxPayload(t *testing.T) {
	nodes := peerNodes(t, 2, func(c *PeersConfig, io *socketio.Config) { c.MaxBody, io.Engine.MaxPayload = 1000, 1000 })
	ann := open(t, nodes...)
	ann.turn = 1 // the wrong node
	if res, _ := ann.do(http.MethodPost, "4"+strings.Repeat("x", 1000)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%d", res.StatusCode)
	}
	ann.turn = 1
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, ann.at(), io.MultiReader(strings.NewReader(strings.Repeat("x", 2000)))) // no length
	res, err := ann.c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("chunked: %d", res.StatusCode)
	}
	ann.join("ann") // the session is as it was
}

// TestP9_SessionOfNobody is answered as the engine itself does.
func TestP9_SessionOfNobody(t *testing.T) {
	nodes := peerNodes(t, 2, nil)
	const want = `{"code":1,"message":"Session ID unknown"}`
	for name, sid := range map[string]string{
		"dead node": "gone-AAAAAAAAAAAAAAAAAAAA", "no tag": "AAAAAAAAAAAAAAAAAAAA", "empty tag": "-A",
		"own": nodes[0].sw.Tag() + "-AAAA", "the other's": nodes[1].sw.Tag() + "-AAAA",
	} {
		res, body := ask(t, client(t), http.MethodGet, nodes[0].url+"/socket.io/?EIO=4&transport=polling&sid="+sid)
		if res.StatusCode != 400 || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
}

// TestP9_NodeThatDoesNotAnswer: 503 at once where nothing listens, and after the
// time for it where somebody does but says nothing.
func TestP9_NodeThatDoesNotAnswer(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for name, addr := range map[string]string{"dead": dead.Addr().String(), "mute": mute.Addr().String()} {
		p, err := NewPeers(PeersConfig{
			Key: peerKey, Self: nobody, Logger: quiet(), AnswerTimeout: 50 * time.Millisecond, Find: func(string) (string, bool) { return addr, true },
		})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if !p.Forward(w, httptest.NewRequest(http.MethodPost, "/socket.io/?sid=x-y", strings.NewReader("x")), "x-y") {
			t.Errorf("%s: not answered", name)
		}
		wantError(t, result(w), w.Body.String(), wire.CodeUnavailable)
		if n := counted(t, p, "out", "unreachable"); n != 1 {
			t.Errorf("%s: counted %v", name, n)
		}
		_ = p.Close()
		if p.Forward(w, httptest.NewRequest(http.MethodGet, "/socket.io/?sid=x-y", nil), "x-y") {
			t.Errorf("%s: passed on after Close", name)
		}
	}
}

func result(w *httptest.ResponseRecorder) *http.Response {
	res := w.Result()
	res.Request = &http.Request{}
	return res
}

// TestP9_NodeThatIsNew: its sessions may reach another node before that has heard
// of it. What nobody hears of is waited for once; what is gone may come back, for a
// while.
func TestP9_NodeThatIsNew(t *testing.T) {
	node := peerNodes(t, 1, nil)[0]
	sid := open(t, node).sid
	tag := node.sw.Tag()
	var known book
	asked := make(chan string, 1000)
	p, l := newPeers(t, PeersConfig{
		Key: peerKey, Self: func() string { return "own" }, Logger: quiet(), FindTimeout: time.Second, Now: node.sw.Now,
		Find: func(tag string) (string, bool) {
			asked <- tag
			return known.find(tag)
		},
	})
	_ = l.Close()
	t.Cleanup(func() { _ = p.Close() })
	host := serve(t, newServer(t, func(_ *Config, parts *Parts) {
		parts.SocketIO = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !p.Forward(w, r, r.URL.Query().Get("sid")) {
				w.WriteHeader(http.StatusBadRequest)
			}
		})
	}))
	post := func(sid string) int {
		res, err := client(t).Post("http://"+host+"/socket.io/?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("3"))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	go func() {
		<-asked // and then it is heard of
		known.put(tag, node.addr)
	}()
	if code := post(sid); code != 200 {
		t.Fatalf("a new node's session: %d", code)
	}
	asks := func(sid string) (n int) {
		for len(asked) > 0 {
			<-asked
		}
		if code := post(sid); code != 400 {
			t.Errorf("%s: %d", sid, code)
		}
		return len(asked)
	}
	known.forget(tag)
	if n := asks(sid); n == 1 {
		t.Error("a node that may come back was not waited for")
	}
	p.known.know(tag, time.Now().Add(-returnTime-time.Second))
	for what, tt := range map[string]struct {
		sid  string
		wait bool
	}{
		"own": {"own-A", false}, "long gone": {sid, false}, "no tag": {strings.Repeat("x", maxPeerTag+1) + "-A", false}, "never heard of": {"new-A", true},
	} {
		if n := asks(tt.sid); n > 1 != tt.wait {
			t.Errorf("%s: asked %d times", what, n)
		}
	}
	if n := asks("new-A"); n != 1 {
		t.Errorf("waited for again: asked %d times", n)
	}
}

// TestP9_NodeThatComesBack: its session's request is there before the news.
func TestP9_NodeThatComesBack(t *testing.T) {
	var known book
	looked := make(chan struct{}, 1000)
	p, l := newPeers(t, PeersConfig{
		Key: peerKey, Self: func() string { return "own" }, Logger: quiet(), FindTimeout: 10 * time.Second,
		Find: func(tag string) (string, bool) {
			looked <- struct{}{}
			return known.find(tag)
		},
	})
	_ = l.Close()
	t.Cleanup(func() { _ = p.Close() })
	known.put("tag", "here")
	found := func() {
		t.Helper()
		if addr, ok := p.find(t.Context(), "tag"); !ok || addr != "here" {
			t.Fatalf("found %q %t", addr, ok)
		}
	}
	found()
	for range 3 { // it comes and goes
		known.forget("tag")
		for len(looked) > 0 {
			<-looked
		}
		go func() {
			<-looked // in vain
			known.put("tag", "here")
		}()
		found()
	}
}

// TestP9_ClientGoesAwayInMidPoll: its session hears of it on its own node.
func TestP9_ClientGoesAwayInMidPoll(t *testing.T) {
	nodes := peerNodes(t, 2, nil)
	ann := open(t, nodes...)
	ann.join("ann")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ann.turn = 1
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ann.at(), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := counted(t, nodes[0].peers, "in", "served")
	gone := make(chan error, 1)
	go func() {
		for { // what is still waiting comes first
			res, err := ann.c.Do(req)
			if err != nil {
				gone <- err
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}()
	eventually(t, "a poll waits", func() bool {
		return counted(t, nodes[0].peers, "in", "served") > before
	})
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	eventually(t, "the session's transport is gone", func() bool {
		res, body := ann.do(http.MethodGet, "")
		return res.StatusCode == 400 && strings.Contains(body, `"code":1`)
	})
}

// TestP9_CORSOnce: the node that the client asked answers for its origin.
func TestP9_CORSOnce(t *testing.T) {
	nodes := peerNodes(t, 2, nil)
	ann := open(t, nodes[0])
	url := nodes[1].url + "/socket.io/?EIO=4&transport=polling&sid=" + ann.sid
	for name, res := range map[string]*http.Response{
		"good": first(ask(t, client(t), http.MethodPost, url, "Origin", "https://app.example")),
		"bad":  first(ask(t, client(t), http.MethodDelete, url, "Origin", "https://app.example")),
	} {
		for header, want := range map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Credentials": "true", "Vary": "Origin"} {
			if got := res.Header.Values(header); len(got) != 1 || got[0] != want {
				t.Errorf("%s (%d): %s: %q", name, res.StatusCode, header, got)
			}
		}
	}
	if res, _ := ask(t, client(t), http.MethodGet, url, "Origin", "https://evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign origin: %d", res.StatusCode)
	}
	res, _ := ask(t, client(t), http.MethodOptions, url, "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("preflight: %d", res.StatusCode)
	}
}

func first(res *http.Response, _ string) *http.Response { return res }
