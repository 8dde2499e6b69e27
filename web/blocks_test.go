package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestC15_BlocksOverREST(t *testing.T) {
	s := newSite(t, nil)
	list := func(user, want string) {
		t.Helper()
		if res, body := s.as(user, "GET", "/api/blocks", ""); res.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s, want %s", user, res.StatusCode, body, want)
		}
	}
	list("bob", `{"users":[]}`)
	for range 2 {
		for _, u := range []string{"alice", "a/ü"} {
			res, body := s.as("bob", "POST", "/api/blocks", `{"userId":"`+u+`"}`)
			if got := must[blockedAnswer](t, 200, res, body); got != (blockedAnswer{u, true}) {
				t.Errorf("%+v", got)
			}
		}
	}
	list("bob", `{"users":["a/ü","alice"]}`)
	list("alice", `{"users":[]}`)
	// A message of the blocked is its author's alone, and says nothing of it.
	m := s.send("alice", "bob", `{"text":"hello"}`)
	if m.Status != "sent" || m.Message != "hello" {
		t.Errorf("%+v", m)
	}
	if _, body := s.as("alice", "GET", "/api/messages/bob", ""); !strings.Contains(body, m.ID) {
		t.Errorf("the author's: %s", body)
	}
	if _, body := s.as("bob", "GET", "/api/messages/alice", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("the receiver's: %s", body)
	}
	if res, body := s.as("bob", "POST", "/api/messages/send/alice", `{"text":"x"}`); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "You have blocked this user.") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	for _, q := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/api/blocks", `{"userId":"bob"}`, 400}, {"POST", "/api/blocks", `{}`, 400}, {"POST", "/api/blocks", `{"userId":"\u0001"}`, 400},
		{"POST", "/api/blocks", `[]`, 400}, {"POST", "/api/blocks", `{"userId":7}`, 400}, {"DELETE", "/api/blocks/undefined", "", 400},
		{"DELETE", "/api/blocks", "", 405}, {"PUT", "/api/blocks/alice", `{}`, 405},
	} {
		if res, body := s.as("bob", q.method, q.path, q.body); res.StatusCode != q.status {
			t.Errorf("%s %s %s: %d %s", q.method, q.path, q.body, res.StatusCode, body)
		}
	}
	res, body := s.as("bob", "DELETE", "/api/blocks/a%2F%C3%BC", "")
	if got := must[blockedAnswer](t, 200, res, body); got != (blockedAnswer{"a/ü", false}) {
		t.Errorf("%+v", got)
	}
	list("bob", `{"users":["alice"]}`)
	if res, _ := s.ask("GET", "/api/blocks", ""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %d", res.StatusCode)
	}
}

// TestC15_BlocksAreOfSomebodyWhoKeepsThem: like messages.
func TestC15_BlocksAreOfSomebodyWhoKeepsThem(t *testing.T) {
	s := newSite(t, func(_ *Config, p *Parts) { p.Blocks = nil })
	for _, q := range [][3]string{{"GET", "/api/blocks"}, {"POST", "/api/blocks", `{"userId":"x"}`}, {"DELETE", "/api/blocks/x"}} {
		if res, body := s.as("bob", q[0], q[1], q[2]); res.StatusCode != http.StatusNotImplemented || !strings.Contains(body, "not_configured") {
			t.Errorf("%v: %d %s", q, res.StatusCode, body)
		}
	}
}

func TestC15_WhoIsHiddenIsNotListed(t *testing.T) {
	s := newSite(t, func(_ *Config, p *Parts) { p.Online = users(3) })
	s.as("u1", "POST", "/api/blocks", `{"userId":"alice"}`)
	for path, want := range map[string]string{
		"/api/users/online":         `["u0","u2"]`,
		"/api/users/online?limit=2": `{"users":["u0"],"next":"2"}`,
	} {
		if _, body := s.as("alice", "GET", path, ""); strings.TrimSpace(body) != want {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
		if _, body := s.as("u0", "GET", path, ""); !strings.Contains(body, `"u1"`) {
			t.Errorf("%s of somebody else: %s", path, body)
		}
	}
}
