package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/webhook/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret signs everything unless a test says otherwise.
var secret = webhook.NewSecret()

// got is one request that a receiver had.
type got struct {
	ID, Type string
	Data     map[string]any
	Header   http.Header
	Body     []byte
	At       time.Time
}

// receiver is a back end.
type receiver struct {
	*httptest.Server
	t testing.TB

	mu     sync.Mutex
	all    []got
	answer func(w http.ResponseWriter, n int, g *got) // nil: 204; n counts from 1
}

func receive(t testing.TB, answer func(w http.ResponseWriter, n int, g *got)) *receiver {
	t.Helper()
	r := &receiver{t: t, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	g := got{ID: req.Header.Get("webhook-id"), Header: req.Header, Body: body, At: time.Now()}
	var b struct {
		Type string
		ID   string
		Data map[string]any
	}
	if err := json.Unmarshal(body, &b); err != nil || b.ID != g.ID {
		r.t.Errorf("%s has the body %s (%v)", g.ID, body, err)
	}
	g.Type, g.Data = b.Type, b.Data
	w2, err := standard.NewWebhook(secret)
	if err == nil {
		err = w2.Verify(body, req.Header)
	}
	if err != nil {
		r.t.Errorf("%s %s: %v", g.ID, g.Type, err)
	}
	r.mu.Lock()
	r.all = append(r.all, g)
	n, answer := len(r.all), r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, n, &g)
}

func (r *receiver) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

// until waits for so many requests.
func (r *receiver) until(n int) []got {
	r.t.Helper()
	waitFor(r.t, fmt.Sprintf("%d requests", n), func() bool { return len(r.requests()) >= n })
	return r.requests()
}

func waitFor(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(2 * time.Millisecond) { // polling with a deadline
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// quick is a Config whose times are short.
func quick(urls ...string) webhook.Config {
	cfg := webhook.Config{
		MinBackoff: 20 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, MaxRest: 50 * time.Millisecond,
		Poll: 10 * time.Millisecond, Sweep: 20 * time.Millisecond, Timeout: 5 * time.Second, Grace: 2 * time.Second,
	}
	for _, u := range urls {
		cfg.Endpoints = append(cfg.Endpoints, webhook.Endpoint{URL: u, Secrets: []string{secret}})
	}
	return cfg
}

func file(t testing.TB) webhook.Outbox {
	t.Helper()
	return fileAt(t, filepath.Join(t.TempDir(), "webhooks.db"), 0)
}

func fileAt(t testing.TB, path string, most int) webhook.Outbox {
	t.Helper()
	box, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Max: most})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// sender is a Sender that ends with the test.
type sender struct {
	*webhook.Sender
	t   testing.TB
	reg *prometheus.Registry
}

func send(t testing.TB, cfg webhook.Config, box webhook.Outbox) *sender {
	t.Helper()
	reg := prometheus.NewRegistry()
	s, err := webhook.New(t.Context(), cfg, box, reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &sender{s, t, reg}
}

func (s *sender) tell(list ...signaling.News) {
	s.t.Helper()
	if err := s.Notify(context.Background(), list); err != nil {
		s.t.Fatal(err)
	}
}

// count adds up a metric over all endpoints; label is "name=value" or "".
func (s *sender) count(metric, label string) (sum float64) {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		for _, m := range f.GetMetric() {
			match := label == ""
			for _, l := range m.GetLabel() {
				match = match || l.GetName()+"="+l.GetValue() == label
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// callNews is what happened to a call that began now.
func callNews(typ signaling.NewsType, id string) signaling.News {
	now := time.Now()
	r := call.Record{ID: id, Caller: "ann", Callee: "bob", Video: true, Started: now.Add(-2 * time.Second), CallerDevice: "d1"}
	c := &signaling.CallNews{Record: r, Info: call.Info{From: json.RawMessage(`{"_id":"ann"}`), CallerName: "Ann"}, RingUntil: now.Add(45 * time.Second)}
	switch typ {
	case signaling.NewsAnswered:
		c.Answered, c.CalleeDevice = now, "d2"
	case signaling.NewsEnded:
		c.Answered, c.CalleeDevice, c.Ended, c.Reason, c.Duration = now, "d2", now.Add(time.Second), call.Hangup, time.Second
	case signaling.NewsMissed:
		c.Ended, c.Reason = now, call.NoAnswer
	}
	return signaling.News{ID: signaling.CallNewsID(typ, id), Type: typ, At: now, Lane: "call/" + id, Call: c}
}

// online is news of the n-th time that somebody came.
func online(user string, n int) signaling.News {
	return signaling.News{
		ID: fmt.Sprintf("evt_%s%d", user, n), Type: signaling.NewsOnline, At: time.Now(), Lane: "user/" + user,
		Presence: &presence.State{User: user, Online: true, Devices: n},
	}
}

func typesOf(list []got) string {
	var s []string
	for _, g := range list {
		s = append(s, g.Type)
	}
	return strings.Join(s, " ")
}
