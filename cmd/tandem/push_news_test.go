package main

import (
	"testing"
	"time"

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
