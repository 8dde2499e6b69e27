package sio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
)

var random = regexp.MustCompile(`("callId":)"[^"]{22}"|("expiresAt":)\d{13}|("device":)"[^"]+"`)

// plain replaces what differs from run to run by X.
func plain(s string) string { return random.ReplaceAllString(s, "$1$2${3}X") }

func seen(n int) string { return fmt.Sprintf(`{"messageId":"m%d","status":"seen"}`, n) }

func (c *client) receipt(author string, n int) {
	c.emit("messageSeen", fmt.Sprintf(`{"messageId":"m%d","senderId":%q}`, n, author))
}

// TestBaseProfile_ACall is the whole of a base call, letter by letter.
func TestBaseProfile_ACall(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	eq(t, "the online list", ann.wants("getOnlineUsers"), `["ann"]`)
	bob := r.join("bob")
	eq(t, "the online list", bob.wants("getOnlineUsers"), `["ann","bob"]`)
	ann.emit("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`,"from":{"_id":"eve","fullName":"Ann","password":"x"},"fromId":"eve","callerName":"Ann","isVideoCall":true}`)
	eq(t, "call:incoming", plain(bob.wants("call:incoming")), `{"from":{"_id":"ann","fullName":"Ann"},"signal":`+sdpOffer(1)+`,"callerName":"Ann","isVideoCall":true,"fromId":"ann","callId":X,"expiresAt":X,"peerExtended":false}`)
	bob.emit("call:answer", `{"to":"ann","signal":{"type":"answer","sdp":""}}`)
	eq(t, "call:accepted", plain(ann.wants("call:accepted")), `{"type":"answer","sdp":""},{"callId":X,"by":"bob","device":X,"extended":false}`)
	ann.emit("typing", `{"senderId":"`+ann.sid+`","receiverId":"bob"}`)
	eq(t, "userTyping", bob.wants("userTyping"), `"ann"`)
	ann.emit("call:end", `{"to":"bob","from":"ann"}`)
	eq(t, "call:end", plain(bob.wants("call:end")), `{"callId":X,"reason":"hangup"}`)
	for _, c := range []*client{ann, bob} {
		c.sent()
		for _, e := range c.backlog {
			if !strings.HasPrefix(e, "getOnlineUsers ") {
				t.Errorf("a base client got %s", e)
			}
		}
	}
}

func TestExtendedProfile_ByDeclaration(t *testing.T) {
	r := newRig(t, nil)
	for payload, want := range map[string]bool{`"tandem":1`: true, `"tandem":true`: true, `"tandem":"1"`: false, `"tandem":0`: false, `"other":1`: false} {
		c := r.join("ann", payload)
		if got := strings.HasPrefix(c.ask("ping", `{}`), `{"serverTime":`); got != want {
			t.Errorf("%s: extended %t, want %t", payload, got, want)
		}
		c.write("41")
	}
	ann, bob := r.join("ann", extended), r.join("bob", extended, `"deviceId":"phone"`)
	ack := ann.ask("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`}`)
	eq(t, "ack", plain(ack), `{"callId":X,"state":"ringing"}`)
	eq(t, "call:ringing", plain(ann.wants("call:ringing")), `{"callId":X,"devices":1}`)
	bob.wants("call:incoming")
	bob.ask("call:answer", `{"to":"ann","signal":{"type":"answer","sdp":""}}`)
	if got := ann.wants("call:accepted"); !strings.Contains(got, `"device":"phone","extended":true`) {
		t.Errorf("call:accepted %s", got)
	}
	bob.wants("call:state")
}

func TestAck_ErrorShape(t *testing.T) {
	r := newRig(t, nil)
	c := r.join("ann")
	eq(t, "error ack", c.ask("call:end", `{}`), `{"error":{"code":"not_in_call","message":"You are not in this call."}}`)
	eq(t, "unknown event", c.ask("nonsense", `{}`), `{"error":{"code":"unknown_event","message":"There is no such event."}}`)
	eq(t, "no object", c.ask("call:user", `null`), `{"error":{"code":"bad_payload","message":"The first argument has to be a JSON object."}}`)
	c.emit("nonsense", `{}`) // ignored, never a reason to close
	c.sent()
}

func TestBinaryEvent_IsRefused(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann", extended), r.join("bob")
	ann.write(`451-9["typing",{"receiverId":"bob","x":{"_placeholder":true,"num":0}}]`)
	if err := ann.ws.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	for {
		if rest, ok := strings.CutPrefix(ann.packet(), "439"); ok {
			eq(t, "ack", rest, `[{"error":{"code":"unknown_event","message":"There is no such event."}}]`)
			break
		}
	}
	bob.sent()
	for _, e := range bob.backlog {
		if strings.HasPrefix(e, "userTyping") {
			t.Error("a binary event was served")
		}
	}
}

func TestRefused_Connects(t *testing.T) {
	r := newRig(t, func(_ *Config, s *signaling.Config) { s.SessionsPerUser = 1 })
	r.join("full", `"deviceId":"one"`)
	old, err := auth.Mint(secret, "ann", time.Now().Add(-2*time.Hour), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		query, auth string
		header      http.Header
		code        string
	}{
		"no token":         {"userId=ann", ``, nil, "unauthorized"},
		"bad token":        {"", `{"token":"x.y.z"}`, nil, "unauthorized"},
		"expired":          {"", `{"token":"` + old + `"}`, nil, "token_expired"},
		"another userId":   {"userId=bob", `{"token":"` + token("ann") + `"}`, nil, "identity_mismatch"},
		"foreign cookie":   {"", ``, http.Header{"Cookie": {"jwt=" + token("ann")}}, "origin_not_allowed"},
		"too many devices": {"", `{"token":"` + token("full") + `"}`, nil, "too_many_sessions"},
		"bad deviceId":     {"", `{"token":"` + token("ann") + `","deviceId":7}`, nil, "bad_payload"},
		"auth is a list":   {"", `[]`, nil, "*"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := r.dial(c.query, c.header)
			cl.t = t
			if c.code == "*" { // no CONNECT of the protocol: whatever it is, it does not get in
				cl.write("40" + c.auth)
				if p, err := cl.tryPacket(); err == nil && strings.HasPrefix(p, "40") {
					t.Errorf("let in: %s", p)
				}
				return
			}
			p := cl.connect(c.auth)
			var e struct {
				Message string
				Data    struct{ Code, Message string }
			}
			if rest, ok := strings.CutPrefix(p, "44"); !ok || json.Unmarshal([]byte(rest), &e) != nil {
				t.Fatalf("answer %s, want CONNECT_ERROR", p)
			}
			if e.Message != c.code || e.Data.Code != c.code || e.Data.Message == "" {
				t.Errorf("CONNECT_ERROR %+v, want %s", e, c.code)
			}
		})
	}
}

func TestI1_TokenIsFoundInItsPlaces(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		auth   string
		header http.Header
	}{
		"auth.token": {`{"token":"` + token("ann") + `"}`, http.Header{"Authorization": {"Bearer " + token("bob")}}},
		"header":     {``, http.Header{"Authorization": {"Bearer " + token("ann")}}},
		"cookie":     {``, http.Header{"Cookie": {"jwt=" + token("ann")}, "Origin": {r.url}}},
	} {
		cl := r.dial("", c.header)
		if p := cl.connect(c.auth); !strings.HasPrefix(p, "40") {
			t.Errorf("%s: %s", name, p)
			continue
		}
		eq(t, name, cl.wants("getOnlineUsers"), `["ann"]`)
		cl.write("41")
		until(t, "gone", func() bool { return r.sw.Sessions() == 0 })
	}
}

