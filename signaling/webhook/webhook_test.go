package webhook_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/webhook"
)

// What a back end gets: types, shapes, headers.
func TestM9_Bodies(t *testing.T) {
	r := receive(t, nil)
	s := send(t, quick(r.URL), file(t))
	ring := callNews(signaling.NewsRinging, "c1")
	ring.Offline = true
	ring.Call.Info.Metadata = []byte(`{"x":1}`)
	missed := callNews(signaling.NewsMissed, "c2")
	both := missed
	both.Type, both.ID = signaling.NewsEnded, signaling.CallNewsID(signaling.NewsEnded, "c2")
	m := &chat.Message{ID: "65f0c0ffee65f0c0ffee65f0", Sender: "ann", Receiver: "bob", Text: "hi", Created: time.UnixMilli(1), Updated: time.UnixMilli(1)}
	s.tell(ring, callNews(signaling.NewsAnswered, "c1"), callNews(signaling.NewsEnded, "c1"), both, missed,
		signaling.News{ID: "evt_m", Type: signaling.NewsMessage, Lane: "talk/ann/bob", Message: m, Author: []byte(`{"_id":"ann"}`), Offline: true},
		online("bob", 2))
	by := map[string]string{}
	for _, g := range r.until(8) {
		id, _ := g.Data["callId"].(string)
		at := strings.Index(string(g.Body), `"data":`)
		by[g.Type+" "+id] = stamps(string(g.Body[at+7 : len(g.Body)-1]))
		if g.Header.Get("Content-Type") != "application/json" || g.Header.Get("webhook-timestamp") == "" {
			t.Errorf("%s has headers %v", g.Type, g.Header)
		}
	}
	rung := `"isVideoCall":true,"offline":false,"callerName":"Ann","from":{"_id":"ann"},"startedAt":"T","expiresAt":"T"}`
	for name, want := range map[string]string{
		"call.ringing c1":  `{"callId":"c1","caller":"ann","callee":"bob","isVideoCall":true,"offline":true,"callerName":"Ann","from":{"_id":"ann"},"metadata":{"x":1},"startedAt":"T","expiresAt":"T"}`,
		"call.ringing c2":  `{"callId":"c2","caller":"ann","callee":"bob",` + rung,
		"call.answered c1": `{"callId":"c1","caller":"ann","callee":"bob","isVideoCall":true,"startedAt":"T","answeredAt":"T","callerDevice":"d1","calleeDevice":"d2"}`,
		"call.ended c1":    `{"callId":"c1","caller":"ann","callee":"bob","reason":"hangup","isVideoCall":true,"missed":false,"startedAt":"T","answeredAt":"T","endedAt":"T","durationMs":1000,"callerDevice":"d1","calleeDevice":"d2"}`,
		"call.ended c2":    `{"callId":"c2","caller":"ann","callee":"bob","reason":"no_answer","isVideoCall":true,"missed":true,"startedAt":"T","endedAt":"T","durationMs":0,"callerDevice":"d1"}`,
		"call.missed c2":   `{"callId":"c2","caller":"ann","callee":"bob","reason":"no_answer","isVideoCall":true,"missed":true,"startedAt":"T","endedAt":"T","durationMs":0,"callerDevice":"d1"}`,
		"message.created ": `{"offline":true,"from":{"_id":"ann"},"message":` + stamps(string(chat.AppendJSON(nil, m))) + `}`,
		"presence.online ": `{"user":"bob","online":true,"devices":2}`,
	} {
		if by[name] != want {
			t.Errorf("%s is\n\t%s\nwant\n\t%s", name, by[name], want)
		}
	}
	if len(by) != 8 {
		t.Errorf("%d events came: %v", len(by), by)
	}
}

// stamps makes all times of a body "T".
func stamps(s string) string {
	parts := strings.Split(s, `"`)
	for i, p := range parts {
		if _, err := time.Parse(time.RFC3339, p); err == nil {
			parts[i] = "T"
		}
	}
	return strings.Join(parts, `"`)
}

