package signaling

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// TestBook_EndedCallsArePacked: what has ended is known as it ended, without what
// its callee was shown, and is no live call of anybody; later, nothing is.
func TestBook_EndedCallsArePacked(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	a, z := call.Who{User: "ann", Device: "A", Extended: true}, call.Who{User: "zoe", Device: "Z", Extended: true}
	c, _ := call.New(call.DefaultConfig(), call.Ring{
		ID: "c1", ClientID: "mine", Caller: a, Callee: z.User, Devices: []call.Who{z},
		Signal: call.SignalInfo([]byte(`{"type":"offer","sdp":"v=0"}`)),
		Info:   call.Info{CallerName: "Ann", From: json.RawMessage(`{"_id":"ann"}`), Metadata: json.RawMessage(`{"x":1}`)},
	}, now)
	end, fx, err := call.Step(c, call.End{Who: a}, now)
	if err != nil {
		t.Fatal(err)
	}
	end.Version = c.Version + 1

	b := newBook()
	b.put(&c, now)
	if got := b.get("c1"); got != &c || len(b.liveOf("ann")) != 1 || len(b.liveOf("zoe")) != 1 {
		t.Fatalf("a live call is not itself in the book: %p, %v", got, b.liveOf("ann"))
	}
	if old, taken := b.put(&end, now); old != &c || !taken {
		t.Fatalf("the end was not taken: %v, %v", old, taken)
	}
	other := end // packed after it, and not into it
	other.ID = "c2"
	b.put(&other, now)
	b.drop("c2")
	want := end
	want.Info.From, want.Info.Metadata = nil, nil
	got := b.get("c1")
	if !bytes.Equal(call.AppendCall(nil, got), call.AppendCall(nil, &want)) || len(got.Outbox) == 0 {
		t.Errorf("\n%+v\n%+v", got, want)
	}
	if all := b.all(); len(all) != 1 || all[0].State != call.Ended || len(b.liveOf("ann"))+len(b.liveOf("zoe")) != 0 {
		t.Errorf("all %v, live %v", all, b.liveOf("ann"))
	}
	if old, taken := b.put(&c, now); taken || old.State != call.Ended {
		t.Errorf("an older version was taken over %+v", old)
	}
	b.note("c1", fx[:1])
	if rest := b.fresh("c1", fx); len(rest) != len(fx)-1 {
		t.Errorf("%d of %d effects are fresh, after one", len(rest), len(fx))
	}
	b.tidy(now.Add(bookKeep), func(*call.Call) bool { return false })
	if b.get("c1") == nil {
		t.Error("forgotten too early")
	}
	b.tidy(now.Add(bookKeep+time.Second), func(*call.Call) bool { return false })
	if b.get("c1") != nil || len(b.byID)+len(b.byUser)+len(b.ended) != 0 {
		t.Error("something is left in the book")
	}
}
