package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestOnlineUsers(t *testing.T) {
	for _, n := range []users{0, 1, 3, 1000, 1001, 2500} {
		addr := serve(t, newServer(t, func(_ *Config, p *Parts) { p.Online = n }))
		c := client(t)
		_, body := ask(t, c, "GET", "http://"+addr+"/api/users/online")
		var all []string
		if err := json.Unmarshal([]byte(body), &all); err != nil || all == nil || len(all) != int(n) {
			t.Fatalf("%d users: %v, %d in %.80s", n, err, len(all), body)
		}
		var paged []string
		cursor := ""
		for range 100 {
			_, body := ask(t, c, "GET", "http://"+addr+"/api/users/online?limit=700&page="+cursor)
			var a onlineAnswer
			if err := json.Unmarshal([]byte(body), &a); err != nil || a.Users == nil || len(a.Users) > 700 {
				t.Fatalf("%v in %.80s", err, body)
			}
			paged = append(paged, a.Users...)
			if cursor = a.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(all, paged) {
			t.Fatalf("%d users: pages give %d", n, len(paged))
		}
	}
}

func TestOnlineUsersBadRequests(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	c := client(t)
	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "page=x", "page=" + strings.Repeat("1", 600)} {
		res, body := ask(t, c, "GET", "http://"+addr+"/api/users/online?"+query)
		wantError(t, res, body, wire.CodeBadPayload)
	}
	if res, _ := ask(t, c, "GET", "http://"+addr+"/api/users/online?limit=999999"); res.StatusCode != 200 {
		t.Fatalf("a large limit gives %d", res.StatusCode)
	}
}

// breaking gives one page and fails then.
type breaking struct{}

func (breaking) OnlineUsers(_ context.Context, cursor string, _ int) ([]string, string, error) {
	if cursor == "" {
		return []string{"a"}, "next", nil
	}
	return nil, "", errors.New("the store is at 10.1.2.3 and away")
}

func TestOnlineUsersNeverEndsHalfAListWell(t *testing.T) {
	addr := serve(t, newServer(t, func(_ *Config, p *Parts) { p.Online = breaking{} }))
	c := client(t)
	res, err := c.Get("http://" + addr + "/api/users/online")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err == nil {
		t.Fatal("half a list arrived as if it were whole")
	}
	res, body := ask(t, c, "GET", "http://"+addr+"/api/users/online?page=next")
	wantError(t, res, body, wire.CodeInternal)
	if strings.Contains(body, "10.1.2.3") {
		t.Fatal("internal text reaches the client")
	}
}

// absent is a list that is not available, or not for a reason that clients are
// told of.
type absent struct{ error }

func (a absent) OnlineUsers(context.Context, string, int) ([]string, string, error) {
	return nil, "", a.error
}

