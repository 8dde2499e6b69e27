package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

func TestC14_CallsArePagedAndCounted(t *testing.T) {
	s := newSite(t, nil)
	res, body := s.as("bob", "GET", "/api/calls", "")
	if res.StatusCode != 200 || body != `{"calls":[],"missed":0}` {
		t.Fatalf("none yet: %d %s", res.StatusCode, body)
	}
	base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	for i := range 5 {
		r := call.Record{
			ID: fmt.Sprintf("call-%d", i), Caller: "alice", Callee: "bob", Reason: call.NoAnswer, Video: true,
			Started: base.Add(time.Duration(i) * time.Minute), Ended: base.Add(time.Duration(i)*time.Minute + 45*time.Second), CallerDevice: "phone",
		}
		if i == 4 {
			r.Reason, r.Answered, r.CalleeDevice = call.Hangup, r.Started.Add(5*time.Second), "tab"
			r.Duration = r.Ended.Sub(r.Answered)
		}
		if err := s.store.LogCall(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	read := func(user, query string) callsAnswer {
		t.Helper()
		res, body := s.as(user, "GET", "/api/calls"+query, "")
		return must[callsAnswer](t, 200, res, body)
	}
	a := read("bob", "")
	if len(a.Calls) != 5 || a.Missed != 4 || a.Next != "" {
		t.Fatalf("%+v", a)
	}
	newest := a.Calls[0]
	if newest.ID != "call-4" || newest.Missed || newest.DurationMs != 40_000 || newest.Answered != isoTime(base.Add(4*time.Minute+5*time.Second)) ||
		newest.CalleeDevice != "tab" || newest.Reason != call.Hangup || !newest.Video {
		t.Fatalf("%+v", newest)
	}
	if c := a.Calls[1]; !c.Missed || !c.New || c.Answered != "" || c.Ended != isoTime(base.Add(3*time.Minute+45*time.Second)) {
		t.Fatalf("%+v", c)
	}
	if a := read("alice", ""); a.Missed != 0 || len(a.Calls) != 5 || a.Calls[1].Missed {
		t.Fatalf("the caller missed %+v", a)
	}
	var ids []string
	for query := "?limit=2"; ; {
		a := read("bob", query)
		for _, c := range a.Calls {
			ids = append(ids, c.ID)
		}
		if a.Next == "" || len(ids) > 5 {
			break
		}
		query = "?limit=2&cursor=" + a.Next
	}
	if fmt.Sprint(ids) != "[call-4 call-3 call-2 call-1 call-0]" {
		t.Fatalf("pages: %v", ids)
	}

	for _, tt := range []struct {
		until  string
		missed int
	}{
		{fmt.Sprintf(`{"until":%d}`, base.Add(2*time.Minute).UnixMilli()), 2}, // two ended before
		{`{"until":"` + base.Add(3*time.Minute).Format(time.RFC3339) + `"}`, 1},
		{`{"until":null}`, 0},
	} {
		res, body := s.as("bob", "POST", "/api/calls/seen", tt.until)
		must[seenAnswer](t, 200, res, body)
		if a := read("bob", ""); a.Missed != tt.missed {
			t.Errorf("%s: %d are missed, want %d", tt.until, a.Missed, tt.missed)
		}
	}
	// A time to come hides nothing that is missed later.
	s.as("bob", "POST", "/api/calls/seen", `{"until":"9999-12-31T23:59:59Z"}`)
	late := call.Record{ID: "late", Caller: "alice", Callee: "bob", Reason: call.NoAnswer, Started: time.Now(), Ended: time.Now().Add(time.Second)}
	if err := s.store.LogCall(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if a := read("bob", ""); a.Missed != 1 {
		t.Errorf("a later call: %d are missed", a.Missed)
	}
}
