package jsonws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestHello_ComesFirst(t *testing.T) {
	r := newRig(t, nil)
	p := r.join("ann", "deviceId=phone")
	h := p.hello
	if h.SID == "" || h.User != "ann" || h.Device != "phone" || h.Node != "n1" || h.Resumed || h.ResumeToken == "" ||
		h.ResumeWindowMs != 20_000 || h.PingIntervalMs != 25_000 || h.MaxPayload != 1<<20 || time.Since(time.UnixMilli(h.ServerTime)) > time.Minute {
		t.Errorf("hello %+v", h)
	}
	if p.ws.Subprotocol() != Subprotocol {
		t.Errorf("subprotocol %q", p.ws.Subprotocol())
	}
	eq(t, "the online list", p.wants("getOnlineUsers"), `["ann"]`)
}

func TestI1_TokenIsFoundInItsPlaces(t *testing.T) {
	r := newRig(t, nil)
	good := token("ann")
	origin := http.Header{"Origin": {"http" + r.url[2:]}}
	for name, c := range map[string]struct {
		query  string
		header http.Header
	}{
		"query":          {"token=" + good, nil},
		"header":         {"", http.Header{"Authorization": {"Bearer " + good}}},
		"cookie":         {"", http.Header{"Cookie": {"jwt=" + good}, "Origin": origin["Origin"]}},
		"query is first": {"token=" + good, http.Header{"Authorization": {"Bearer " + token("bob")}}},
		"same user":      {"userId=ann&token=" + good, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.dial(c.query, c.header)
			p.t = t
			p.greeted()
			eq(t, "user", p.hello.User, "ann")
		})
	}
}

func TestI1_AuthFrame(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial("", nil) // shows nothing: it will say
	p.write(`{"event":"auth","args":[{"token":"` + token("ann") + `","deviceId":"d","resume":null}],"id":3}`)
	p.greeted()
	eq(t, "ack", p.acked(3), `{}`)
	eq(t, "device", p.hello.Device, "d")
	// With a header that it does not want to be taken for.
	p = r.dial("auth=frame", http.Header{"Authorization": {"Bearer " + token("bob")}})
	p.write(`{"event":"auth","args":[{"token":"` + token("cat") + `"}]}`)
	p.greeted()
	eq(t, "user", p.hello.User, "cat")
}

func TestI4_OpenServerTrustsUserID(t *testing.T) {
	r := newRig(t, nil, open)
	p := r.dial("userId=ann", nil)
	p.greeted()
	eq(t, "user", p.hello.User, "ann")
	p = r.dial("", nil)
	p.write(`{"event":"auth","args":[{"userId":"bob"}]}`)
	p.greeted()
	eq(t, "user", p.hello.User, "bob")
	p = r.dial("userId=ann", http.Header{"X-Forwarded-For": {"192.0.2.1"}})
	p.refused(t, wire.CodeForbidden, wire.CloseForbidden)
}

// refused checks the error event and the close that follow a refusal.
func (p *peer) refused(t *testing.T, code wire.Code, why wire.CloseCode) {
	t.Helper()
	p.t = t
	f := p.read()
	if f.Event != "error" || len(f.Args) != 1 {
		t.Fatalf("first frame %+v, want an error event", f)
	}
	eq(t, "error", args(f), `{"code":"`+string(code)+`","message":`+quoted(args(f))+`,"event":"auth"}`)
	p.wantClose(why.Code, string(code))
}

