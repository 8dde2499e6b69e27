//go:build soak

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat/mongo/mongotest"
)

// While MongoDB is away, or does not answer, messages are refused with a clear
// code, the rest goes on, and they are taken again when it is back.
func TestO3_MongoDBGoesAndComesBack(t *testing.T) {
	db := mongotest.Start(t)
	db.Kill() // the server starts without it
	app, log, _ := start(t, testConfig(t, "--mongo-uri="+db.URI("chat"), "--admin-listen=127.0.0.1:0"), nil)
	c := httpClient(t)
	c.Timeout = 30 * time.Second
	send := func(text string) (int, string) {
		return post(t, c, app.URL()+"/api/messages/send/bob?userId=alice", `{"text":"`+text+`"}`)
	}
	state := func() string {
		status, ready := get(t, c, app.AdminURL()+"/readyz")
		if status != http.StatusOK {
			t.Fatalf("not ready: %d %s", status, ready)
		}
		return ready
	}
	if ready := state(); !strings.Contains(ready, "degraded") || !strings.Contains(ready, "not to be reached") {
		t.Errorf("without MongoDB: %s", ready)
	}
	refused := func(what string) {
		t.Helper()
		if status, body := send("x"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"unavailable"`) {
			t.Errorf("%s: %d %s", what, status, body)
		}
		if status, _ := get(t, c, app.URL()+"/healthz"); status != http.StatusOK {
			t.Errorf("%s: healthz says %d", what, status)
		}
	}
	taken := func(text string) {
		t.Helper()
		waitFor(t, "ready again", func() bool { return strings.Contains(state(), `"chat":"mongodb"`) })
		if status, body := send(text); status != http.StatusCreated {
			t.Errorf("%s: %d %s", text, status, body)
		}
	}
	refused("never there")
	db.Run()
	taken("first")
	db.Kill()
	refused("killed")
	db.Run()
	taken("second")
	db.Freeze()
	refused("frozen")
	if ready := state(); !strings.Contains(ready, "degraded") {
		t.Errorf("frozen: %s", ready)
	}
	db.Thaw()
	taken("third")
	_, body := get(t, c, app.URL()+"/api/messages/alice?userId=bob")
	got := strings.Join(texts(t, body), " ")
	if strings.ReplaceAll(got, "x ", "") != "first second third" { // what was refused while it was frozen may have come through
		t.Errorf("history: %s", got)
	}
	if !strings.Contains(log.String(), "messages can be kept and read again") {
		t.Errorf("the log does not say that it is back: %s", log)
	}
}
