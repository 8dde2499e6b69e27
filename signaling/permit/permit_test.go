package permit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// clock is turned by hand.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(1_700_000_000_000 + c.ms.Load()) }
func (c *clock) pass(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// endpoint counts what it is asked.
type endpoint struct {
	*httptest.Server
	asked atomic.Int32
}

func newEndpoint(t *testing.T, h http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		text, _ := io.ReadAll(r.Body) // a server notices that a client is gone only behind the body
		r.Body = io.NopCloser(bytes.NewReader(text))
		h(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func newAsker(t *testing.T, url string, change func(*Config)) (*Asker, *clock) {
	t.Helper()
	c := &clock{}
	cfg := Config{URL: url, Secret: secret, Now: c.now}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, c
}

func (a *Asker) must(t *testing.T, q Question) Answer {
	t.Helper()
	ans, err := a.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return ans
}

var (
	annCalls = Question{Call, "ann", "bob"}
	failed   = Answer{Code: wire.CodeUnavailable, Failed: true}
)

func TestC15_QuestionIsSignedAsStandardWebhooks(t *testing.T) {
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if err := hook.Verify(text, r.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, text, err)
		}
		if fmt.Sprint(got) != "map[action:message from:ann to:bob type:permission]" {
			t.Errorf("asked %v", got)
		}
		_, _ = io.WriteString(w, `{"allow":true}`)
	})
	a, _ := newAsker(t, e.URL, func(c *Config) { c.Now = time.Now }) // the library looks at the time
	if ans := a.must(t, Question{Message, "ann", "bob"}); !ans.Allow || ans.Failed {
		t.Errorf("%+v", ans)
	}
}

func TestC15_AnswersAreRememberedForTheirTime(t *testing.T) {
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct{ To string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		if q.To == "bob" {
			_, _ = io.WriteString(w, `{"allow":true}`)
			return
		}
		_, _ = io.WriteString(w, `{"allow":false,"code":"busy","message":"Bob sleeps."}`)
	})
	a, c := newAsker(t, e.URL, func(c *Config) { c.Remember = 2 })
	no := Question{Call, "ann", "cat"}
	want := Answer{Code: wire.CodeBusy, Message: "Bob sleeps."}
	for range 3 {
		if ans := a.must(t, annCalls); !ans.Allow {
			t.Fatalf("%+v", ans)
		}
		if ans := a.must(t, no); ans != want {
			t.Fatalf("%+v", ans)
		}
	}
	if n := e.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want once each", n)
	}
	c.pass(10 * time.Second) // a no is forgotten earlier
	if _, ok := a.Known(annCalls); !ok {
		t.Error("a yes is forgotten after 10 s")
	}
	if _, ok := a.Known(no); ok {
		t.Error("a no is known after 10 s")
	}
	c.pass(50 * time.Second)
	if _, ok := a.Known(annCalls); ok {
		t.Error("a yes is known after a minute")
	}
	// No more than two are remembered: the one that was used longest ago goes.
	other := Question{Call, "dan", "bob"}
	a.must(t, annCalls)
	a.must(t, no)
	a.must(t, annCalls)
	a.must(t, other)
	_, one := a.Known(annCalls)
	_, two := a.Known(no)
	_, three := a.Known(other)
	if !one || two || !three || len(a.known.by) != 2 || a.known.order.Len() != 2 {
		t.Errorf("known: %t, %t, %t of %d", one, two, three, len(a.known.by))
	}
}

func TestC15_TheSameQuestionIsAskedOnce(t *testing.T) {
	answer := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		_, _ = io.WriteString(w, `{"allow":true}`)
	})
	a, _ := newAsker(t, e.URL, nil)
	var all sync.WaitGroup
	var yes atomic.Int32
	for range 50 {
		all.Go(func() {
			if ans, err := a.Ask(t.Context(), annCalls); err == nil && ans.Allow {
				yes.Add(1)
			}
		})
	}
	// Whoever gives up leaves the others waiting.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Ask(ctx, annCalls); err == nil {
		t.Error("an answer before there is one")
	}
	close(answer)
	all.Wait()
	if e.asked.Load() != 1 || yes.Load() != 50 {
		t.Errorf("asked %d times, %d answers", e.asked.Load(), yes.Load())
	}
}

func TestC15_WhatIsNoAnswer(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		if conn != nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"allow":true,"x":"`)
		chunk := strings.Repeat("x", 4096)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"allow":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, h := range map[string]http.HandlerFunc{
		"empty": says(200, ""), "text": says(200, "yes"), "array": says(200, `[true]`), "no allow": says(200, `{"allowed":true}`),
		"null": says(200, `{"allow":null}`), "a word": says(200, `{"allow":"true"}`), "a number": says(200, `{"allow":1}`),
		"cut": says(200, `{"allow":true`), "two": says(200, `{"allow":true}{}`), "behind": says(200, `{"allow":true}}`),
		"status 500": says(500, `{"allow":true}`), "status 201": says(201, `{"allow":true}`), "status 401": says(401, `{"allow":true}`),
		"hung up": hangUp, "endless": endless, "slow": slow, "drip": drip,
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		},
		"huge": says(200, `{"allow":true,"x":"`+strings.Repeat("x", maxAnswer)+`"}`),
		"deep": says(200, strings.Repeat(`[`, maxAnswer)),
	} {
		for _, open := range []bool{false, true} {
			e := newEndpoint(t, h)
			a, _ := newAsker(t, e.URL, func(c *Config) { c.Timeout, c.FailOpen = 200*time.Millisecond, open })
			began := time.Now()
			ans := a.must(t, annCalls)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s took %v", name, took)
			}
			if want := (Answer{Allow: open, Code: wire.CodeUnavailable, Failed: true}); ans != want {
				t.Errorf("%s: %+v, want %+v", name, ans, want)
			}
			if _, known := a.Known(annCalls); known {
				t.Errorf("%s is remembered", name)
			}
			a.Close()
		}
	}
	a, _ := newAsker(t, dead.URL, nil)
	if ans := a.must(t, annCalls); ans != failed {
		t.Errorf("nobody listens: %+v", ans)
	}
}

