package engine_test

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestHandshake_Keys(t *testing.T) {
	r := newRig(t, engine.Config{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond, MaxPayload: 12345})
	want := opening{Upgrades: []string{"websocket"}, PingInterval: 300, PingTimeout: 200, MaxPayload: 12345}
	res, body := r.request("GET", "EIO=4&transport=polling", "")
	got := parseOpening(t, body)
	want.SID = got.SID
	if !reflect.DeepEqual(got, want) || len(got.SID) != 20 {
		t.Errorf("polling: %s", body)
	}
	if ct := res.Header.Get("Content-Type"); ct != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", ct)
	}
	_, got = r.connect()
	want.SID, want.Upgrades = got.SID, []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("WebSocket: %+v", got)
	}
}

func TestErrors_AllCodes(t *testing.T) {
	forbid := false
	r := newRig(t, engine.Config{AllowRequest: func(*http.Request) (int, string) {
		if forbid {
			return http.StatusForbidden, ""
		}
		return 0, ""
	}})
	session := r.poller()
	_, over := r.connect()
	for _, c := range []struct {
		method, query string
		code          engine.ErrorCode
	}{
		{"GET", "EIO=4", engine.UnknownTransport},
		{"GET", "EIO=4&transport=abc", engine.UnknownTransport},
		{"GET", "EIO=4&transport=polling&sid=nobody", engine.UnknownSession},
		{"POST", "EIO=4&transport=polling&sid=nobody", engine.UnknownSession},
		{"POST", "EIO=4&transport=polling", engine.BadHandshakeMethod},
		{"PUT", "EIO=4&transport=polling", engine.BadHandshakeMethod},
		{"OPTIONS", "EIO=4&transport=polling", engine.BadHandshakeMethod},
		{"GET", "EIO=4&transport=websocket", engine.BadRequest},
		{"GET", strings.Replace(session, "polling", "websocket", 1), engine.BadRequest},
		{"PUT", session, engine.BadRequest},
		{"GET", "EIO=4&transport=polling&sid=" + over.SID, engine.BadRequest},
		{"GET", "EIO=3&transport=polling", engine.UnsupportedProtocolVersion},
		{"GET", "transport=polling", engine.UnsupportedProtocolVersion},
		{"GET", "EIO=abc&transport=polling", engine.UnsupportedProtocolVersion},
	} {
		r.wantRefusal(c.method, c.query, http.StatusBadRequest, c.code)
	}
	forbid = true
	r.wantRefusal("GET", "EIO=4&transport=polling", http.StatusForbidden, engine.Forbidden)
	r.wantOpen()
}

func TestErrors_Upgrades(t *testing.T) {
	r := newRig(t, engine.Config{})
	for query, code := range map[string]string{
		"EIO=3&transport=websocket":            `"code":5`,
		"transport=websocket":                  `"code":5`,
		"EIO=4&transport=polling":              `"code":3`,
		"EIO=4":                                `"code":0`,
		"EIO=4&transport=websocket&sid=nobody": `"code":1`,
	} {
		_, res, err := r.dial(query)
		if err == nil || res == nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v", query, err)
			continue
		}
		b := make([]byte, 200)
		n, _ := res.Body.Read(b)
		if !strings.Contains(string(b[:n]), code) {
			t.Errorf("%s: %q, want %s", query, b[:n], code)
		}
	}
}