// An old secret and a new one: a receiver that knows either is content.
func TestM9_SecretsRotate(t *testing.T) {
	old := webhook.NewSecret()
	r := receive(t, nil) // knows the other one
	cfg := quick(r.URL)
	cfg.Endpoints[0].Secrets = []string{old, secret}
	s := send(t, cfg, file(t))
	s.tell(online("ann", 1))
	g := r.until(1)[0]
	w, err := standard.NewWebhook(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(g.Body, g.Header); err != nil {
		t.Error(err)
	}
	if n := len(strings.Fields(g.Header.Get("webhook-signature"))); n != 2 {
		t.Errorf("there are %d signatures", n)
	}
	stranger, err := standard.NewWebhook(webhook.NewSecret())
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify(g.Body, g.Header) == nil {
		t.Error("any secret will do")
	}
}

// Each endpoint gets what it asked for.
func TestM9_Filter(t *testing.T) {
	calls, all := receive(t, nil), receive(t, nil)
	cfg := quick(calls.URL, all.URL)
	cfg.Endpoints[0].Events = []string{"call.*"}
	s := send(t, cfg, file(t))
	s.tell(online("ann", 1), callNews(signaling.NewsRinging, "c1"))
	all.until(2)
	if got := typesOf(calls.until(1)); got != "call.ringing" {
		t.Errorf("the endpoint of calls got %q", got)
	}
}

// An event that was not taken comes again under its id, and what follows it in its
// lane waits for it.
func TestM9_TriedAgainInOrder(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, n int, g *got) {
		if n <= 3 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	s := send(t, quick(r.URL), file(t))
	s.tell(callNews(signaling.NewsRinging, "c1"))
	s.tell(callNews(signaling.NewsAnswered, "c1"))
	s.tell(callNews(signaling.NewsEnded, "c1"))
	list := r.until(6)
	if got := typesOf(list); got != "call.ringing call.ringing call.ringing call.ringing call.answered call.ended" {
		t.Errorf("it got %s", got)
	}
	for _, g := range list[:4] {
		if g.ID != list[0].ID {
			t.Errorf("an attempt has another id: %s", g.ID)
		}
	}
	if d := list[3].At.Sub(list[0].At); d < 35*time.Millisecond { // half of 20+40+80 at least
		t.Errorf("four attempts within %v", d)
	}
}

// What was told twice, or by two nodes, is sent once; what of a call was told to
// nobody comes before what came later.
func TestM9_OnceByID(t *testing.T) {
	r := receive(t, nil)
	s := send(t, quick(r.URL), file(t))
	for range 3 {
		s.tell(callNews(signaling.NewsEnded, "c1"))
	}
	s.tell(callNews(signaling.NewsRinging, "c1"), callNews(signaling.NewsAnswered, "c1"))
	s.tell(online("end", 1))
	list := r.until(4)
	waitFor(t, "an empty outbox", func() bool { return s.count("tandem_webhook_attempts_total", "result=delivered") == 4 })
	var calls []got
	for _, g := range list {
		if strings.HasPrefix(g.Type, "call.") {
			calls = append(calls, g)
		}
	}
	if got := typesOf(calls); got != "call.ringing call.answered call.ended" {
		t.Errorf("it got %s", got)
	}
	refused := callNews(signaling.NewsEnded, "c2") // it never rang
	refused.Call.RingUntil, refused.Call.Answered, refused.Call.Reason = time.Time{}, time.Time{}, call.Busy
	s.tell(refused)
	if got := typesOf(r.until(5)[4:]); got != "call.ended" {
		t.Errorf("a refused call was told as %s", got)
	}
}

// An endpoint that is down, or slow, delays nobody else.
func TestM9_DeadEndpointDelaysNobody(t *testing.T) {
	down := receive(t, nil)
	down.Close()
	hang := make(chan struct{})
	slow := receive(t, func(w http.ResponseWriter, _ int, _ *got) { <-hang })
	defer close(hang)
	good := receive(t, nil)
	cfg := quick(down.URL, slow.URL, good.URL)
	cfg.Concurrency, cfg.Grace, cfg.Timeout = 2, 50*time.Millisecond, time.Hour // who waits for the slow one waits in vain
	s := send(t, cfg, file(t))
	for i := range 10 {
		var list []signaling.News
		for j := range 5 {
			list = append(list, online("ann", 5*i+j), online("bob", 5*i+j))
		}
		s.tell(list...)
	}
	good.until(100)
	if n := len(slow.requests()); n != 2 {
		t.Errorf("%d requests are at an endpoint that does not answer, want 2", n)
	}
	waitFor(t, "the dead one to be given a rest", func() bool { return s.count("tandem_webhook_attempts_total", "result=failed") >= 5 })
}

// An endpoint that does not answer in time is asked again.
func TestM9_Timeout(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, n int, _ *got) {
		if n == 1 {
			time.Sleep(300 * time.Millisecond) // it is slow
		}
	})
	cfg := quick(r.URL)
	cfg.Timeout = 100 * time.Millisecond
	s := send(t, cfg, file(t))
	s.tell(online("ann", 1))
	list := r.until(2)
	if list[0].ID != list[1].ID {
		t.Error("the second attempt has another id")
	}
}

// 410: it gets nothing any more, until a server starts again.
func TestM9_Gone(t *testing.T) {
	gone := true
	r := receive(t, nil)
	r.answer = func(w http.ResponseWriter, _ int, _ *got) {
		if gone {
			w.WriteHeader(http.StatusGone)
		}
	}
	path := filepath.Join(t.TempDir(), "webhooks.db")
	s := send(t, quick(r.URL), fileAt(t, path, 0))
	s.tell(online("ann", 1), online("ann", 2))
	waitFor(t, "it to be off", func() bool { return s.count("tandem_webhook_off", "") == 1 })
	s.tell(online("ann", 3))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.requests()); n != 1 {
		t.Errorf("it was asked %d times, want once", n)
	}
	if n := s.count("tandem_webhook_dropped_total", "why=off"); n != 2 {
		t.Errorf("%v events count as dropped, want 2", n)
	}
	r.mu.Lock()
	gone = false
	r.mu.Unlock()
	s = send(t, quick(r.URL), fileAt(t, path, 0))
	s.tell(online("ann", 4))
	if list := r.until(2); list[1].ID != "evt_ann4" {
		t.Errorf("then it got %s", list[1].ID)
	}
}

