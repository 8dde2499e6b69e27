package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// peerClock is the cluster's clock in these tests: no other node's own.
var peerClock = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

// inbound is a peer listener in front of a handler that says what it got.
func inbound(t testing.TB, change func(*PeersConfig)) (url string, p *Peers, c *http.Client) {
	t.Helper()
	cfg := PeersConfig{
		Key: peerKey, Self: nobody, Logger: quiet(), Now: func() time.Time { return peerClock }, MaxBody: 1000,
		Find: func(string) (string, bool) { return "", false },
	}
	if change != nil {
		change(&cfg)
	}
	p, l := newPeers(t, cfg)
	servePeers(t, p, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s xff=%q host=%s origin=%q hop=%q", r.Method, r.URL.RequestURI(), b,
			r.Header.Get("X-Forwarded-For"), r.Host, r.Header.Get("Origin"), r.Header.Get(headerPeerHop))
	}))
	return "http://" + l.Addr().String(), p, client(t)
}

// signed is a request as another node would send it; change comes before it is
// signed.
func signed(t testing.TB, run *peerRun, method, url, body string, change func(*peerClaim)) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	claim := run.next(peerClock)
	if change != nil {
		change(&claim)
	}
	claim.signature = claim.sign(peerKey, method, req.URL.RequestURI(), []byte(body))
	claim.write(req.Header)
	return req
}

func send(t testing.TB, c *http.Client, req *http.Request) (int, wire.Code, string) {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e errorBody
	_ = json.Unmarshal(b, &e) // what is no error has no code
	if refused := res.Header.Get(headerPeerRefused); refused != "" && refused != string(e.Code) {
		t.Errorf("refused as %q with the code %q", refused, e.Code)
	}
	return res.StatusCode, e.Code, string(b)
}

const peerPath = "/socket.io/?EIO=4&transport=polling&sid=a-b"

func TestP9_ListenerTakesOnlyWhatIsSigned(t *testing.T) {
	url, _, c := inbound(t, nil)
	run := newPeerRun()
	for _, tt := range []struct {
		name   string
		path   string // "" is peerPath
		claim  func(*peerClaim)
		tamper func(*http.Request)
		status int
		code   wire.Code
	}{
		{name: "good", status: 200},
		{name: "a minute early", claim: func(c *peerClaim) { c.at = c.at.Add(-peerSkew) }, status: 200},
		{name: "a minute late", claim: func(c *peerClaim) { c.at = c.at.Add(peerSkew) }, status: 200},
		{name: "too old", claim: func(c *peerClaim) { c.at = c.at.Add(-peerSkew - time.Millisecond) }, status: 403, code: "bad_time"},
		{name: "of the future", claim: func(c *peerClaim) { c.at = c.at.Add(peerSkew + time.Millisecond) }, status: 403, code: "bad_time"},
		{name: "passed on twice", claim: func(c *peerClaim) { c.hop = 2 }, status: 508, code: "loop"},
		{name: "never passed on", claim: func(c *peerClaim) { c.hop = 0 }, status: 508, code: "loop"},
		{name: "no signature", tamper: func(r *http.Request) { r.Header.Del(headerPeerSignature) }, status: 403, code: "bad_signature"},
		{name: "no time", tamper: func(r *http.Request) { r.Header.Del(headerPeerTime) }, status: 403, code: "bad_signature"},
		{name: "no hop", tamper: func(r *http.Request) { r.Header.Del(headerPeerHop) }, status: 403, code: "bad_signature"},
		{name: "no nonce", tamper: func(r *http.Request) { r.Header.Del(headerPeerNonce) }, status: 403, code: "bad_signature"},
		{name: "another time", tamper: func(r *http.Request) {
			r.Header.Set(headerPeerTime, strconv.FormatInt(peerClock.UnixMilli()+1, 10))
		}, status: 403, code: "bad_signature"},
		{name: "another hop", claim: func(c *peerClaim) { c.hop = 2 }, tamper: func(r *http.Request) { r.Header.Set(headerPeerHop, "1") }, status: 403, code: "bad_signature"},
		{name: "another number", tamper: func(r *http.Request) { r.Header.Set(headerPeerNonce, run.id+".999") }, status: 403, code: "bad_signature"},
		{name: "two signatures", tamper: func(r *http.Request) { r.Header.Add(headerPeerSignature, strings.Repeat("0", 64)) }, status: 403, code: "bad_signature"},
		{name: "upper case", tamper: func(r *http.Request) {
			r.Header.Set(headerPeerSignature, strings.ToUpper(r.Header.Get(headerPeerSignature)))
		}, status: 403, code: "bad_signature"},
		{name: "another method", tamper: func(r *http.Request) { r.Method = http.MethodPut }, status: 403, code: "bad_signature"},
		{name: "another session", tamper: func(r *http.Request) { r.URL.RawQuery += "&sid=c-d" }, status: 403, code: "bad_signature"},
		{name: "another body", tamper: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("BODY")) }, status: 403, code: "bad_signature"},
		{name: "another path", path: "/api/users/online", status: 404, code: wire.CodeNotFound},
		{name: "metrics", path: "/metrics", status: 404, code: wire.CodeNotFound},
		{name: "a handshake", path: "/socket.io/?EIO=4&transport=polling", status: 400, code: wire.CodeBadPayload},
	} {
		path := tt.path
		if path == "" {
			path = peerPath
		}
		req := signed(t, run, http.MethodPost, url+path, "body", tt.claim)
		if tt.tamper != nil {
			tt.tamper(req)
		}
		if status, code, body := send(t, c, req); status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, body, tt.status, tt.code)
		}
	}
	url, _, c = inbound(t, func(c *PeersConfig) { c.Key = []byte("the key of another cluster") })
	if status, code, _ := send(t, c, signed(t, run, http.MethodGet, url+peerPath, "", nil)); status != 403 || code != "bad_signature" {
		t.Errorf("another cluster's node: %d %s", status, code)
	}
}

