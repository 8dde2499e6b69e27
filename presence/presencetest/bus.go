package presencetest

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// listener is a node's handler that notes what other nodes send.
type listener struct {
	Handler
	mu      sync.Mutex
	got     map[presence.Peer][]uint64
	bad     int // payloads of another kind or form
	drained atomic.Int64
}

func newListener() *listener { return &listener{got: map[presence.Peer][]uint64{}} }

const busKind presence.Kind = 7

func (l *listener) Receive(from presence.Peer, kind presence.Kind, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind != busKind || len(payload) != 8 {
		l.bad++
		return
	}
	l.got[from] = append(l.got[from], binary.BigEndian.Uint64(payload))
}

func (l *listener) Drained() { l.drained.Add(1) }

func (l *listener) from(p presence.Peer) []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]uint64(nil), l.got[p]...)
}

func number(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }

// eventually polls a condition: what one node sends, another gets on a goroutine
// of its own.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
}

// deliver sends a payload that must arrive and waits for the answer, which may
// come from Send or later.
func deliver(from presence.Store, to presence.Peer, payload []byte) error {
	answer := make(chan error, 2)
	if err := from.Send(to, busKind, presence.Must, payload, func(err error) { answer <- err }); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("no answer")
	}
}

func orderPerPair(t *testing.T, w World) {
	const n = 3000
	heard := newListener()
	to := joinAs(t, w, "to", heard)
	senders := []presence.Store{joinAs(t, w, "one", &Handler{}), joinAs(t, w, "two", &Handler{})}
	var wg sync.WaitGroup
	for _, s := range senders {
		wg.Go(func() {
			for i := range uint64(n) {
				lane := presence.Must
				if i%3 == 1 {
					lane = presence.BestEffort
				}
				if err := s.Send(to.Self().Peer, busKind, lane, number(i), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, s := range senders {
		eventually(t, "the last has arrived", func() bool { return slices.Contains(heard.from(s.Self().Peer), n-1) })
	}
	eventually(t, "the inbox is drained", func() bool { return heard.drained.Load() > 0 })
	for _, s := range senders {
		// The others may be dropped where the nodes begin to reach each other in
		// another way meanwhile.
		next, others := uint64(0), uint64(0)
		for _, v := range heard.from(s.Self().Peer) {
			switch {
			case v%3 == 1 && v <= others, v%3 != 1 && v != next:
				t.Fatalf("payload %d of %s came where %d was to come", v, s.Self().Name, next)
			case v%3 == 1:
				others = v
			default:
				if next++; next%3 == 1 {
					next++
				}
			}
		}
		if next < n {
			t.Fatalf("payload %d of %s did not come", next, s.Self().Name)
		}
	}
	if heard.bad > 0 {
		t.Fatalf("%d payloads were changed", heard.bad)
	}
}

func mustIsAnswered(t *testing.T, w World) {
	heard := newListener()
	a, b := joinAs(t, w, "a", &Handler{}), joinAs(t, w, "b", heard)
	var answers atomic.Int64
	for i := range uint64(100) {
		must(t, a.Send(b.Self().Peer, busKind, presence.Must, number(i), func(err error) {
			if err != nil {
				t.Error(err)
			}
			answers.Add(1)
		}))
	}
	eventually(t, "all have arrived and are answered", func() bool {
		return len(heard.from(a.Self().Peer)) >= 100 && answers.Load() >= 100
	})
	if n, m := len(heard.from(a.Self().Peer)), answers.Load(); n != 100 || m != 100 {
		t.Fatalf("%d arrived, %d answers", n, m)
	}
}

// notDelivered looks that a payload for a node which is not there is refused; or, if
// it was on its way when that was noticed, given back.
func notDelivered(t *testing.T, what string, from presence.Store, back *atomic.Int32, to presence.Peer) {
	t.Helper()
	was := back.Load()
	switch err := deliver(from, to, number(1)); {
	case err == nil:
		eventually(t, what+": it is given back", func() bool { return back.Load() > was })
	case !errors.Is(err, presence.ErrUnavailable):
		t.Errorf("%s: %v, want ErrUnavailable", what, err)
	}
}

func nobodyThere(t *testing.T, w World) {
	var back atomic.Int32
	a := joinAs(t, w, "a", &Handler{OnUndelivered: func(presence.Peer, presence.Kind, []byte) { back.Add(1) }})
	b, c := joinAs(t, w, "b", newListener()), joinAs(t, w, "c", newListener())
	gone := func(what string, p presence.Peer) {
		t.Helper()
		notDelivered(t, what, a, &back, p)
	}
	must(t, deliver(a, b.Self().Peer, number(0)))
	gone("a node that never was", presence.Peer{Name: "nobody", Epoch: "1"})
	gone("another epoch", presence.Peer{Name: "b", Epoch: "another"})
	left := b.Self().Peer
	must(t, b.Leave(context.Background()))
	gone("a node that left", left)
	w.Pass(w.Lease() + w.Lease()/4)
	gone("a node without a lease", c.Self().Peer)
}

func newEpochNewInbox(t *testing.T, w World) {
	heard := newListener()
	var back atomic.Int32
	a := joinAs(t, w, "a", &Handler{OnUndelivered: func(presence.Peer, presence.Kind, []byte) { back.Add(1) }})
	b := joinAs(t, w, "b", heard)
	old, tag := b.Self().Peer, b.Self().Tag
	must(t, deliver(a, old, number(0)))
	eventually(t, "it has arrived", func() bool { return len(heard.from(a.Self().Peer)) == 1 })
	w.Pass(w.Lease() + w.Lease()/4)
	must(t, b.Rejoin(context.Background()))
	if b.Self().Peer == old {
		t.Fatal("Rejoin kept the epoch")
	}
	// Ids of its sessions begin with the tag: whoever gets them finds it.
	list := joinAs(t, w, "c", &Handler{}).Nodes()
	i := slices.IndexFunc(list, func(n presence.Node) bool { return n.Tag == tag })
	if b.Self().Tag != tag || i < 0 || list[i].Peer != b.Self().Peer {
		t.Errorf("%+v is not found by its tag %q among %+v", b.Self(), tag, list)
	}
	notDelivered(t, "the old epoch", a, &back, old)
	must(t, b.Rejoin(context.Background())) // that may have taken a lease
	must(t, deliver(a, b.Self().Peer, number(2)))
	eventually(t, "it has arrived", func() bool { return len(heard.from(a.Self().Peer)) >= 2 })
	if got := heard.from(a.Self().Peer); len(got) != 2 || got[1] != 2 {
		t.Fatalf("got %v", got)
	}
}
