package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzM6_ChatRequests sends anything to every route of messages and calls: no
// request is the server's fault.
func FuzzM6_ChatRequests(f *testing.F) {
	s := newSite(f, func(c *Config, _ *Parts) { c.RequestBurst = 1 << 30 })
	token := mint(f, "alice")
	routes := []struct{ method, prefix string }{
		{"POST", "/api/messages/send/"}, {"POST", "/api/messages/react"}, {"PATCH", "/api/messages/"}, {"DELETE", "/api/messages/"},
		{"GET", "/api/messages/"}, {"POST", "/api/calls/seen"},
		{"POST", "/api/blocks"}, {"DELETE", "/api/blocks/"},
	}
	known := s.send("bob", "alice", `{"text":"x"}`).ID
	for i := range routes {
		for _, body := range []string{
			`{"text":"x","media":"https://m.example/a","replyTo":{"messageId":"` + known + `","message":"y"},"clientId":"c"}`,
			`{"messageId":"` + known + `","emoji":"👍"}`, `{"until":"2026-01-02T03:04:05.678Z"}`, `{"until":1700000000000}`, `{"until":null}`, `{"userId":"bob"}`, `{"userId":"\u0001"}`,
			`null`, `[]`, `{"text":"\ud800\u0000"}`, `{"replyTo":"x"}`, `{`, ``, "\xff", `{"until":1e400}`,
		} {
			f.Add(i, known, "limit=3&before="+known, body)
		}
		f.Add(i, "a/../b%\x00ü", "forMe=1&limit=%zz;", "")
	}
	f.Fuzz(func(t *testing.T, i int, id, query, body string) {
		route := routes[uint(i)%uint(len(routes))]
		r := httptest.NewRequest(route.method, "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = route.prefix+id, query
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.server.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Fatalf("%s %q ?%q %q: %d %s", route.method, r.URL.Path, query, body, rec.Code, rec.Body)
		}
	})
}
