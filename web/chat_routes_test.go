package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func mint(t testing.TB, user string) string {
	t.Helper()
	token, err := auth.Mint(testSecret, user, time.Now(), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// chatPaths are all routes of messages and calls, with a method of each.
var chatPaths = [][2]string{
	{"GET", "/api/messages/bob"}, {"DELETE", "/api/messages/x"}, {"PATCH", "/api/messages/x"}, {"POST", "/api/messages/send/bob"},
	{"POST", "/api/messages/react"}, {"GET", "/api/conversations"}, {"GET", "/api/calls"}, {"POST", "/api/calls/seen"},
}

// broken is a Chat whose store fails, or that is off.
type broken struct {
	on  bool
	err error
}

func (b broken) ChatOn() bool { return b.on }
func (b broken) SendMessage(context.Context, *auth.Identity, chat.Draft) (*chat.Message, func(), error) {
	return nil, nil, b.err
}
func (b broken) History(context.Context, string, string, string, int) ([]*chat.Message, error) {
	return nil, b.err
}
func (b broken) React(context.Context, string, string, string) (*chat.Message, error) {
	return nil, b.err
}
func (b broken) EditMessage(context.Context, string, string, string) (*chat.Message, error) {
	return nil, b.err
}
func (b broken) DeleteMessage(context.Context, string, string, bool) error { return b.err }
func (b broken) Conversations(context.Context, string, string, int) ([]chat.Conversation, string, error) {
	return nil, "", b.err
}
func (b broken) Calls(context.Context, string, string, int) ([]chat.LoggedCall, string, int, error) {
	return nil, "", 0, b.err
}
func (b broken) SeeCalls(context.Context, string, time.Time) error { return b.err }

func TestM5_WithoutAStoreTheRoutesAreNotConfigured(t *testing.T) {
	for name, p := range map[string]func(*Parts){
		"none": func(*Parts) {},
		"off":  func(p *Parts) { p.Chat, p.Calls = broken{}, broken{} },
	} {
		s := newSite(t, func(_ *Config, parts *Parts) {
			parts.Chat, parts.Calls = nil, nil
			p(parts)
		})
		for _, r := range chatPaths {
			res, body := s.as("alice", r[0], r[1], bodyFor(r[0]))
			if res.StatusCode != 501 {
				t.Errorf("%s: %s %s: %d %s", name, r[0], r[1], res.StatusCode, body)
				continue
			}
			wantError(t, res, body, wire.CodeNotConfigured)
		}
		res, body := s.ask("GET", "/api/messages/bob", "")
		wantError(t, res, body, wire.CodeUnauthorized)
	}
}

func bodyFor(method string) string {
	if method == "POST" || method == "PATCH" {
		return `{"text":"x","messageId":"x","emoji":"x"}`
	}
	return ""
}

// TestM5_RoutesAndTheBackEnd: with messages the routes are Tandem's, without the
// back end's; what Tandem does not have on a path is the back end's always.
func TestM5_RoutesAndTheBackEnd(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "backend %s %s", r.Method, r.URL.Path)
	}))
	t.Cleanup(backend.Close)
	on := newSite(t, func(c *Config, _ *Parts) { c.BackendURL = backend.URL })
	off := newSite(t, func(c *Config, p *Parts) {
		c.BackendURL = backend.URL
		p.Chat, p.Calls = broken{}, nil
	})
	for _, r := range chatPaths {
		if _, body := on.as("alice", r[0], r[1], bodyFor(r[0])); strings.HasPrefix(body, "backend") {
			t.Errorf("on: %s %s went to the back end", r[0], r[1])
		}
		if _, body := off.as("alice", r[0], r[1], bodyFor(r[0])); body != "backend "+r[0]+" "+r[1] {
			t.Errorf("off: %s %s: %s", r[0], r[1], body)
		}
	}
	for _, r := range [][2]string{
		{"PUT", "/api/messages/bob"}, {"POST", "/api/messages/upload"}, {"GET", "/api/messages"}, {"POST", "/api/messages/mark/read"},
		{"GET", "/api/messages/send/bob"}, {"POST", "/api/conversations"}, {"GET", "/api/conversations/x"},
	} {
		if _, body := on.ask(r[0], r[1], ""); body != "backend "+r[0]+" "+r[1] {
			t.Errorf("%s %s: %s", r[0], r[1], body)
		}
	}
	if _, body := on.ask("OPTIONS", "/api/messages/bob", "", "Access-Control-Request-Method", "PUT"); body != "backend OPTIONS /api/messages/bob" {
		t.Errorf("a preflight of the back end's method: %s", body)
	}
	if res, _ := on.ask("OPTIONS", "/api/messages/bob", "", "Access-Control-Request-Method", "DELETE"); res.StatusCode != 204 {
		t.Errorf("a preflight of Tandem's: %d", res.StatusCode)
	}
}

func TestM6_ABrokenStoreIsUnavailable(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code wire.Code
	}{
		{fmt.Errorf("%w: disk /dev/sdx9 is full", chat.ErrUnavailable), wire.CodeUnavailable},
		{errors.New("row 17 of /dev/sdx9 makes no sense"), wire.CodeInternal},
	} {
		s := newSite(t, func(_ *Config, p *Parts) { p.Chat, p.Calls = broken{true, tt.err}, broken{true, tt.err} })
		for _, r := range chatPaths {
			res, body := s.as("alice", r[0], r[1], bodyFor(r[0]))
			if strings.Contains(body, "sdx9") {
				t.Errorf("internal text reaches the client: %s", body)
			}
			if res.StatusCode != tt.code.HTTPStatus() {
				t.Errorf("%s %s: %d %s", r[0], r[1], res.StatusCode, body)
				continue
			}
			wantError(t, res, body, tt.code)
		}
	}
}
