package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// TestC14_KilledAlone: the calls that were live when a lone node was killed are in
// the log of the next one; what ended before, and what began in its last seconds,
// is not among them.
func TestC14_KilledAlone(t *testing.T) {
	store := openChat(t)
	node := func() *world {
		return newWorld(t, func(s *setup) {
			s.chat, s.live = store, store
			s.Renew = time.Hour // the test says when
		})
	}
	w := node()
	ring := func(from, to string) (*client, *client) {
		a, b := w.join(from), w.join(to)
		if got := a.asks("call:user", ringing(strings.ToLower(to[:1]), offer(1))); !strings.Contains(got, `"state":"ringing"`) {
			t.Fatal(got)
		}
		return a, b
	}
	ring("A1", "B1")
	_, d := ring("C1", "D1")
	e, _ := ring("E1", "F1")
	// J has blocked I, and hears of no call; it goes with each of the two.
	if err := store.Block(t.Context(), "j", "i"); err != nil {
		t.Fatal(err)
	}
	ring("I1", "J1")
	w.sw.liveLog.tell(w.sw)
	if got := d.asks("call:answer", fmt.Sprintf(`{"to":"c","signal":%s}`, reply(2))); !strings.Contains(got, `"answered"`) {
		t.Fatal(got)
	}
	e.asks("call:end", `{"to":"f"}`)
	until(t, "it is logged", func() bool { return len(logOf(t, store, "f")) == 1 })
	w.sw.liveLog.tell(w.sw)
	ring("G1", "H1")

	next := node() // on the same file, as after kill -9
	for user, want := range map[string]struct {
		reason           call.Reason
		answered, missed bool
	}{"b": {call.Lost, false, true}, "d": {call.Lost, true, false}, "f": {call.Cancelled, false, true}} {
		list := logOf(t, store, user)
		if len(list) != 1 || list[0].Reason != want.reason || list[0].Answered.IsZero() == want.answered || list[0].Missed != want.missed {
			t.Errorf("%s has %+v, want %+v", user, list, want)
		}
	}
	if list := logOf(t, store, "h"); len(list) != 0 {
		t.Errorf("nobody was told of this call: %+v", list)
	}
	if _, _, missed, err := next.sw.Calls(t.Context(), "j", "", 10); missed != 0 || err != nil {
		t.Errorf("j is told of %d calls that were not to be heard of, %v", missed, err)
	}
	switch list, _, _, err := next.sw.Calls(t.Context(), "i", "", 10); {
	case err != nil:
		t.Error(err)
	case len(list) != 1 || list[0].Callee != "j" || list[0].Reason != call.Lost:
		t.Errorf("i made %+v", list)
	}
	if err := store.Erase(t.Context(), "j"); err != nil {
		t.Fatal(err)
	}
	if list := logOf(t, store, "i"); len(list) != 0 {
		t.Errorf("j is erased, and in the log of i: %+v", list)
	}
}