// TestP7_UnavailableIsNoErrorOfEachRequest: the outage is logged where it is
// noticed.
func TestP7_UnavailableIsNoErrorOfEachRequest(t *testing.T) {
	for _, tt := range []struct {
		err   error
		code  wire.Code
		level string
	}{
		{fmt.Errorf("%w: redis at 10.1.2.3", wire.Errorf(wire.CodeUnavailable, "")), wire.CodeUnavailable, "DEBUG"},
		{errors.New("the list at 10.1.2.3 is torn"), wire.CodeInternal, "ERROR"},
	} {
		var out lines
		s := newServer(t, func(c *Config, p *Parts) {
			p.Online = absent{tt.err}
			c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		c, addr := client(t), serve(t, s)
		for _, q := range []string{"", "?page="} {
			res, body := ask(t, c, "GET", "http://"+addr+"/api/users/online"+q)
			wantError(t, res, body, tt.code)
			if strings.Contains(body, "10.1.2.3") {
				t.Errorf("internal text reaches the client: %s", body)
			}
		}
		if s := out.String(); strings.Count(s, `msg="request failed"`) != 2 || strings.Count(s, "level="+tt.level) != 2 || strings.Count(s, "10.1.2.3") != 2 {
			t.Errorf("%v: logged %s, want both requests at %s", tt.err, s, tt.level)
		}
	}
}

func TestI1_RESTCallersAreIdentified(t *testing.T) {
	token, err := auth.Mint(testSecret, "alice", time.Now(), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := auth.Mint(testSecret, "alice", time.Now().Add(-2*time.Hour), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, newServer(t, func(c *Config, p *Parts) {
		p.Verifier = newVerifier(t, auth.Config{Secret: testSecret})
	}))
	c := client(t)
	for _, tt := range []struct {
		name    string
		headers []string
		code    wire.Code
	}{
		{"bearer", []string{"Authorization", "Bearer " + token}, ""},
		{"cookie", []string{"Cookie", "jwt=" + token}, ""},
		{"nothing", nil, wire.CodeUnauthorized},
		{"rubbish", []string{"Authorization", "Bearer x"}, wire.CodeUnauthorized},
		{"expired", []string{"Authorization", "Bearer " + old}, wire.CodeTokenExpired},
		{"foreign page with the cookie", []string{"Cookie", "jwt=" + token, "Origin", "https://evil.example"}, wire.CodeOriginNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := ask(t, c, "GET", "http://"+addr+"/api/users/online", tt.headers...)
			if tt.code != "" {
				wantError(t, res, body, tt.code)
			} else if res.StatusCode != 200 {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
		})
	}
}

func TestI4_OpenServerRefusesForeignNames(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	c := client(t)
	res, body := ask(t, c, "GET", "http://"+addr+"/api/users/online", "Host", "rebound.example")
	wantError(t, res, body, wire.CodeForbidden)
	res, body = ask(t, c, "GET", "http://"+addr+"/api/users/online", "X-Forwarded-For", "1.2.3.4")
	wantError(t, res, body, wire.CodeForbidden)
}

func TestI5_CORS(t *testing.T) {
	origins, err := auth.NewOrigins("https://app.example")
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, newServer(t, func(c *Config, _ *Parts) { c.Origins = origins }))
	c := client(t)
	for _, tt := range []struct {
		method, origin, allowed string
		status                  int
	}{
		{"GET", "https://app.example", "https://app.example", 200},
		{"OPTIONS", "https://app.example", "https://app.example", 204},
		{"GET", "http://" + addr, "http://" + addr, 200},
		{"GET", "https://evil.example", "", 403},
		{"OPTIONS", "https://evil.example", "", 204},
		{"GET", "null", "", 403},
		{"GET", "", "", 200},
	} {
		var headers []string
		if tt.origin != "" {
			headers = []string{"Origin", tt.origin}
		}
		res, _ := ask(t, c, tt.method, "http://"+addr+"/api/users/online", headers...)
		h := res.Header
		if res.StatusCode != tt.status || h.Get("Access-Control-Allow-Origin") != tt.allowed || h.Get("Vary") != "Origin" {
			t.Errorf("%s from %q: %d %v", tt.method, tt.origin, res.StatusCode, h)
		}
		if (h.Get("Access-Control-Allow-Credentials") == "true") != (tt.allowed != "") {
			t.Errorf("%s from %q: credentials %q", tt.method, tt.origin, h.Get("Access-Control-Allow-Credentials"))
		}
		if tt.method == "OPTIONS" && tt.allowed != "" && !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight: %v", h)
		}
	}
}

func TestI5_WritesNeedOriginAndJSON(t *testing.T) {
	token, err := auth.Mint(testSecret, "alice", time.Now(), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	origins, err := auth.NewOrigins("https://app.example")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(c *Config, p *Parts) {
		c.Origins, c.MaxBody = origins, 16
		p.Verifier = newVerifier(t, auth.Config{Secret: testSecret})
	})
	h := s.api(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			writeError(w, wire.Errorf(wire.CodeTooLarge, ""))
			return
		}
		_, _ = io.WriteString(w, Caller(r.Context()).User)
	}), http.MethodPost)
	cookie, bearer := []string{"Cookie", "jwt=" + token}, []string{"Authorization", "Bearer " + token}
	json, form := []string{"Content-Type", "application/json; charset=utf-8"}, []string{"Content-Type", "application/x-www-form-urlencoded"}
	app, evil := []string{"Origin", "https://app.example"}, []string{"Origin", "https://evil.example"}
	for _, tt := range []struct {
		name    string
		headers []string
		body    string
		code    wire.Code
	}{
		{"cookie, origin, json", slices.Concat(cookie, app, json), "{}", ""},
		{"bearer, json", slices.Concat(bearer, json), "{}", ""},
		{"cookie without origin", slices.Concat(cookie, json), "{}", wire.CodeOriginNotAllowed},
		{"cookie, foreign origin", slices.Concat(cookie, evil, json), "{}", wire.CodeOriginNotAllowed},
		{"bearer, foreign origin", slices.Concat(bearer, evil, json), "{}", wire.CodeOriginNotAllowed},
		{"cookie, origin, form", slices.Concat(cookie, app, form), "a=b", wire.CodeBadPayload},
		{"cookie, origin, no type", slices.Concat(cookie, app), "{}", wire.CodeBadPayload},
		{"bearer, large body", slices.Concat(bearer, json), strings.Repeat(" ", 17), wire.CodeTooLarge},
		{"nobody", json, "{}", wire.CodeUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "http://call.example/api/x", strings.NewReader(tt.body))
			for i := 0; i+1 < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if tt.code == "" {
				if rec.Code != 200 || rec.Body.String() != "alice" {
					t.Fatalf("%d %s", rec.Code, rec.Body)
				}
				return
			}
			res := rec.Result()
			res.Request = r
			wantError(t, res, rec.Body.String(), tt.code)
		})
	}
}
