package web

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// site is a door with a real switchboard over a real file behind it.
type site struct {
	t     testing.TB
	addr  string
	store chat.Store
	c     *http.Client

	server *Server
}

// newSite makes a site whose users show tokens; change may replace anything.
func newSite(t testing.TB, change func(*Config, *Parts)) *site {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	if err != nil {
		t.Fatal(err)
	}
	w := wheel.New(wheel.Config{Tick: 10 * time.Millisecond})
	cluster, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	sw, err := signaling.New(signaling.Config{Logger: quiet()}, signaling.Parts{Wheel: w, Chat: store}, func(h presence.Handler) (presence.Store, error) {
		return cluster.Join("node", h)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sw.Close()
		w.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newServer(t, func(c *Config, p *Parts) {
		p.Verifier = newVerifier(t, auth.Config{Secret: testSecret})
		p.Chat, p.Calls, p.Blocks, p.Online = sw, sw, sw, sw
		if change != nil {
			change(c, p)
		}
	})
	return &site{t: t, addr: serve(t, s), store: store, c: client(t), server: s}
}

// as sends a request of a user; body "" is none.
func (s *site) as(user, method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	token, err := auth.Mint(testSecret, user, time.Now(), time.Hour, map[string]any{"fullName": "Full " + user})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.ask(method, path, body, append([]string{"Authorization", "Bearer " + token}, headers...)...)
}

// ask sends a request; headers are pairs.
func (s *site) ask(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(answer)
}

// wireMessage is a message as front ends read it.
type wireMessage struct {
	ID         string `json:"_id"`
	SenderID   string `json:"senderId"`
	ReceiverID string `json:"receiverId"`
	Message    string `json:"message"`
	Media      string `json:"media"`
	Status     string `json:"status"`
	ReplyTo    *struct {
		MessageID string `json:"messageId"`
		Text      string `json:"text"`
	} `json:"replyTo"`
	Reactions []struct {
		UserID string `json:"userId"`
		Emoji  string `json:"emoji"`
	} `json:"reactions"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// must checks the status of an answer and reads it into v.
func must[T any](t testing.TB, status int, res *http.Response, body string) T {
	t.Helper()
	var v T
	if res.StatusCode != status {
		t.Fatalf("%s %s: %d %s, want %d", res.Request.Method, res.Request.URL, res.StatusCode, body, status)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s %s: %v in %s", res.Request.Method, res.Request.URL, err, body)
	}
	return v
}

func (s *site) send(from, to, body string) wireMessage {
	s.t.Helper()
	res, answer := s.as(from, "POST", "/api/messages/send/"+to, body)
	return must[wireMessage](s.t, 201, res, answer)
}

func (s *site) history(user, peer, query string) []wireMessage {
	s.t.Helper()
	res, answer := s.as(user, "GET", "/api/messages/"+peer+query, "")
	return must[[]wireMessage](s.t, 200, res, answer)
}
