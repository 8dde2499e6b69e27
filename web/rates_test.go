package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestO4_RequestsOfAUserAreBounded(t *testing.T) {
	s := newSite(t, func(c *Config, _ *Parts) { c.RequestRate, c.RequestBurst = 0.001, 3 })
	for range 3 {
		s.send("alice", "bob", `{"text":"x"}`)
	}
	for _, r := range chatPaths {
		res, body := s.as("alice", r[0], r[1], bodyFor(r[0]))
		wantError(t, res, body, wire.CodeRateLimited)
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", r[0], r[1])
		}
	}
	if list := s.history("bob", "alice", ""); len(list) != 3 { // others are not held up
		t.Fatalf("%d messages", len(list))
	}
}

func TestO4_RatesForgetWhoIsQuiet(t *testing.T) {
	r := newRates(10, 20)
	now := time.Unix(1_000_000, 0)
	r.now = func() time.Time { return now }
	for i := range 1000 {
		if !r.admit(fmt.Sprint("u", i)) {
			t.Fatal(i)
		}
	}
	now = now.Add(tidyRates)
	if !r.admit("late") || len(r.users) != 1 {
		t.Fatalf("%d users are remembered", len(r.users))
	}
	for range 19 {
		r.admit("late")
	}
	if r.admit("late") {
		t.Fatal("over the burst")
	}
	if now = now.Add(100 * time.Millisecond); !r.admit("late") || r.admit("late") {
		t.Fatal("not one in a tenth of a second")
	}
}