func TestRefused_CodesAndCloseCodes(t *testing.T) {
	r := newRig(t, func(_ *Config, s *signaling.Config) { s.SessionsPerUser = 1 })
	r.join("full", "deviceId=one")
	other, err := auth.Mint("some other secret of thirty-two bytes or so", "ann", time.Now(), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := auth.Mint(secret, "ann", time.Now().Add(-2*time.Hour), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		query  string
		header http.Header
		code   wire.Code
		why    wire.CloseCode
	}{
		"wrong secret":     {"token=" + other, nil, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"no token":         {"token=abc", nil, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"expired":          {"token=" + old, nil, wire.CodeTokenExpired, wire.CloseTokenExpired},
		"another userId":   {"userId=bob&token=" + token("ann"), nil, wire.CodeIdentityMismatch, wire.CloseForbidden},
		"foreign cookie":   {"", http.Header{"Cookie": {"jwt=" + token("ann")}}, wire.CodeOriginNotAllowed, wire.CloseForbidden},
		"too many devices": {"token=" + token("full"), nil, wire.CodeTooManySessions, wire.CloseRateLimited},
		"bad deviceId":     {"deviceId=%00&token=" + token("ann"), nil, wire.CodeBadPayload, wire.CloseForbidden},
	} {
		t.Run(name, func(t *testing.T) { r.dial(c.query, c.header).refused(t, c.code, c.why) })
	}
}

func TestRefused_AuthFrames(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		frame string
		code  wire.Code
		why   wire.CloseCode
	}{
		"another event": {`{"event":"typing","args":[{}]}`, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"no frame":      {`hello`, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"no token":      {`{"event":"auth","args":[{}]}`, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"no args":       {`{"event":"auth"}`, wire.CodeUnauthorized, wire.CloseUnauthorized},
		"wrong type":    {`{"event":"auth","args":[{"token":7}]}`, wire.CodeBadPayload, wire.CloseForbidden},
		"no object":     {`{"event":"auth","args":["x"]}`, wire.CodeBadPayload, wire.CloseForbidden},
		"bad resume":    {`{"event":"auth","args":[{"resume":{"token":"a.b","lastSeq":-1}}]}`, wire.CodeBadPayload, wire.CloseForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.dial("", nil)
			p.write(c.frame)
			p.refused(t, c.code, c.why)
		})
	}
	until(t, "all guests are gone", func() bool { return r.srv.waiting.len() == 0 })
}

func TestO4_HandshakeTimeout(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.HandshakeTimeout = 50 * time.Millisecond })
	p := r.dial("", nil)
	p.wantClose(wire.CloseHandshakeTimeout.Code, wire.CloseHandshakeTimeout.Reason)
	until(t, "the guest is gone", func() bool { return r.srv.waiting.len() == 0 })
}

func TestO4_MaxHandshakes(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.MaxHandshakes = 3 })
	in := r.join("ann")
	var guests []*peer
	for i := range 3 {
		guests = append(guests, r.dial("", nil))
		until(t, "it waits", func() bool { return r.srv.waiting.len() == i+1 })
	}
	last := r.dial("", nil)
	guests[0].wantClose(wire.CloseHandshakeTimeout.Code, wire.CloseHandshakeTimeout.Reason)
	r.join("bob").sent() // who shows a token in the request waits for nobody
	for name, p := range map[string]*peer{"the second": guests[1], "the last": last} {
		p.write(fmt.Sprintf(`{"event":"auth","args":[{"token":%q}]}`, token("cid")))
		p.greeted()
		if p.hello.User != "cid" {
			t.Errorf("%s who waits came in as %q", name, p.hello.User)
		}
	}
	eq(t, "who is in is not disturbed", in.ask("call:end", `{}`), "!not_in_call")
	guests[2].cut()
	until(t, "nobody waits", func() bool { return r.srv.waiting.len() == 0 })
}

func TestServeHTTP_RefusesWhatIsNoUpgrade(t *testing.T) {
	r := newRig(t, nil)
	res, err := http.Get("http" + r.url[2:])
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain GET is answered %d, want 426", res.StatusCode)
	}
	_, res, err = r.tryDial("token="+token("ann"), http.Header{"Origin": {"https://evil.example"}})
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign origin: %v, %v; want 403", res, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestO2_DrainingServerSendsClientsElsewhere(t *testing.T) {
	r := newRig(t, nil)
	p := r.join("ann")
	r.sw.Drain(time.Second)
	eq(t, "server:drain", p.wants("server:drain"), `{"reconnectWithinMs":1000}`)
	_, res, err := r.tryDial("token="+token("bob"), nil)
	if err == nil || res == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("a newcomer: %v, %v; want 503", res, err)
	}
	eq(t, "who is in is not disturbed", p.ask("call:end", `{}`), "!not_in_call")
}

func TestDeflate_IfConfigured(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.WS.Compression = true })
	ws, res, err := (&websocket.Dialer{EnableCompression: true}).Dial(r.url+"/?token="+token("ann"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if res.Header.Get("Sec-WebSocket-Extensions") == "" {
		t.Error("permessage-deflate was not agreed on")
	}
	p := &peer{t: t, ws: ws}
	p.greeted()

	eq(t, "an event", p.ask("call:end", `{"to":"`+strings.Repeat("x", 2000)+`"}`), "!not_in_call")
	p = r.join("bob") // and one without
	eq(t, "an event", p.ask("call:end", `{}`), "!not_in_call")
}

// quoted is the message of an error object, as it stands there.
func quoted(object string) string {
	var p struct{ Message json.RawMessage }
	_ = json.Unmarshal([]byte(object), &p)
	return string(p.Message)
}
