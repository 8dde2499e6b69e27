package push_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

func TestC5_RingIsUrgentAndEndsWithTheCall(t *testing.T) {
	k := start(t, nil)
	subs := map[string]bool{k.browser("bob").Endpoint: true, k.browser("bob").Endpoint: true}
	k.browser("carol")
	k.Ringing(ring("bob", "call-1", 30*time.Second))
	first, second := k.recv.Next(), k.recv.Next()
	for _, p := range []push.Subscription{{Endpoint: first.Endpoint}, {Endpoint: second.Endpoint}} {
		delete(subs, p.Endpoint)
	}
	if len(subs) > 0 {
		t.Errorf("browsers of bob that were not told: %v", subs)
	}
	if first.Urgency != "high" || first.Topic == "" || first.Topic != second.Topic || first.Subject != "mailto:ops@example.com" {
		t.Errorf("%+v", first)
	}
	if ttl, err := strconv.Atoi(first.TTL); err != nil || ttl < 28 || ttl > 30 {
		t.Errorf("TTL %q: the ring lasts 30 s", first.TTL)
	}
	d := first.Data
	if first.Is() != "call" || d["callId"] != "call-1" || d["from"] != "ann" || d["name"] != "Ann" || d["isVideoCall"] != true || d["user"] != "bob" {
		t.Errorf("%v", d)
	}
	k.RingOver(push.Over{CallID: "call-1", User: "bob", From: "ann", Reason: "answered_elsewhere"})
	over := k.recv.Next()
	if over.Is() != "call-over" || over.Topic != first.Topic || over.Urgency != "high" || over.Data["callId"] != "call-1" || over.Data["reason"] != "answered_elsewhere" {
		t.Errorf("%+v", over)
	}
	k.recv.Next()
	k.Ringing(ring("bob", "call-2", -time.Second))
	k.until("what is over is not sent", func() bool { return k.metric("tandem_push_total", "outcome=expired") == 2 })
	if n := k.recv.Pending(); n != 0 {
		t.Errorf("%d more pushes", n)
	}
}

func TestMessagesCollapseByConversation(t *testing.T) {
	k := start(t, nil)
	k.browser("bob")
	release := make(chan struct{})
	var held sync.Once
	k.recv.Answers(func(pushtest.Push, http.Header) int {
		held.Do(func() { <-release })
		return 0
	})
	text := strings.Repeat("\x01é<&>", 200)
	k.Messaged(push.Message{ID: "m0", User: "bob", From: "ann", Text: "first"})
	k.until("the first one is on its way", func() bool { return k.metric("tandem_push_waiting") == 1 })
	for i := range 20 {
		k.Messaged(push.Message{ID: fmt.Sprint("m", i+1), User: "bob", From: "ann", Name: "Ann", Text: text})
	}
	k.Messaged(push.Message{ID: "c", User: "bob", From: "carol", Text: "else"})
	k.until("what waits is replaced", func() bool { return k.metric("tandem_push_total", "outcome=replaced") == 19 })
	k.Ringing(ring("bob", "call-1", time.Minute))
	k.until("all wait", func() bool { return k.metric("tandem_push_waiting") == 4 })
	close(release)
	a, r, b, c := k.recv.Next(), k.recv.Next(), k.recv.Next(), k.recv.Next()
	if a.Data["messageId"] != "m0" || r.Is() != "call" || b.Data["messageId"] != "m20" || c.Data["messageId"] != "c" {
		t.Errorf("in the order %v, %v, %v, %v", a.Data, r.Data, b.Data, c.Data)
	}
	if a.Topic != b.Topic || a.Topic == c.Topic || a.Urgency != "normal" || a.TTL != "86400" {
		t.Errorf("%+v, %+v", a, c)
	}
	if s, _ := b.Data["text"].(string); len(s) > 240 || !strings.HasSuffix(s, "…") {
		t.Errorf("a text of %d bytes", len(s))
	}
}