func TestI8_RecoveryGivesWhatWasMissed(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	ann.sent() // her session is all there
	bob.receipt("ann", 0)
	eq(t, "before", ann.wants("messageStatusUpdated"), seen(0))
	ann.cut()
	for i := 1; i <= 5; i++ {
		bob.receipt("ann", i)
	}
	bob.sent()
	again := r.recover(ann, "ann")
	if again.sid != ann.sid {
		t.Fatalf("sid %s, was %s: not recovered", again.sid, ann.sid)
	}
	for i := 1; i <= 5; i++ {
		eq(t, "missed", again.wants("messageStatusUpdated"), seen(i))
	}
	bob.receipt("ann", 6)
	eq(t, "and on", again.wants("messageStatusUpdated"), seen(6))
}

func TestI8_RecoveryIsNoBearerRight(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann", `"deviceId":"d"`), r.join("bob")
	ann.sent() // her session is all there
	bob.receipt("ann", 0)
	ann.wants("messageStatusUpdated")
	ann.cut()
	for name, extra := range map[string][]string{
		"another user":   {"eve"},
		"another device": {"ann", `"deviceId":"e"`},
		"another kind":   {"ann", `"deviceId":"f"`, extended},
	} {
		if c := r.recover(ann, extra[0], extra[1:]...); c.sid == ann.sid {
			t.Errorf("%s: recovered", name)
		}
	}
	c := r.dial("", nil)
	if p := c.connect(`{"token":"bad","pid":"` + ann.pid + `","offset":"` + ann.offset + `"}`); !strings.HasPrefix(p, "44") {
		t.Errorf("without a good token: %s", p)
	}
	if c := r.recover(ann, "ann", `"deviceId":"d"`); c.sid != ann.sid {
		t.Error("her own right was spent by strangers' tries")
	}
}

