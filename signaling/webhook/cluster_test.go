package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/webhook/redis"
)

func shared(rs *redistest.Server) webhook.Outbox {
	return redis.New(redis.Config{}, goredis.NewClient(&goredis.Options{Addr: rs.Addr}))
}

// Three nodes, each of which tells a part of every call, or all of it again: each
// event is sent once, by one of them, in the order of its call.
func TestM9_NodesSendOnceInOrder(t *testing.T) {
	rs := redistest.Start(t)
	r := receive(t, nil)
	var nodes []*sender
	for range 3 {
		nodes = append(nodes, send(t, quick(r.URL), shared(rs)))
	}
	const calls = 100
	var wg sync.WaitGroup
	for i, typ := range []signaling.NewsType{signaling.NewsRinging, signaling.NewsAnswered, signaling.NewsEnded} {
		wg.Go(func() { // nobody waits for the other
			for n := range calls {
				news := callNews(typ, fmt.Sprintf("c%d", n))
				nodes[(i+n)%3].tell(news)
				nodes[(i+n+1)%3].tell(news)
			}
		})
	}
	wg.Wait()
	r.until(3 * calls)
	waitFor(t, "all to count as delivered", func() bool {
		sum := 0.0
		for _, n := range nodes {
			sum += n.count("tandem_webhook_attempts_total", "result=delivered")
		}
		return sum >= 3*calls
	})
	by, sentBy := map[string][]string{}, 0
	for _, g := range r.requests() {
		id, _ := g.Data["callId"].(string)
		by[id] = append(by[id], g.Type)
	}
	for id, list := range by {
		if got := strings.Join(list, " "); got != "call.ringing call.answered call.ended" {
			t.Errorf("%s was told as %s", id, got)
		}
	}
	for _, n := range nodes {
		if n.count("tandem_webhook_attempts_total", "") > 0 {
			sentBy++
		}
	}
	if len(by) != calls || sentBy != 3 {
		t.Errorf("%d calls were told of by %d nodes, want %d by 3", len(by), sentBy, calls)
	}
}

// A node takes an event and dies: another one sends it, with what follows, once
// the claim is over.
func TestM9_AnotherNodeTakesOver(t *testing.T) {
	rs := redistest.Start(t)
	r := receive(t, nil)
	dead := shared(rs)
	defer dead.Close()
	cfg := quick(r.URL)
	list := []webhook.Entry{
		{ID: "evt_1", Lane: "call/c1", Type: "call.ringing", Body: []byte(`{"type":"call.ringing","id":"evt_1","data":{}}`), Created: time.Now()},
		{ID: "evt_2", Lane: "call/c1", Type: "call.ended", Body: []byte(`{"type":"call.ended","id":"evt_2","data":{}}`), Created: time.Now()},
	}
	e := cfg.Endpoints[0]
	if _, err := dead.Put(t.Context(), e.ID(), list); err != nil {
		t.Fatal(err)
	}
	if got, err := dead.Claim(t.Context(), e.ID(), 10, 300*time.Millisecond); len(got) != 1 || err != nil {
		t.Fatalf("claimed %v (%v)", got, err)
	}
	began := time.Now()
	send(t, cfg, shared(rs))
	got := r.until(2)
	if typesOf(got) != "call.ringing call.ended" || got[0].At.Sub(began) < 200*time.Millisecond {
		t.Errorf("it got %s, the first after %v", typesOf(got), got[0].At.Sub(began))
	}
}

// What one node hears of an endpoint holds for all: 429 and 410.
func TestM9_NodesShareWhatAnEndpointSays(t *testing.T) {
	rs := redistest.Start(t)
	r := receive(t, func(w http.ResponseWriter, n int, _ *got) {
		switch n {
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusGone)
		}
	})
	box := &settling{Outbox: shared(rs), done: make(chan struct{}, 100)}
	a := send(t, quick(r.URL), box)
	a.tell(online("ann", 1))
	first := r.until(1)[0]
	<-box.done
	b := send(t, quick(r.URL), shared(rs))
	b.tell(online("bob", 1))
	second := r.until(2)[1]
	if d := second.At.Sub(first.At); d < 990*time.Millisecond {
		t.Errorf("another node asked after %v", d)
	}
	waitFor(t, "it to be off", func() bool {
		return a.count("tandem_webhook_off", "")+b.count("tandem_webhook_off", "") >= 1
	})
	a.tell(online("ann", 2))
	b.tell(online("ann", 3))
	if d := a.count("tandem_webhook_dropped_total", "why=off") + b.count("tandem_webhook_dropped_total", "why=off"); d < 2 {
		t.Errorf("%v events count as dropped", d)
	}
	for _, g := range r.requests() { // others may have been on their way
		if g.ID == "evt_ann2" || g.ID == "evt_ann3" {
			t.Errorf("%s came to an endpoint that is gone", g.ID)
		}
	}
}

// While Redis is away nothing can be kept: who tells hears that, and tells again.
func TestM9_RedisAway(t *testing.T) {
	rs := redistest.Start(t)
	r := receive(t, nil)
	s := send(t, quick(r.URL), shared(rs))
	rs.Kill()
	if err := s.Notify(t.Context(), []signaling.News{online("ann", 1)}); err == nil {
		t.Fatal("it was taken while Redis is away")
	}
	rs.Restart()
	waitFor(t, "it to be taken", func() bool { return s.Notify(t.Context(), []signaling.News{online("ann", 1)}) == nil })
	r.until(1)
}
