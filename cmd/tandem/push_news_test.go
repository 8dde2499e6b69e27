package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// TestC15_PushesOfCallsThatNobodyHeard: browsers are told of calls that rang, or
// were missed, and of no others.
func TestC15_PushesOfCallsThatNobodyHeard(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	recv := pushtest.NewReceiver(t, key.Public)
	service, err := push.New(push.Config{Key: key, Hosts: []string{recv.URL}}, push.NewMemory(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	if _, err := service.Subscribe(t.Context(), "bob", recv.Browser()); err != nil {
		t.Fatal(err)
	}
	ended := func(id string, why call.Reason, rang, unheard bool) signaling.News {
		now := time.Now()
		c := &signaling.CallNews{Record: call.Record{ID: id, Caller: "alice", Callee: "bob", Reason: why, Started: now, Ended: now}, Unheard: unheard}
		if rang {
			c.RingUntil = now
		}
		return signaling.News{Type: signaling.NewsEnded, Call: c}
	}
	news := pushNews{service}
	if err := news.Notify(t.Context(), []signaling.News{
		ended("of somebody whom bob has blocked", call.NoAnswer, true, true),
		ended("refused by the back end for now", call.Failed, false, false),
		ended("refused by the back end", call.Forbidden, false, false),
		ended("while bob was in another", call.Busy, false, false),
		ended("missed offline", call.Offline, false, false),
		ended("declined", call.Rejected, true, false),
	}); err != nil {
		t.Fatal(err)
	}
	// All that is for one browser comes in its order.
	for _, want := range []string{"missed offline", "declined"} {
		if p := recv.Next(); p.Is() != "call-over" || p.Data["callId"] != want {
			t.Fatalf("bob's browser was told %+v, want the call that was %s", p.Data, want)
		}
	}
}

// TestC5_ARingThatComesLateIsNotPushed: the node that pushes the ring tries again
// when another one has pushed the end of the call already.
func TestC5_ARingThatComesLateIsNotPushed(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	recv := pushtest.NewReceiver(t, key.Public)
	var rings atomic.Int32
	recv.Answers(func(p pushtest.Push, _ http.Header) int {
		if p.Is() == "call" && rings.Add(1) == 1 {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	server := redistest.Start(t).URL()
	apps := make([]*App, 2)
	for i := range apps {
		apps[i], _, _ = start(t, testConfig(t, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--admin-listen=127.0.0.1:0", "--redis-url="+server, "--push-hosts="+recv.URL,
			"--vapid-private-key="+key.Private, "--vapid-subject=mailto:ops@example.com", "--drain-timeout=1s", fmt.Sprintf("--node-name=n%d", i)), nil)
	}
	subscribe(t, apps[0], "bob", recv.Browser())
	alice, bob := connect(t, apps[0], "alice"), connect(t, apps[1], "bob")
	alice.ask("call:user", `{"to":"bob",`+offerText+`}`)
	bob.hears("call:incoming")
	deadline := time.Now().Add(10 * time.Second)
	for rings.Load() == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nothing was pushed")
		}
		time.Sleep(5 * time.Millisecond) // polling with a deadline
	}
	bob.ask("call:rejected", `{"to":"alice"}`)
	if p := recv.Next(); p.Is() != "call-over" {
		t.Fatalf("%+v", p)
	}
	for {
		_, text := get(t, httpClient(t), apps[0].AdminURL()+"/metrics")
		if strings.Contains(text, `tandem_push_total{kind="call",outcome="expired"} 1`) {
			break
		}
		if n := recv.Pending(); n > 0 || time.Now().After(deadline) {
			t.Fatalf("behind the end of the call came %+v", recv.Next())
		}
		time.Sleep(10 * time.Millisecond) // polling with a deadline
	}
}