func TestC15_StatusForbiddenIsANo(t *testing.T) {
	for text, want := range map[string]Answer{
		`{"allow":false,"code":"offline","message":"m"}`: {Code: wire.CodeOffline, Message: "m"},
		`{"allow":true}`: {Code: wire.CodeForbidden},
		`nonsense`:       {Code: wire.CodeForbidden},
	} {
		e := newEndpoint(t, says(403, text))
		a, _ := newAsker(t, e.URL, nil)
		if ans := a.must(t, annCalls); ans != want {
			t.Errorf("%s: %+v", text, ans)
		}
	}
}

func TestC15_ADeadEndpointIsLeftAlone(t *testing.T) {
	var well atomic.Bool
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(500)
			return
		}
		_, _ = io.WriteString(w, `{"allow":true}`)
	})
	a, c := newAsker(t, e.URL, nil)
	q := func(i int) Question { return Question{Call, fmt.Sprint("u", i), "bob"} }
	for i := range 20 {
		if ans := a.must(t, q(i)); ans != failed {
			t.Fatalf("%+v", ans)
		}
	}
	if n := e.asked.Load(); n != 5 {
		t.Errorf("asked %d times before it was left alone, want 5", n)
	}
	if ans, ok := a.Known(q(99)); !ok || ans != failed {
		t.Errorf("who has to wait for nobody: %+v, %t", ans, ok)
	}
	if got := testutil.ToFloat64(a.metrics.resting); got != 1 {
		t.Errorf("resting is %v", got)
	}
	c.pass(5 * time.Second) // one finds out, in vain
	a.must(t, q(1))
	a.must(t, q(2))
	if n := e.asked.Load(); n != 6 {
		t.Errorf("asked %d times, want one more", n)
	}
	well.Store(true)
	c.pass(5 * time.Second)
	for i := range 3 {
		if ans := a.must(t, q(i)); !ans.Allow {
			t.Errorf("it is back: %+v", ans)
		}
	}
	if got := testutil.ToFloat64(a.metrics.resting); got != 0 {
		t.Errorf("resting is %v", got)
	}
}

func TestC15_WhoWaitsIsBoundedAndClosed(t *testing.T) {
	e := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	a, _ := newAsker(t, e.URL, func(c *Config) { c.Waiting, c.Concurrency, c.Timeout = 3, 1, time.Minute })
	answers := make(chan Answer, 3)
	for i := range 3 {
		go func() {
			ans, _ := a.Ask(context.Background(), Question{Call, fmt.Sprint(i), "bob"})
			answers <- ans
		}()
	}
	for { // until all three are on their way
		a.mu.Lock()
		n := len(a.flights)
		a.mu.Unlock()
		if n == 3 {
			break
		}
		time.Sleep(time.Millisecond) // polling; the test's own timeout bounds it
	}
	if ans := a.must(t, annCalls); ans != failed {
		t.Errorf("a fourth: %+v", ans)
	}
	a.Close()
	for range 3 {
		if ans := <-answers; ans != failed {
			t.Errorf("closed: %+v", ans)
		}
	}
	if ans := a.must(t, annCalls); ans != failed {
		t.Errorf("after Close: %+v", ans)
	}
	a.Close()
}

func TestC15_ConfigSaysWhatIsWrong(t *testing.T) {
	for _, c := range []Config{
		{URL: "", Secret: secret}, {URL: "ftp://x", Secret: secret}, {URL: "http://", Secret: secret}, {URL: ":", Secret: secret},
		{URL: "http://x"}, {URL: "http://x", Secret: "short"}, {URL: "http://x", Secret: "whsec_***"}, {URL: "http://x", Secret: "whsec_AAAA"},
		{URL: "http://x", Secret: secret, Timeout: -1}, {URL: "http://x", Secret: secret, Failures: -1},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is taken", c)
		} else if strings.Contains(err.Error(), "MfKQ9r8") {
			t.Errorf("a secret is told: %v", err)
		}
	}
	c := Config{URL: "http://user:hidden@x:bad", Secret: secret}
	if err := c.Validate(); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{URL: "https://x/y", Secret: "sixteen bytes or more"}, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, s := range []string{`{"allow":true}`, `{"allow":false,"code":"busy","message":"x"}`, `{"allow":false,"code":"internal"}`, `{"allow":1}`, `[]`, "{\"allow\":false,\"message\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ans, err := ParseAnswer(b)
		switch {
		case err != nil:
			if ans != (Answer{}) {
				t.Errorf("an error and %+v", ans)
			}
		case ans.Failed || !json.Valid(b):
			t.Errorf("%q: %+v", b, ans)
		case ans.Allow:
			if ans.Code != "" || ans.Message != "" {
				t.Errorf("%+v", ans)
			}
		default:
			if ans.Code.Message() == "" || len(ans.Message) > maxMessage {
				t.Errorf("%+v", ans)
			}
		}
	})
}