func TestP9_NothingIsTakenTwice(t *testing.T) {
	url, p, c := inbound(t, nil)
	run := newPeerRun()
	number := func(n uint64) *http.Request {
		return signed(t, run, http.MethodGet, url+peerPath, "", func(c *peerClaim) { c.seq = n })
	}
	for _, tt := range []struct {
		seq  uint64
		code wire.Code
	}{
		{5, ""}, {5, "replayed"}, {4, ""}, {6, ""}, {4, "replayed"}, {5, "replayed"}, {peerWindow + 4, ""},
		{4, "replayed"}, // too old to know
		{7, ""}, {peerWindow + 6, ""}, {7, "replayed"}, {1 << 40, ""}, {peerWindow + 5, "replayed"},
		{1<<40 - 3, ""}, {1<<40 - 3, "replayed"},
	} {
		if status, code, _ := send(t, c, number(tt.seq)); code != tt.code || (code != "") != (status == 403) {
			t.Errorf("number %d: %d %q, want %q", tt.seq, status, code, tt.code)
		}
	}
	if n := counted(t, p, "in", "replayed"); n != 7 {
		t.Errorf("counted %v", n)
	}
}

// TestP9_MemoryOfReplaysIsBounded: whoever has the key could make up senders.
func TestP9_MemoryOfReplaysIsBounded(t *testing.T) {
	var r replays
	now := peerClock
	for i := range maxPeerRuns {
		if err := r.first(&peerClaim{run: strconv.Itoa(i), seq: 1}, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.first(&peerClaim{run: "one more", seq: 1}, now.Add(2*peerSkew)); err == nil {
		t.Error("one of them was forgotten whose requests could come again")
	}
	if err := r.first(&peerClaim{run: "one more", seq: 1}, now.Add(2*peerSkew+1)); err != nil || len(r.runs) != 1 {
		t.Errorf("%d senders are remembered: %v", len(r.runs), err)
	}
}

func TestP9_ListenerBoundsBodies(t *testing.T) {
	url, _, c := inbound(t, nil)
	if status, _, _ := send(t, c, signed(t, newPeerRun(), http.MethodPost, url+peerPath, strings.Repeat("x", 1001), nil)); status != 413 {
		t.Errorf("%d", status)
	}
	if status, _, _ := send(t, c, signed(t, newPeerRun(), http.MethodPost, url+peerPath, strings.Repeat("x", 1000), nil)); status != 200 {
		t.Errorf("%d", status)
	}
}

// TestP9_WhatThePeerGets: the client's address, its Host, no Origin, and nothing
// that it says in the nodes' name.
func TestP9_WhatThePeerGets(t *testing.T) {
	url, _, _ := inbound(t, nil)
	addr := strings.TrimPrefix(url, "http://")
	front := func(c PeersConfig) string {
		c.Key, c.Self, c.Logger, c.Now = peerKey, nobody, quiet(), func() time.Time { return peerClock }
		c.Find = func(string) (string, bool) { return addr, true }
		p, l := newPeers(t, c)
		t.Cleanup(func() { _ = p.Close() })
		_ = l.Close()
		return serve(t, newServer(t, func(_ *Config, parts *Parts) {
			parts.SocketIO = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !p.Forward(w, r, r.URL.Query().Get("sid")) {
					t.Error("not passed on")
				}
			})
		}))
	}
	for name, tt := range map[string]struct {
		cfg PeersConfig
		xff string
	}{
		"a client":        {PeersConfig{}, "127.0.0.1"},
		"a trusted proxy": {PeersConfig{TrustedProxies: loopbackPrefix}, "192.0.2.7, 127.0.0.1"},
	} {
		res, body := ask(t, client(t), http.MethodDelete, "http://"+front(tt.cfg)+"/socket.io/?sid=x-y&q=%zz;a", "Host", "app.example", "Origin", "https://app.example",
			"X-Forwarded-For", "192.0.2.7", headerPeerHop, "7", headerPeerSignature, "mine", headerPeerTime, "0")
		if want := fmt.Sprintf(`DELETE /socket.io/?sid=x-y&q=%%zz;a  xff=%q host=app.example origin="" hop=""`, tt.xff); res.StatusCode != 200 || body != want {
			t.Errorf("%s: %d\n%s, want\n%s", name, res.StatusCode, body, want)
		}
	}
}