// settling says when something was settled.
type settling struct {
	webhook.Outbox
	done chan struct{}
}

func (s *settling) Settle(ctx context.Context, endpoint string, list []webhook.Result, rest time.Duration) error {
	err := s.Outbox.Settle(ctx, endpoint, list, rest)
	s.done <- struct{}{}
	return err
}

// 429 and 503 say when: nothing comes before, of no lane.
func TestM9_RetryAfter(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		r := receive(t, func(w http.ResponseWriter, n int, _ *got) {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(status)
			}
		})
		box := &settling{Outbox: file(t), done: make(chan struct{}, 100)}
		s := send(t, quick(r.URL), box)
		s.tell(online("ann", 1))
		first := r.until(1)[0]
		<-box.done
		s.tell(online("bob", 1), online("cid", 1))
		for _, g := range r.until(4)[1:] {
			if d := g.At.Sub(first.At); d < 990*time.Millisecond {
				t.Errorf("%d: %s came after %v", status, g.ID, d)
			}
		}
	}
}

// What could not be delivered within the window is dropped and counted, and so is
// the oldest of a queue that is full.
func TestM9_GivenUp(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ int, _ *got) { w.WriteHeader(http.StatusInternalServerError) })
	cfg := quick(r.URL)
	cfg.Window = 150 * time.Millisecond
	s := send(t, cfg, file(t))
	s.tell(online("ann", 1), online("ann", 2))
	waitFor(t, "both to be given up", func() bool { return s.count("tandem_webhook_dropped_total", "why=expired") == 2 })
	cfg.Window = time.Hour
	s = send(t, cfg, fileAt(t, filepath.Join(t.TempDir(), "w.db"), 10))
	var list []signaling.News
	for i := range 15 {
		list = append(list, online("ann", i))
	}
	s.tell(list...)
	if n := s.count("tandem_webhook_dropped_total", "why=full"); n != 5 {
		t.Errorf("%v were dropped, want 5", n)
	}
}

// Redirects are failures: nobody else is sent what was signed for this endpoint.
func TestM9_NoRedirects(t *testing.T) {
	other := receive(t, nil)
	r := receive(t, func(w http.ResponseWriter, n int, _ *got) {
		if n == 1 {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	s := send(t, quick(r.URL), file(t))
	s.tell(online("ann", 1))
	r.until(2)
	if len(other.requests()) != 0 {
		t.Error("a redirect was followed")
	}
}

// An endless answer holds nothing up, and is not read.
func TestM9_AnswerIgnored(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ int, _ *got) {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	s := send(t, quick(r.URL), file(t))
	s.tell(online("ann", 1), online("bob", 1))
	r.until(2)
	waitFor(t, "both to count as delivered", func() bool { return s.count("tandem_webhook_attempts_total", "result=delivered") == 2 })
}

// What is not delivered when a server ends is delivered by the next, under the
// same ids.
func TestM9_Restart(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ int, _ *got) { w.WriteHeader(http.StatusBadGateway) })
	path := filepath.Join(t.TempDir(), "webhooks.db")
	s := send(t, quick(r.URL), fileAt(t, path, 0))
	s.tell(online("ann", 1), online("ann", 2))
	r.until(2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.answer, r.all = nil, nil
	r.mu.Unlock()
	send(t, quick(r.URL), fileAt(t, path, 0))
	list := r.until(2)
	if list[0].ID != "evt_ann1" || list[1].ID != "evt_ann2" {
		t.Errorf("it got %s and %s", list[0].ID, list[1].ID)
	}
}

func TestM9_ConfigIsChecked(t *testing.T) {
	ok := webhook.Endpoint{URL: "https://a.example/x", Secrets: []string{secret}}
	for name, e := range map[string]webhook.Endpoint{
		"no URL": {URL: "a.example", Secrets: ok.Secrets}, "another scheme": {URL: "ftp://a.example", Secrets: ok.Secrets},
		"no secret": {URL: ok.URL}, "a short one": {URL: ok.URL, Secrets: []string{"short"}},
		"no base64": {URL: ok.URL, Secrets: []string{"whsec_!!!"}}, "an unknown event": {URL: ok.URL, Secrets: ok.Secrets, Events: []string{"call.*", "nonsense"}},
	} {
		cfg := webhook.Config{Endpoints: []webhook.Endpoint{e}}
		if err := cfg.Validate(); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := webhook.Config{Endpoints: []webhook.Endpoint{ok, ok}}
	if cfg.Validate() == nil {
		t.Error("one endpoint twice: each would get half")
	}
	cfg = webhook.Config{Endpoints: []webhook.Endpoint{ok}}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}
