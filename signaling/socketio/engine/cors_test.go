package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func friends(r *http.Request) bool { return r.Header.Get("Origin") == "https://app.example" }

func TestCORS_OnEveryAnswer(t *testing.T) {
	r := newRig(t, engine.Config{Origin: friends})
	origin := []string{"Origin", "https://app.example"}
	check := func(what string, res *http.Response) {
		t.Helper()
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != "https://app.example" {
			t.Errorf("%s: Allow-Origin %q", what, got)
		}
		if res.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(res.Header.Get("Vary"), "Origin") {
			t.Errorf("%s: %v", what, res.Header)
		}
	}
	res, body := r.request("GET", "EIO=4&transport=polling", "", origin...)
	check("handshake", res)
	session := "EIO=4&transport=polling&sid=" + parseOpening(t, body).SID
	res, _ = r.request("POST", session, "4x", origin...)
	check("post", res)
	res, _ = r.request("GET", session, "", origin...)
	check("poll", res)
	res, _ = r.request("GET", "EIO=4&transport=polling&sid=nobody", "", origin...)
	check("error 1", res)
	res, _ = r.request("GET", "EIO=3&transport=polling", "", origin...)
	check("error 5", res)
	res, _ = r.request("POST", session, "abc", origin...)
	check("parse error", res)
	_, res, err := r.dial("EIO=4&transport=websocket", origin...)
	if err != nil {
		t.Fatal(err)
	}
	check("upgrade", res)
}

func TestCORS_Preflight(t *testing.T) {
	r := newRig(t, engine.Config{Origin: friends})
	res, _ := r.request("OPTIONS", "EIO=4&transport=polling", "", "Origin", "https://app.example",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	h := res.Header
	if res.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
		h.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
		h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", res.StatusCode, h)
	}
}

func TestCORS_StrangersAreRefused(t *testing.T) {
	r := newRig(t, engine.Config{Origin: friends})
	session := r.poller()
	evil := []string{"Origin", "https://evil.example"}
	r.wantRefusal("GET", "EIO=4&transport=polling", 403, engine.Forbidden, evil...)
	r.wantRefusal("POST", session, 403, engine.Forbidden, evil...)
	r.wantRefusal("OPTIONS", session, 403, engine.Forbidden, append(evil, "Access-Control-Request-Method", "POST")...)
	_, res, err := r.dial("EIO=4&transport=websocket", evil...)
	if err == nil || res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("upgrade: %v", err)
	}
	r.wantOpen()
}

func TestCORS_SameOriginByDefault(t *testing.T) {
	r := newRig(t, engine.Config{})
	res, _ := r.request("GET", "EIO=4&transport=polling", "", "Origin", r.url)
	if res.StatusCode != 200 {
		t.Errorf("own origin: %d", res.StatusCode)
	}
	r.wantRefusal("GET", "EIO=4&transport=polling", 403, engine.Forbidden, "Origin", "https://else.example")
	r.wantRefusal("GET", "EIO=4&transport=polling", 403, engine.Forbidden, "Origin", "null")
}