// TestP9_NodesThatDisagreeAreNoClientsBusiness: it gets 503, the operators the
// reason.
func TestP9_NodesThatDisagreeAreNoClientsBusiness(t *testing.T) {
	url, in, _ := inbound(t, nil)
	p, l := newPeers(t, PeersConfig{
		Key: []byte("the key of another cluster"), Self: nobody, Logger: quiet(), Now: func() time.Time { return peerClock },
		Find: func(string) (string, bool) { return strings.TrimPrefix(url, "http://"), true },
	})
	_ = l.Close()
	t.Cleanup(func() { _ = p.Close() })
	host := serve(t, newServer(t, func(_ *Config, parts *Parts) {
		parts.SocketIO = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Forward(w, r, "x-y") })
	}))
	res, body := ask(t, client(t), http.MethodGet, "http://"+host+peerPath)
	wantError(t, res, body, wire.CodeUnavailable)
	if counted(t, p, "out", "refused") != 1 || counted(t, in, "in", "bad_signature") != 1 {
		t.Error("not counted")
	}
}

// TestP9_OneHopOnly: two nodes that take each other for the owner of a session
// do not send its requests in circles.
func TestP9_OneHopOnly(t *testing.T) {
	addrs := make([]string, 2)
	listeners := make([]net.Listener, 2)
	nodes := make([]*Peers, 2)
	for i := range nodes {
		nodes[i], listeners[i] = newPeers(t, PeersConfig{
			Key: peerKey, Self: nobody, Logger: quiet(), Find: func(string) (string, bool) { return addrs[1-i], true },
		})
		addrs[i] = listeners[i].Addr().String()
	}
	handler := func(p *Peers) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !p.Forward(w, r, "x-y") {
				w.WriteHeader(http.StatusBadRequest)
			}
		})
	}
	for i := range nodes {
		servePeers(t, nodes[i], listeners[i], handler(nodes[i]))
	}
	host := serve(t, newServer(t, func(_ *Config, parts *Parts) { parts.SocketIO = handler(nodes[0]) }))
	if res, _ := ask(t, client(t), http.MethodGet, "http://"+host+peerPath); res.StatusCode != http.StatusBadRequest {
		t.Errorf("%d", res.StatusCode)
	}
	if counted(t, nodes[1], "in", "second_hop") != 1 || counted(t, nodes[0], "in", "served") != 0 {
		t.Error("it went round")
	}
}

// FuzzPeerHeaders: headers of strangers never pass, never panic, and what is
// accepted is exactly what a node would have written.
func FuzzPeerHeaders(f *testing.F) {
	run := &peerRun{id: strings.Repeat("0a", 16)}
	claim := run.next(peerClock)
	claim.signature = claim.sign(peerKey, http.MethodGet, peerPath, nil)
	h := make(http.Header)
	claim.write(h)
	f.Add(h.Get(headerPeerTime), h.Get(headerPeerHop), h.Get(headerPeerNonce), h.Get(headerPeerSignature))
	f.Add("", "", "", "")
	f.Add("+1", "01", ".1", strings.Repeat("f", 64))
	f.Fuzz(func(t *testing.T, at, hop, nonce, signature string) {
		h := http.Header{headerPeerTime: {at}, headerPeerHop: {hop}, headerPeerNonce: {nonce}, headerPeerSignature: {signature}}
		c, err := readPeerClaim(h)
		if err != nil {
			return
		}
		again := make(http.Header)
		c.write(again)
		for name, v := range h {
			if again.Get(name) != v[0] {
				t.Errorf("%s: %q was read as %q", name, v[0], again.Get(name))
			}
		}
		if c.verify(peerKey, http.MethodGet, peerPath, nil) == nil && (!c.at.Equal(claim.at) || c.hop != 1 || c.run != claim.run || c.seq != claim.seq) {
			t.Errorf("%+v has a right signature", c)
		}
		_ = c.timely(peerClock)
	})
}

var loopbackPrefix = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
