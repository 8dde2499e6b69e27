// Package outboxtest is the suite that every webhook.Outbox passes.
package outboxtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

// Max is how many entries the outbox of a test takes for one endpoint.
const Max = 300

// box is an outbox with one endpoint.
type box struct {
	testing.TB
	webhook.Outbox
	endpoint string
}

// Run checks an implementation; open makes an empty outbox whose queues take Max
// entries.
func Run(t *testing.T, open func(t *testing.T) webhook.Outbox) {
	t.Helper()
	for name, f := range map[string]func(*box){
		"M9_EachOnce": eachOnce, "M9_OneLaneInOrder": inOrder, "M9_AgainLater": againLater, "M9_LeaseEnds": leaseEnds,
		"M9_EndpointsApart": apart, "M9_Rest": rest, "M9_OldestDropped": oldestDropped, "M9_TooOld": tooOld, "M9_Off": off,
		"M9_Bytes": bytesStay, "M9_ManyClaimers": manyClaimers, "M9_LateSettle": lateSettle,
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			t.Cleanup(func() { _ = o.Close() })
			f(&box{t, o, "e1"})
		})
	}
}

func (b *box) put(names ...string) webhook.Stored {
	b.Helper()
	var list []webhook.Entry
	for _, n := range names {
		lane, _, _ := strings.Cut(n, "-")
		list = append(list, webhook.Entry{ID: n, Lane: lane, Type: "t", Body: []byte("body of " + n), Created: time.Now()})
	}
	st, err := b.Put(b.Context(), b.endpoint, list)
	if err != nil {
		b.Fatal(err)
	}
	return st
}

