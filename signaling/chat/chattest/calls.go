package chattest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123_000_000, time.UTC)

// missed is a call that bob missed, the n-th of that day.
func missed(n int, caller string) call.Record {
	at := noon.Add(time.Duration(n) * time.Minute)
	return call.Record{
		ID: "call-" + strconv.Itoa(n), Caller: caller, Callee: "bob", Reason: call.NoAnswer,
		Started: at.Add(-45 * time.Second), Ended: at,
	}
}

func logCall(t *testing.T, s chat.Store, r call.Record) {
	t.Helper()
	must(t, s.LogCall(context.Background(), r))
}

func calls(t *testing.T, s chat.Store, user string) []chat.LoggedCall {
	t.Helper()
	list, next, err := s.Calls(context.Background(), user, "", 100)
	must(t, err)
	same(t, "next", next, "")
	return list
}

func missedCount(t *testing.T, s chat.Store, user string) int {
	t.Helper()
	n, err := s.MissedCalls(context.Background(), user)
	must(t, err)
	return n
}

func eachCallOnce(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	r := call.Record{
		ID: "0123456789abcdef", Caller: "ann", Callee: "bob", Reason: call.Hangup, Video: true,
		Started: noon, Answered: noon.Add(5 * time.Second), Ended: noon.Add(65*time.Second + 7*time.Millisecond),
		Duration: time.Minute + 7*time.Millisecond, CallerDevice: "d1", CalleeDevice: "d2", Next: "next",
	}
	together(8, func(i int) {
		if err := stores[i%2].LogCall(context.Background(), r); err != nil {
			t.Errorf("log: %v", err)
		}
	})
	other := r
	other.Reason, other.Ended = call.Lost, noon.Add(time.Hour)
	logCall(t, stores[0], other)
	want := []chat.LoggedCall{{Record: r}}
	same(t, "the caller's", calls(t, stores[0], "ann"), want)
	same(t, "the callee's", calls(t, stores[1], "bob"), want)
	same(t, "another's", len(calls(t, stores[1], "cat")), 0)
	same(t, "missed", missedCount(t, stores[0], "bob"), 0)
}

func callPages(t *testing.T, w Open) {
	s := open(t, w)
	var want []string
	for i := range 9 { // of some the other is the caller; two end at the same time
		r := missed(i/2, "ann")
		r.ID = strconv.Itoa(i)
		if i%3 == 0 {
			r.Caller, r.Callee = "bob", "cat"
		}
		logCall(t, s, r)
		want = append(want, r.ID)
	}
	got := map[string]int{}
	var ended []time.Time
	cursor := ""
	for range 9 {
		list, next, err := s.Calls(context.Background(), "bob", cursor, 2)
		must(t, err)
		for _, c := range list {
			got[c.ID]++
			ended = append(ended, c.Ended)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	for _, id := range want {
		same(t, "times that call "+id+" came", got[id], 1)
	}
	for i := 1; i < len(ended); i++ {
		if ended[i].After(ended[i-1]) {
			t.Errorf("%v comes after %v", ended[i], ended[i-1])
		}
	}
}

func missedCalls(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	for i := range 3 {
		logCall(t, s, missed(i, "ann"))
	}
	declined := missed(3, "ann")
	declined.Reason = call.Rejected
	logCall(t, s, declined)
	same(t, "bob missed", missedCount(t, s, "bob"), 3)
	same(t, "ann missed", missedCount(t, s, "ann"), 0)
	list := calls(t, s, "bob")
	for i, want := range []struct{ missed, fresh bool }{{false, false}, {true, true}, {true, true}, {true, true}} {
		if list[i].Missed != want.missed || list[i].New != want.fresh {
			t.Errorf("call %s: missed %v, new %v, want %v", list[i].ID, list[i].Missed, list[i].New, want)
		}
	}
	for _, c := range calls(t, s, "ann") {
		if c.Missed || c.New {
			t.Errorf("the caller missed %+v", c)
		}
	}
	must(t, s.SeeCalls(ctx, "bob", missed(1, "ann").Ended))
	same(t, "after looking at two", missedCount(t, s, "bob"), 1)
	must(t, s.SeeCalls(ctx, "bob", noon.Add(-time.Hour)))
	same(t, "what was looked at stays so", missedCount(t, s, "bob"), 1)
	list = calls(t, s, "bob")
	same(t, "new ones", fmt.Sprint(list[1].New, list[2].New, list[3].New, list[3].Missed), "true false false true")
	must(t, s.SeeCalls(ctx, "bob", noon.Add(time.Hour)))
	same(t, "after looking at all", missedCount(t, s, "bob"), 0)
	logCall(t, s, missed(100, "cat"))
	same(t, "a later one", missedCount(t, s, "bob"), 1)
}

func callCursors(t *testing.T, w Open) {
	s := open(t, w)
	logCall(t, s, missed(1, "ann"))
	for _, bad := range badCursors {
		_, _, err := s.Calls(context.Background(), "bob", bad, 10)
		is(t, fmt.Sprintf("cursor %q", bad), err, chat.ErrBadCursor)
	}
}

func blocks(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	blocked := func(user string) []string {
		list, err := s.Blocked(ctx, user)
		must(t, err)
		return list
	}
	same(t, "at first", len(blocked("ann")), 0)
	for _, other := range []string{"dan", "bob", "cat", "bob"} {
		must(t, s.Block(ctx, "ann", other))
	}
	same(t, "blocked", blocked("ann"), []string{"bob", "cat", "dan"})
	same(t, "by those", len(blocked("bob")), 0)
	for range 2 {
		must(t, s.Unblock(ctx, "ann", "cat"))
	}
	must(t, s.Unblock(ctx, "bob", "ann"))
	same(t, "blocked after", blocked("ann"), []string{"bob", "dan"})
	must(t, s.Block(ctx, "cat", "bob"))
	by, err := s.BlockedBy(ctx, "bob")
	must(t, err)
	same(t, "who has blocked bob", by, []string{"ann", "cat"})
	by, err = s.BlockedBy(ctx, "ann")
	must(t, err)
	same(t, "who has blocked ann", len(by), 0)
	same(t, "as another node sees it", func() []string {
		list, err := open(t, w).Blocked(ctx, "ann")
		must(t, err)
		return list
	}(), []string{"bob", "dan"})
}