func TestGoneSubscriptionIsForgotten(t *testing.T) {
	for _, status := range []int{http.StatusGone, http.StatusNotFound} {
		k := start(t, nil)
		gone, stays := k.browser("bob"), k.browser("bob")
		k.recv.Answers(func(p pushtest.Push, _ http.Header) int {
			if p.Endpoint == gone.Endpoint {
				return status
			}
			return 0
		})
		k.Ringing(ring("bob", "call-1", time.Minute))
		k.recv.Next()
		k.until("it is forgotten", func() bool {
			list, err := k.store.List(context.Background(), "bob")
			return err == nil && len(list) == 1 && list[0].Endpoint == stays.Endpoint
		})
		k.until("it is counted", func() bool { return k.metric("tandem_push_subscriptions_removed_total") == 1 })
	}
}

func TestTriesAgainWhatMayWorkLater(t *testing.T) {
	k := start(t, nil)
	k.browser("bob")
	var n atomic.Int32
	var times sync.Map
	k.recv.Answers(func(_ pushtest.Push, h http.Header) int {
		i := n.Add(1)
		times.Store(i, time.Now())
		switch i {
		case 1:
			return http.StatusServiceUnavailable
		case 2:
			h.Set("Retry-After", "1")
			return http.StatusTooManyRequests
		}
		return 0
	})
	k.Ringing(ring("bob", "call-1", time.Minute))
	k.recv.Next()
	second, _ := times.Load(int32(2))
	third, _ := times.Load(int32(3))
	if d := third.(time.Time).Sub(second.(time.Time)); d < time.Second {
		t.Errorf("asked to wait a second it waited %v", d)
	}
	// A push service that wants a longer pause than the call rings is left alone.
	k.recv.Answers(func(_ pushtest.Push, h http.Header) int {
		n.Add(1)
		h.Set("Retry-After", "3600")
		return http.StatusTooManyRequests
	})
	k.Ringing(ring("bob", "call-2", time.Minute))
	k.until("it is given up", func() bool { return k.metric("tandem_push_total", "outcome=failed") == 1 })
	if n.Load() != 4 {
		t.Errorf("%d posts, want 4", n.Load())
	}
}

func TestRefusedIsNotTriedAgain(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusFound} {
		k := start(t, nil)
		k.browser("bob")
		var n atomic.Int32
		k.recv.Answers(func(_ pushtest.Push, h http.Header) int {
			n.Add(1)
			h.Set("Location", k.recv.URL+"/elsewhere") // is not followed
			return status
		})
		k.Ringing(ring("bob", "call-1", time.Minute))
		k.until("it is refused", func() bool { return k.metric("tandem_push_total", "outcome=refused") == 1 })
		if list, err := k.store.List(context.Background(), "bob"); n.Load() != 1 || err != nil || len(list) != 1 {
			t.Errorf("%d: %d posts, left %v, %v", status, n.Load(), list, err)
		}
	}
}

func TestRingThatWasNotSentIsTakenBack(t *testing.T) {
	k := start(t, func(c *push.Config) { c.LaneWorkers = 1 })
	k.browser("slow")
	k.browser("bob")
	release := make(chan struct{})
	k.recv.Answers(func(p pushtest.Push, _ http.Header) int {
		if p.Data["user"] == "slow" {
			<-release
		}
		return 0
	})
	k.Ringing(ring("slow", "call-0", time.Minute))
	k.until("the only worker is busy", func() bool { return k.metric("tandem_push_waiting") == 1 })
	k.Ringing(ring("bob", "call-1", time.Minute))
	k.Ringing(ring("bob", "call-2", time.Minute))
	k.until("two rings wait", func() bool { return k.metric("tandem_push_waiting") == 3 })
	k.RingOver(push.Over{CallID: "call-1", User: "bob", From: "ann", Reason: "hangup"})
	k.RingOver(push.Over{CallID: "call-2", User: "bob", From: "ann", Reason: "cancelled", Missed: true})
	k.until("both rings are taken back", func() bool { return k.metric("tandem_push_total", "outcome=replaced") == 2 })
	close(release)
	k.recv.Next()
	if p := k.recv.Next(); p.Is() != "call-over" || p.Data["callId"] != "call-2" || p.Data["missed"] != true || p.TTL != "86400" {
		t.Errorf("%+v", p)
	}
	k.until("nothing is left", func() bool { return k.metric("tandem_push_waiting") == 0 })
	if k.recv.Pending() != 0 {
		t.Error("more was sent")
	}
}