// inCall makes a live, ringing call of ann with bob, an extended device.
func (r *rig) inCall(extra ...string) (ann, bob *client) {
	r.t.Helper()
	ann, bob = r.join("ann", extra...), r.join("bob", extended)
	ann.emit("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`}`)
	bob.wants("call:incoming")
	return ann, bob
}

func TestC9_HowSocketsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		extra []string
		end   func(*client)
		clean bool
	}{
		"DISCONNECT":             {nil, func(c *client) { c.write("41") }, true},
		"close 1000":             {nil, func(c *client) { c.closeWith(1000) }, true},
		"close 1001":             {nil, func(c *client) { c.closeWith(1001) }, true},
		"close 1000, resume":     {[]string{`"resume":true`}, func(c *client) { c.closeWith(1000) }, false},
		"close 1001, resume":     {[]string{`"resume":true`}, func(c *client) { c.closeWith(1001) }, false},
		"resume, but DISCONNECT": {[]string{`"resume":true`}, func(c *client) { c.write("41") }, true},
		"resume of a wrong type": {[]string{`"resume":1`}, func(c *client) { c.closeWith(1000) }, true},
		"close without a code":   {nil, func(c *client) { c.closeWith(1005) }, false},
		"cut":                    {nil, (*client).cut, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			ann, bob := r.inCall(c.extra...)
			c.end(ann)
			if c.clean {
				eq(t, "bob hears", plain(bob.wants("call:end")), `{"callId":X,"reason":"cancelled"}`)
				until(t, "the session ended", func() bool { return r.sw.Sessions() == 1 })
				return
			}
			eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
			if again := r.recover(ann, "ann", c.extra...); again.sid != ann.sid {
				t.Error("not recovered")
			}
			eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"back"}`)
		})
	}
}

func TestC9_LostAfterTheWindow(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.IO.Recovery.Window = 100 * time.Millisecond })
	ann, bob := r.inCall()
	ann.cut()
	eq(t, "bob hears", plain(bob.wants("call:end")), `{"callId":X,"reason":"lost"}`)
	until(t, "the session ended", func() bool { return r.sw.Sessions() == 1 })
	// Back with its old pid, too late: it is told (C13), as the same device.
	eq(t, "ann hears", plain(r.recover(ann, "ann").wants("call:end")), `{"callId":X,"reason":"lost"}`)
}

func TestC9_HeartbeatInACall(t *testing.T) {
	r := newRig(t, func(_ *Config, s *signaling.Config) {
		s.CallPing, s.CallPingTimeout = 30*time.Millisecond, 90*time.Millisecond
	})
	ann, bob := r.join("ann"), r.join("bob", extended)
	if ann.opened.PingInterval != 25_000 {
		t.Errorf("pingInterval %d", ann.opened.PingInterval)
	}
	ann.emit("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`}`)
	bob.wants("call:incoming")
	// ann reads nothing more and so answers no ping: 25 s would be too long to wait for.
	began := time.Now()
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("noticed after %v", d)
	}
}

func TestC9_VanishedByPingTimeout(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) {
		c.IO.Engine.PingInterval, c.IO.Engine.PingTimeout = 40*time.Millisecond, 40*time.Millisecond
		c.IO.Recovery.Window = 100 * time.Millisecond
	})
	r.join("ann") // never answers a ping
	until(t, "gone", func() bool { return r.sw.Sessions() == 0 })
}

func TestReplaced_SameDevice(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann", `"deviceId":"d"`)
	r.join("ann", `"deviceId":"d"`)
	if !ann.ended() {
		t.Error("the old socket ended without DISCONNECT: its client would come back")
	}
	until(t, "one session is left", func() bool { return r.sw.Sessions() == 1 })
}

func TestI3_TokenExpires(t *testing.T) {
	r := newRig(t, nil)
	c := r.dial("", nil)
	c.connect(`{"token":"` + tokenFor("ann", 2*time.Second) + `"}`)
	if !c.ended() {
		t.Error("ended without DISCONNECT")
	}
	until(t, "gone", func() bool { return r.sw.Sessions() == 0 })
}

func TestBadInput_DisturbsNobody(t *testing.T) {
	r := newRig(t, nil)
	bob := r.join("bob")
	for _, bad := range []string{"", "9", "4", "42", "42[", `42{"x":1}`, `42[]`, `42[7]`, "42[\"typing\",\"\xff\"]", "43[]", "4399[1]", "45", `451-["x"]`, "40{}", "0", "6", "bx", "42" + strings.Repeat("[", 1000)} {
		ann := r.join("ann")
		ann.write(bad)
		ann.cut()
	}
	bob.sent()
	until(t, "all have gone or are away", func() bool { return r.sw.Sessions() >= 1 })
}

func TestNewServer_NeedsAVerifier(t *testing.T) {
	if _, err := NewServer(Config{}, nil); err == nil {
		t.Error("accepted")
	}
}