func TestAllowRequest_OwnStatusAndMessage(t *testing.T) {
	r := newRig(t, engine.Config{AllowRequest: func(*http.Request) (int, string) { return 429, "slow down" }})
	res, body := r.request("GET", "EIO=4&transport=polling", "")
	if res.StatusCode != 429 || body != `{"code":4,"message":"slow down"}` {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if _, res, err := r.dial("EIO=4&transport=websocket"); err == nil || res.StatusCode != 429 {
		t.Errorf("upgrade: %v", err)
	}
}

func TestTransports_OnlyOne(t *testing.T) {
	r := newRig(t, engine.Config{Transports: []string{engine.Polling}})
	_, body := r.request("GET", "EIO=4&transport=polling", "")
	if o := parseOpening(t, body); len(o.Upgrades) != 0 {
		t.Errorf("upgrades %v", o.Upgrades)
	}
	if _, res, err := r.dial("EIO=4&transport=websocket"); err == nil || res.StatusCode != 400 {
		t.Errorf("WebSocket: %v", err)
	}
}

func TestMaxHandshakes_TheOldestGivesWay(t *testing.T) {
	r := newRig(t, engine.Config{MaxHandshakes: 3})
	first := r.poller()
	poll := r.pending(first)
	second, _ := r.connect()
	r.waits(2) // a WebSocket has its answer a moment before
	third := r.poller()
	r.waits(3)
	r.wantPost(third, "4hello") // confirms
	fourth, _ := r.connect()
	r.waits(3)
	r.wantOpen()

	fifth := r.poller() // one too many
	if c := r.wantClose(engine.ReasonForced); c.Err == nil {
		t.Error("the log does not say why")
	}
	wantAnswer(t, poll, 200, "1")
	r.wantRefusal("GET", first, 400, engine.UnknownSession)
	r.connect()
	r.wantClose(engine.ReasonForced)
	second.wantClosed(engine.CodeGoingAway)
	r.waits(3)

	// Who is confirmed or gone has no place among them, and those who wait come in.
	r.wantPoll(third, "4hello")
	r.wantPost(fifth, "4late")
	fourth.Close()
	r.wantClose(engine.ReasonTransportClose)
	r.waits(1)
	r.poller()
	r.poller()
	r.waits(3)
	r.wantPoll(fifth, "4late")
	r.wantOpen()
}

func TestMaxHandshakes_NoBound(t *testing.T) {
	r := newRig(t, engine.Config{MaxHandshakes: -1})
	for range 5 {
		r.poller()
	}
	r.wantOpen()
	r.waits(0) // nobody counts them
}

// waits polls until so many sessions are unconfirmed.
func (r *rig) waits(n int) {
	r.t.Helper()
	for end := time.Now().Add(patience); r.srv.Unconfirmed() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%d unconfirmed, want %d", r.srv.Unconfirmed(), n)
		}
	}
}

func TestUnknown_HandledElsewhere(t *testing.T) {
	r := newRig(t, engine.Config{Unknown: func(w http.ResponseWriter, _ *http.Request, sid string) bool {
		if sid != "theirs" {
			return false
		}
		w.WriteHeader(http.StatusTeapot)
		return true
	}})
	if res, _ := r.request("GET", "EIO=4&transport=polling&sid=theirs", ""); res.StatusCode != http.StatusTeapot {
		t.Errorf("%d", res.StatusCode)
	}
	r.wantRefusal("GET", "EIO=4&transport=polling&sid=nobody", 400, engine.UnknownSession)
}

func TestAccept_Refuses(t *testing.T) {
	r := &rig{t: t}
	r.start(engine.Config{}, func(*engine.Socket, *engine.Handshake) engine.Handler { return nil })
	r.wantRefusal("GET", "EIO=4&transport=polling", 403, engine.Forbidden)
	c := r.mustDial("EIO=4&transport=websocket")
	c.wantClosed(engine.CodeForbidden)
	if n := r.srv.Unconfirmed(); n != 0 {
		t.Errorf("%d unconfirmed", n)
	}
}

func TestHandshake_KeptUntilReleased(t *testing.T) {
	r := newRig(t, engine.Config{})
	r.request("GET", "EIO=4&transport=polling&userId=7", "", "X-Test", "yes")
	s := <-r.opened
	h := s.Handshake()
	if h.Query.Get("userId") != "7" || h.Header.Get("X-Test") != "yes" || h.Transport != engine.Polling || h.Secure || h.RemoteAddr == "" {
		t.Errorf("%+v", h)
	}
	s.ReleaseHandshake()
	if s.Handshake() != nil {
		t.Error("not released")
	}
}

func TestPath(t *testing.T) {
	r := newRig(t, engine.Config{Path: "/engine.io/"})
	r.poller()
	res, err := r.client.Get(r.url + "/other/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("%d", res.StatusCode)
	}
}

func TestConfig_Validate(t *testing.T) {
	if err := (engine.Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for name, cfg := range map[string]engine.Config{
		"interval":  {PingInterval: -1},
		"timeout":   {PingTimeout: 1},
		"payload":   {MaxPayload: -1},
		"drop":      {DropAbove: 10, MaxQueue: 5},
		"queue":     {MaxQueue: -1},
		"transport": {Transports: []string{"carrier pigeon"}},
		"none":      {Transports: []string{}},
	} {
		if err := cfg.Validate(); !errors.Is(err, engine.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := engine.NewServer(cfg, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestP9_IDsBeginWithTheTag(t *testing.T) {
	tag := "n7"
	r := newRig(t, engine.Config{Tag: func() string { return tag }})
	sid := func() string { return strings.TrimPrefix(r.poller(), "EIO=4&transport=polling&sid=") }
	if id := sid(); !strings.HasPrefix(id, "n7-") || len(id) != 23 {
		t.Errorf("sid %q, want n7- and 20 characters", id)
	}
	tag = ""
	if id := sid(); len(id) != 20 {
		t.Errorf("sid %q, want 20 characters", id)
	}
}