// A push service that takes connections and never answers costs its own users
// their pushes, and nobody else a moment.
func TestDeadPushServiceDelaysNobody(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	well, dead := pushtest.NewReceiver(t, key.Public), pushtest.NewReceiver(t, key.Public)
	hang := make(chan struct{})
	dead.Answers(func(pushtest.Push, http.Header) int { <-hang; return 0 })
	defer close(hang)
	reg := prometheus.NewRegistry()
	s, err := push.New(push.Config{
		Key: key, Hosts: []string{well.URL, dead.URL}, LanePushes: 64, Timeout: time.Minute,
	}, push.NewMemory(), reg)
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{Service: s, t: t, reg: reg}
	t.Cleanup(s.Close)
	ctx := context.Background()
	for i := range 200 {
		if _, err := s.Subscribe(ctx, fmt.Sprint("dead-", i), dead.Browser()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Subscribe(ctx, "bob", well.Browser()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range 200 {
		s.Ringing(ring(fmt.Sprint("dead-", i), "c", time.Minute))
	}
	s.Ringing(ring("bob", "call-1", time.Minute))
	if took := time.Since(began); took > time.Second {
		t.Errorf("telling took %v", took)
	}
	if p := well.Next(); p.Data["callId"] != "call-1" {
		t.Errorf("%+v", p)
	}
	k.until("what is too much is dropped and counted", func() bool { return k.metric("tandem_push_dropped_total", "reason=too_many") == 200-64 })
	k.until("the rest waits", func() bool { return k.metric("tandem_push_waiting") == 64 })
}

func TestTimeoutCountsAsFailure(t *testing.T) {
	k := start(t, func(c *push.Config) { c.Timeout, c.Tries = 50*time.Millisecond, 2 })
	k.browser("bob")
	hang := make(chan struct{})
	var n atomic.Int32
	k.recv.Answers(func(pushtest.Push, http.Header) int { n.Add(1); <-hang; return http.StatusTeapot })
	k.Ringing(ring("bob", "call-1", time.Minute))
	k.until("it is given up", func() bool { return k.metric("tandem_push_total", "outcome=failed") == 1 })
	close(hang)
	if n.Load() != 2 {
		t.Errorf("%d tries", n.Load())
	}
}

func TestEndpointsArePushServicesOnly(t *testing.T) {
	k := start(t, func(c *push.Config) { c.Hosts = nil })
	sub := k.recv.Browser()
	for endpoint, ok := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/abc":                 true,
		"https://updates.push.services.mozilla.com/wpush/v2/abc":  true,
		"https://web.push.apple.com/abc":                          true,
		"https://wns2-par02p.notify.windows.com/w/?token=abc":     true,
		"http://fcm.googleapis.com/fcm/send/abc":                  false,
		"https://fcm.googleapis.com:8443/":                        false,
		"https://fcm.googleapis.com.example.com/":                 false,
		"https://notify.windows.com.example.com/":                 false,
		"https://xnotify.windows.com/":                            false,
		"https://user:pass@fcm.googleapis.com/":                   false,
		"https://127.0.0.1/":                                      false,
		"https://169.254.169.254/latest/meta-data":                false,
		"https://example.com/":                                    false,
		"file:///etc/passwd":                                      false,
		"":                                                        false,
		"https://fcm.googleapis.com/" + strings.Repeat("x", 2048): false,
		k.recv.URL + "/wpush":                                     false,
	} {
		sub.Endpoint = endpoint
		if _, err := k.Subscribe(context.Background(), "bob", sub); (err == nil) != ok {
			t.Errorf("%.60s: %v", endpoint, err)
		}
	}
}

// A name that leads into the site's own network is not posted to, whatever the
// site allows.
func TestPrivateAddressesAreNotReached(t *testing.T) {
	k := start(t, func(c *push.Config) { c.Hosts = []string{"*"} })
	sub := k.recv.Browser()
	sub.Endpoint = "https://localhost/wpush"
	if _, err := k.Subscribe(context.Background(), "bob", sub); err != nil {
		t.Fatal(err)
	}
	k.Ringing(ring("bob", "call-1", time.Minute))
	k.until("it is refused", func() bool { return k.metric("tandem_push_total", "outcome=refused") == 1 })
}

func TestUnsubscribe(t *testing.T) {
	k := start(t, nil)
	ctx := context.Background()
	first, second := k.browser("bob"), k.browser("bob")
	if ok, err := k.Subscribed(ctx, "bob"); err != nil || !ok {
		t.Errorf("%v, %v", ok, err)
	}
	for _, step := range []struct {
		user, endpoint, device string
		found                  bool
	}{
		{"ann", first.Endpoint, "", false}, {"bob", "", "", false}, {"bob", first.Endpoint, "", true}, {"bob", first.Endpoint, "", false}, {"bob", "", second.Device, true},
	} {
		if found, err := k.Unsubscribe(ctx, step.user, step.endpoint, step.device); err != nil || found != step.found {
			t.Errorf("%+v: %v, %v", step, found, err)
		}
	}
	if ok, err := k.Subscribed(ctx, "bob"); err != nil || ok {
		t.Errorf("%v, %v", ok, err)
	}
}

// Closing while much is on its way ends every goroutine.
func TestCloseEndsAll(t *testing.T) {
	k := start(t, func(c *push.Config) { c.Backoff = time.Hour })
	for i := range 50 {
		k.browser(fmt.Sprint("u", i))
	}
	hang := make(chan struct{})
	defer close(hang)
	k.recv.Answers(func(p pushtest.Push, _ http.Header) int {
		if strings.HasSuffix(fmt.Sprint(p.Data["user"]), "1") {
			return http.StatusServiceUnavailable
		}
		select {
		case <-hang:
		case <-time.After(100 * time.Millisecond):
		}
		return 0
	})
	for i := range 50 {
		k.Ringing(ring(fmt.Sprint("u", i), "c", time.Minute))
	}
	k.recv.Next()
	k.Close()
	k.Ringing(ring("u1", "d", time.Minute))
}

func TestMemoryStore(t *testing.T) {
	pushtest.Run(t, func(*testing.T) push.Store { return push.NewMemory() })
}

// While nobody has a subscription nothing need be made for pushes; the first one
// is known at once where it is made, and soon elsewhere.
func TestIdle(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	store, recv := &nobody{Memory: push.NewMemory()}, pushtest.NewReceiver(t, key.Public)
	open := func() *push.Service {
		s, err := push.New(push.Config{Key: key, Hosts: []string{recv.URL}, AnyEvery: 5 * time.Millisecond}, store, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	a, b := open(), open()
	idle := func(s *push.Service, want bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); s.Idle() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("idle is %t", !want)
			}
		}
	}
	idle(a, true)
	idle(b, true)
	if _, err := a.Subscribe(t.Context(), "ann", recv.Browser()); err != nil {
		t.Fatal(err)
	}
	if a.Idle() {
		t.Error("it has just got one")
	}
	idle(b, false)
	for before := store.asked.Load(); store.asked.Load() < before+4; time.Sleep(time.Millisecond) {
		if a.Idle() {
			t.Fatal("idle again")
		}
	}
}