func (b *box) claim(n int, lease time.Duration) []webhook.Delivery {
	b.Helper()
	list, err := b.Claim(b.Context(), b.endpoint, n, lease)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

func names(list []webhook.Delivery) string {
	var ids []string
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func (b *box) gets(want string, list []webhook.Delivery) {
	b.Helper()
	if got := names(list); got != want {
		b.Errorf("claimed %q, want %q", got, want)
	}
}

func (b *box) settle(again, rest time.Duration, list ...webhook.Delivery) {
	b.Helper()
	var out []webhook.Result
	for _, d := range list {
		out = append(out, webhook.Result{Seq: d.Seq, Again: again})
	}
	if err := b.Settle(b.Context(), b.endpoint, out, rest); err != nil {
		b.Fatal(err)
	}
}

// eventually claims until something is due.
func (b *box) eventually() []webhook.Delivery {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if list := b.claim(10, time.Minute); len(list) > 0 {
			return list
		}
	}
	b.Fatal("nothing became due")
	return nil
}

func (b *box) waits(want int) {
	b.Helper()
	if _, n, err := b.Sweep(b.Context(), b.endpoint, time.Hour); n != want || err != nil {
		b.Errorf("%d entries wait (%v), want %d", n, err, want)
	}
}

const through = time.Duration(-1)

// eachOnce: an id that the queue has had is not added again, whether it waits, is
// claimed or is through.
func eachOnce(b *box) {
	if st := b.put("a-1", "b-1", "a-1"); st.Added != 2 {
		b.Errorf("%d of 2 entries were added", st.Added)
	}
	got := b.claim(10, time.Minute)
	b.gets("a-1 b-1", got)
	b.gets("", b.claim(10, time.Minute))
	if st := b.put("a-1"); st.Added != 0 {
		b.Error("what is claimed was added again")
	}
	b.settle(through, 0, got...)
	if st := b.put("a-1", "b-1"); st.Added != 0 {
		b.Error("what is through was added again")
	}
	b.gets("", b.claim(10, time.Minute))
	b.waits(0)
}

// inOrder: the next of a lane comes when the one before is through; other lanes do
// not wait.
func inOrder(b *box) {
	b.put("a-1", "a-2", "b-1")
	b.put("a-3", "b-2")
	first := b.claim(10, time.Minute)
	b.gets("a-1 b-1", first)
	i := slices.IndexFunc(first, func(d webhook.Delivery) bool { return d.ID == "a-1" })
	b.settle(through, 0, first[i])
	second := b.claim(10, time.Minute)
	b.gets("a-2", second)
	b.settle(through, 0, second...)
	third := b.claim(10, time.Minute)
	b.gets("a-3", third)
	b.settle(through, 0, third...)
	b.settle(through, 0, first[1-i])
	b.gets("b-2", b.claim(10, time.Minute))
	b.put("a-4") // a lane that was empty
	b.gets("a-4", b.claim(10, time.Minute))
}

// againLater: what failed comes again when it is due, counted, and its lane waits.
func againLater(b *box) {
	b.put("a-1", "a-2")
	one := b.claim(10, time.Minute)
	b.settle(150*time.Millisecond, 0, one...)
	b.gets("", b.claim(10, time.Minute))
	one = b.eventually()
	b.gets("a-1", one)
	if one[0].Attempt != 2 {
		b.Errorf("it is attempt %d, want the second", one[0].Attempt)
	}
	b.settle(through, 0, one...)
	b.gets("a-2", b.claim(10, time.Minute))
}

// leaseEnds: what a claimer that died had claimed comes to another one.
func leaseEnds(b *box) {
	b.put("a-1", "a-2")
	b.gets("a-1", b.claim(10, 150*time.Millisecond))
	b.gets("", b.claim(10, time.Minute))
	b.gets("a-1", b.eventually())
}

// lateSettle: who settles what is through already changes nothing.
func lateSettle(b *box) {
	b.put("a-1", "a-2", "a-3")
	late := b.claim(1, 50*time.Millisecond)
	again := b.eventually()
	b.gets("a-1", again)
	b.settle(through, 0, again...)
	b.gets("a-2", b.claim(10, time.Minute))
	b.settle(through, 0, late...)
	b.settle(0, 0, late...)
	b.gets("", b.claim(10, time.Minute))
	b.waits(2)
}

// apart: endpoints have queues of their own.
func apart(b *box) {
	other := &box{b.TB, b.Outbox, "e2"}
	b.put("a-1")
	if st := other.put("a-1"); st.Added != 1 {
		b.Error("what one endpoint has had, another has not")
	}
	got := b.claim(10, time.Minute)
	b.settle(through, time.Hour, got...)
	got = other.claim(10, time.Minute)
	other.gets("a-1", got)
	if err := b.Switch(b.Context(), "e1", false); err != nil {
		b.Fatal(err)
	}
	other.put("a-2")
	other.settle(through, 0, got...)
	other.gets("a-2", other.claim(10, time.Minute))
}

// rest: an endpoint that asked for it is left alone.
func rest(b *box) {
	b.put("a-1", "b-1")
	got := b.claim(1, time.Minute)
	b.settle(0, 200*time.Millisecond, got...)
	b.put("c-1")
	b.gets("", b.claim(10, time.Minute))
	b.gets("a-1 b-1 c-1", b.eventually())
}

// oldestDropped: a queue that is full drops its oldest, and lanes go on.
func oldestDropped(b *box) {
	var all []string
	for i := range Max {
		all = append(all, fmt.Sprintf("%c-%d", 'a'+i%3, i))
	}
	b.put(all...)
	st := b.put("z-1", "z-2")
	if st.Added != 2 || st.Dropped != 2 {
		b.Errorf("put says %+v, want 2 added and 2 dropped", st)
	}
	b.waits(Max)
	b.gets("a-3 b-4 c-2 z-1", b.claim(10, time.Minute))
}

// tooOld: what is too old is dropped, and said.
func tooOld(b *box) {
	old := []webhook.Entry{
		{ID: "a-1", Lane: "a", Created: time.Now().Add(-time.Hour)}, {ID: "b-1", Lane: "b", Created: time.Now().Add(-time.Hour)},
	}
	if _, err := b.Put(b.Context(), b.endpoint, old); err != nil {
		b.Fatal(err)
	}
	b.put("a-2")
	dropped, waiting, err := b.Sweep(b.Context(), b.endpoint, 10*time.Minute)
	if dropped != 2 || waiting != 1 || err != nil {
		b.Errorf("%d dropped, %d wait (%v); want 2 and 1", dropped, waiting, err)
	}
	b.gets("a-2", b.claim(10, time.Minute))
}

// off: an endpoint that is off has no queue and gets none, until it is on.
func off(b *box) {
	b.put("a-1", "b-1")
	for _, on := range []bool{false, false} {
		if err := b.Switch(b.Context(), b.endpoint, on); err != nil {
			b.Fatal(err)
		}
	}
	if st := b.put("a-2"); !st.Off || st.Added != 0 {
		b.Errorf("put says %+v, want off", st)
	}
	b.gets("", b.claim(10, time.Minute))
	if err := b.Switch(b.Context(), b.endpoint, true); err != nil {
		b.Fatal(err)
	}
	b.gets("", b.claim(10, time.Minute))
	b.put("a-3")
	b.gets("a-3", b.claim(10, time.Minute))
}

// bytesStay: whatever stands in an entry comes out as it went in.
func bytesStay(b *box) {
	created := time.UnixMilli(time.Now().UnixMilli())
	e := webhook.Entry{ID: "evt_1", Lane: "talk/a|b/12|\x00é", Type: "message.created", Body: []byte("{\"x\":\"|\x00\xff \"}"), Created: created}
	if _, err := b.Put(b.Context(), b.endpoint, []webhook.Entry{e}); err != nil {
		b.Fatal(err)
	}
	got := b.claim(1, time.Minute)
	if len(got) != 1 || got[0].ID != e.ID || got[0].Lane != e.Lane || got[0].Type != e.Type || string(got[0].Body) != string(e.Body) ||
		!got[0].Created.Equal(created) || got[0].Attempt != 1 {
		b.Errorf("claimed %+v, want %+v", got, e)
	}
}

// manyClaimers: claimed at the same time by many, each entry goes to one, in the
// order of its lane.
func manyClaimers(b *box) {
	const lanes, each = 5, 20
	var all []string
	for i := range each {
		for l := range lanes {
			all = append(all, fmt.Sprintf("%c-%02d", 'a'+l, i))
		}
	}
	b.put(all...)
	var mu sync.Mutex
	var got []string
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				done := len(got) >= len(all)
				mu.Unlock()
				if done {
					return
				}
				list, err := b.Claim(ctx, b.endpoint, 3, time.Minute)
				if err != nil {
					b.Error(err)
					return
				}
				var out []webhook.Result
				mu.Lock()
				for _, d := range list {
					got = append(got, d.ID)
					out = append(out, webhook.Result{Seq: d.Seq, Again: through})
				}
				mu.Unlock()
				if err := b.Settle(ctx, b.endpoint, out, 0); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for l := range lanes {
		lane := string(rune('a' + l))
		var have []string
		for _, id := range got {
			if strings.HasPrefix(id, lane) {
				have = append(have, id)
			}
		}
		if len(have) != each || !slices.IsSorted(have) {
			b.Errorf("lane %s was claimed as %q", lane, have)
		}
	}
}
