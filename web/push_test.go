package web

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/push"
)

// newPushSite is a site that pushes.
func newPushSite(t testing.TB, change func(*Config)) (*site, *push.Memory) {
	t.Helper()
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	store := push.NewMemory()
	service, err := push.New(push.Config{Key: key, Logger: slog.New(slog.DiscardHandler)}, store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return newSite(t, func(c *Config, p *Parts) {
		p.Push = service
		if change != nil {
			change(c)
		}
	}), store
}

// browser is the body that registers one.
func browser(t testing.TB, endpoint, device string) string {
	t.Helper()
	key, err := push.NewKey() // any point on the curve
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"endpoint": endpoint, "expirationTime": nil, "device": device,
		"keys": map[string]string{"p256dh": key.Public, "auth": "AAAAAAAAAAAAAAAAAAAAAA=="},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPush_BrowsersAreRegisteredAndForgotten(t *testing.T) {
	s, store := newPushSite(t, nil)
	res, body := s.as("bob", "GET", "/api/push/key", "")
	if a := must[pushKeyAnswer](t, 200, res, body); len(a.Key) != 87 {
		t.Errorf("key %q", a.Key)
	}
	const endpoint = "https://fcm.googleapis.com/fcm/send/a"
	res, body = s.as("bob", "POST", "/api/push/subscriptions", browser(t, endpoint, "phone"))
	if a := must[subscribedAnswer](t, 201, res, body); a.Device != "phone" {
		t.Errorf("%+v", a)
	}
	res, body = s.as("bob", "POST", "/api/push/subscriptions", browser(t, endpoint+"2", ""))
	second := must[subscribedAnswer](t, 201, res, body)
	if list, err := store.List(t.Context(), "bob"); err != nil || len(list) != 2 || list[1].Endpoint != endpoint {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, step := range []struct {
		user, path, body string
		status           int
	}{
		{"alice", "/api/push/subscriptions", `{"device":"phone"}`, 404},
		{"bob", "/api/push/subscriptions", `{}`, 400},
		{"bob", "/api/push/subscriptions", ``, 400},
		{"bob", "/api/push/subscriptions", `{"endpoint":"` + endpoint + `"}`, 200},
		{"bob", "/api/push/subscriptions", `{"endpoint":"` + endpoint + `"}`, 404},
		{"bob", "/api/push/subscriptions?device=" + second.Device, ``, 200},
	} {
		if res, body := s.as(step.user, "DELETE", step.path, step.body); res.StatusCode != step.status {
			t.Errorf("%+v: %d %s", step, res.StatusCode, body)
		}
	}
	if list, err := store.List(t.Context(), "bob"); err != nil || len(list) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
}

func TestPush_WhatIsNoSubscriptionIsRefused(t *testing.T) {
	s, store := newPushSite(t, nil)
	const at = "/api/push/subscriptions"
	good := browser(t, "https://fcm.googleapis.com/fcm/send/a", "phone")
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"endpoint":1}`, browser(t, "http://fcm.googleapis.com/fcm/send/a", "d"), browser(t, "https://10.0.0.1/", "d"),
		browser(t, "https://example.com/", "d"), browser(t, "https://fcm.googleapis.com/"+strings.Repeat("a", push.MaxEndpoint), "d"),
		strings.Replace(good, `"auth":"`, `"auth":"AAAA`, 1), strings.Replace(good, `"p256dh":"`, `"p256dh":"x`, 1), browser(t, "https://fcm.googleapis.com/", strings.Repeat("d", 129)),
	} {
		if res, answer := s.as("bob", "POST", at, body); res.StatusCode != 400 {
			t.Errorf("%.80s: %d %s", body, res.StatusCode, answer)
		}
	}
	if res, _ := s.ask("POST", at, good); res.StatusCode != 401 {
		t.Errorf("nobody: %d", res.StatusCode)
	}
	if res, _ := s.as("bob", "POST", at, good, "Content-Type", "text/plain"); res.StatusCode != 400 {
		t.Errorf("a form: %d", res.StatusCode)
	}
	if res, _ := s.as("bob", "POST", at, good[:len(good)-1]+`,"x":"`+strings.Repeat("x", 70_000)+`"}`); res.StatusCode != 413 {
		t.Errorf("70 KB: %d", res.StatusCode)
	}
	if res, _ := s.ask("POST", at, good, "Cookie", "jwt="+mint(t, "bob"), "Origin", "https://evil.example"); res.StatusCode != 403 {
		t.Errorf("another site with the cookie: %d", res.StatusCode)
	}
	if list, err := store.List(t.Context(), "bob"); err != nil || len(list) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	if res, body := s.ask("POST", at, good, "Cookie", "jwt="+mint(t, "bob"), "Origin", "http://"+s.addr); res.StatusCode != 201 {
		t.Errorf("the cookie on the own site: %d %s", res.StatusCode, body)
	}
}

func TestPush_OffIsTheBackEnds(t *testing.T) {
	s := newSite(t, nil)
	for _, route := range []string{"GET /api/push/key", "POST /api/push/subscriptions", "DELETE /api/push/subscriptions"} {
		method, path, _ := strings.Cut(route, " ")
		if res, body := s.as("bob", method, path, "{}"); res.StatusCode != 501 || !strings.Contains(body, "not_configured") {
			t.Errorf("%s: %d %s", route, res.StatusCode, body)
		}
	}
	back := httptest.NewServer(nil) // 404 for all
	t.Cleanup(back.Close)
	s = newSite(t, func(c *Config, _ *Parts) { c.BackendURL = back.URL })
	if res, _ := s.as("bob", "GET", "/api/push/key", ""); res.StatusCode != 404 {
		t.Errorf("with a back end: %d", res.StatusCode)
	}
}

// FuzzPush_Requests sends anything to the routes of pushes: no request is the
// server's fault.
func FuzzPush_Requests(f *testing.F) {
	s, _ := newPushSite(f, func(c *Config) { c.RequestBurst = 1 << 30 })
	token := mint(f, "alice")
	for _, body := range []string{browser(f, "https://fcm.googleapis.com/x", "d"), `{"device":"d"}`, `null`, ``, "\xff", `{"keys":[]}`} {
		f.Add(true, "device=d", body)
		f.Add(false, "endpoint=%zz;", body)
	}
	f.Fuzz(func(t *testing.T, post bool, query, body string) {
		method := map[bool]string{true: "POST", false: "DELETE"}[post]
		r := httptest.NewRequest(method, "/api/push/subscriptions", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.server.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Fatalf("%s ?%q %q: %d %s", method, query, body, rec.Code, rec.Body)
		}
	})
}
