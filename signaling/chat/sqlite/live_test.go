package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// TestC14_Interrupted: the calls that were live when a process died are in the log
// of the next one, once each, as they were last seen.
func TestC14_Interrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := openFile(t, DefaultConfig(path))
	at := func(sec int64) time.Time { return time.Unix(1_700_000_000+sec, 0) }
	live := func(id string, started, answered int64) call.Record {
		r := call.Record{ID: id, Caller: "ann", Callee: "ben", Reason: call.Lost, Started: at(started), CallerDevice: "a1"}
		if answered > 0 {
			r.Answered, r.CalleeDevice = at(answered), "b1"
		}
		return r
	}
	ctx := t.Context()
	for _, step := range []struct {
		at   int64
		put  []call.Record
		drop []string
	}{
		{5, []call.Record{live("rings", 4, 0), live("talks", 1, 0), live("over", 2, 3)}, nil},
		{10, []call.Record{live("talks", 1, 7), live("logged", 6, 8)}, []string{"over"}},
		{60, nil, nil},
	} {
		if err := s.KeepLive(ctx, at(step.at), step.put, step.drop); err != nil {
			t.Fatal(err)
		}
	}
	ended := live("logged", 6, 8)
	ended.Reason, ended.Ended, ended.Duration = call.Hangup, at(61), 53*time.Second
	if err := s.LogCall(ctx, ended); err != nil { // and it died before it said so
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, DefaultConfig(path))
	for _, want := range []int{2, 0} {
		got, err := s.Interrupted(ctx)
		if err != nil || len(got) != want {
			t.Errorf("%d calls were interrupted, %v; want %d", len(got), err, want)
		}
		for _, r := range got {
			want := live(r.ID, map[string]int64{"rings": 4, "talks": 1}[r.ID], map[string]int64{"talks": 7}[r.ID])
			want.Reason, want.Ended, want.Duration = call.Lost, at(60), map[string]time.Duration{"talks": 53 * time.Second}[r.ID]
			if !r.Ended.Equal(want.Ended) || !r.Started.Equal(want.Started) || !r.Answered.Equal(want.Answered) || r.Duration != want.Duration ||
				r.Callee != want.Callee || r.CalleeDevice != want.CalleeDevice || r.Missed() != want.Missed() {
				t.Errorf("interrupted: %+v, want %+v", r, want)
			}
		}
	}
	list, _, err := s.Calls(ctx, "ben", "", 10)
	if err != nil || len(list) != 3 {
		t.Fatalf("ben has %d calls, %v", len(list), err)
	}
	for _, c := range list {
		switch {
		case c.ID == "logged" && c.Reason == call.Hangup && c.Duration == 53*time.Second && !c.Missed:
		case c.ID == "talks" && c.Reason == call.Lost && c.Ended.Equal(at(60)) && c.Duration == 53*time.Second && c.CalleeDevice == "b1" && !c.Missed:
		case c.ID == "rings" && c.Reason == call.Lost && c.Ended.Equal(at(60)) && c.Duration == 0 && c.Missed:
		default:
			t.Errorf("odd: %+v", c)
		}
	}
}
