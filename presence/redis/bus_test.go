package redis

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// result waits for the answer to a payload: the error of Send or of done.
func result(t testing.TB, n *busNode, to presence.Peer, payload []byte) error {
	t.Helper()
	got := make(chan error, 1)
	if err := n.send(to, 1, presence.Must, payload, func(err error) { got <- err }); err != nil {
		return err
	}
	return <-got
}

func TestP3_BothLanesInOrder(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: c.receive})
	const n = 20_000
	for i := range uint64(n) {
		lane := presence.Lane(i % 3 % 2)
		until(t, "it is taken", func() bool { return a.send(b.self(), 1, lane, numbered(i), nil) == nil })
	}
	c.allInOrder(t, n)
	confirmed(t, a, b)
	if s := a.stats.batches.Load(); s > n/4 {
		t.Errorf("%d payloads made %d batches", n, s)
	}
	until(t, "the inbox is trimmed", func() bool {
		l, err := a.pipe.rdb.XLen(context.Background(), b.keys.inbox(b.self().Name, b.self().Epoch)).Result()
		return err == nil && l == 0
	})
}

func TestP3_DeadAndUnknownNodes(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{})
	for _, to := range []presence.Peer{{Name: "nobody", Epoch: "1"}, {Name: "b", Epoch: "other"}} {
		if err := result(t, a, to, numbered(1)); !errors.Is(err, presence.ErrUnavailable) {
			t.Errorf("to %v: %v, want ErrUnavailable", to, err)
		}
	}
	if err := result(t, a, b.self(), numbered(1)); err != nil {
		t.Error(err)
	}
}

func TestP3_InboxFullAndRecovery(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	gate := make(chan struct{})
	var c counter
	var open sync.Once
	release := func() { open.Do(func() { close(gate) }) }
	small := func(c *Config) { c.InboxMax = 10 }
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{}, small)
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: func(from presence.Peer, k presence.Kind, p []byte) {
		<-gate
		c.receive(from, k, p)
	}}, small)
	t.Cleanup(release)
	var accepted []uint64
	full := false
	for i := uint64(0); i < 1000 && !full; i++ {
		switch err := result(t, a, b.self(), numbered(i)); {
		case err == nil:
			accepted = append(accepted, i)
		case errors.Is(err, presence.ErrUnavailable):
			full = true
		default:
			t.Fatal(err)
		}
	}
	if !full || len(accepted) < 10 || len(accepted) > 11 {
		t.Fatalf("full: %v, after %d", full, len(accepted))
	}
	release()
	until(t, "it goes on", func() bool {
		if result(t, a, b.self(), numbered(5000)) == nil {
			accepted = append(accepted, 5000)
			return true
		}
		return false
	})
	until(t, "all have arrived", func() bool { return c.n() >= len(accepted) })
	for i, v := range c.list() {
		if v != accepted[i] {
			t.Fatalf("got %v, want %v", c.list(), accepted)
		}
	}
}

func TestP3_TooMuchUnconfirmed(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	gate := make(chan struct{})
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{}, func(c *Config) { c.KeepBytes = 100_000 })
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: func(presence.Peer, presence.Kind, []byte) { <-gate }})
	t.Cleanup(func() { close(gate) })
	for i := range 1000 {
		if err := result(t, a, b.self(), make([]byte, 1000)); err != nil {
			if i < 50 || i > 100 {
				t.Fatalf("%v after %d", err, i)
			}
			return
		}
	}
	t.Fatal("no bound")
}

func TestP3_UndeliveredAfterADeath(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		t.Run("told="+strconv.FormatBool(told), func(t *testing.T) {
			rs := redistest.Start(t)
			gate := make(chan struct{})
			var back counter
			a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{OnUndelivered: back.receive})
			b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: func(presence.Peer, presence.Kind, []byte) { <-gate }})
			t.Cleanup(func() { close(gate) })
			for i := range uint64(100) {
				if err := result(t, a, b.self(), numbered(i)); err != nil {
					t.Fatal(err)
				}
			}
			b.die()
			// not told to anybody, and not confirmed either
			if err := a.send(b.self(), 1, presence.Must, numbered(100), nil); err != nil {
				t.Fatal(err)
			}
			if err := a.send(b.self(), 1, presence.BestEffort, numbered(1000), nil); err != nil && !errors.Is(err, presence.ErrUnavailable) {
				t.Fatal(err)
			}
			if told {
				a.nodeGone(b.self(), false)
			}
			until(t, "all are back", func() bool { return back.n() >= 101 })
			for i, v := range back.list() {
				if v != uint64(i) {
					t.Fatalf("got back %v", back.list())
				}
			}
			until(t, "the outlet is gone", func() bool { return (*a.outlets.Load())[b.self()] == nil })
		})
	}
}

// Nobody is warned of a node that left, nor of letters that are void without it.
func TestP3_OnlyLossesAreWarnedOf(t *testing.T) {
	t.Parallel()
	var out lines
	var back counter
	rs := redistest.Start(t)
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{OnUndelivered: back.receive}, func(c *Config) { c.Logger = linesAt(&out) })
	application := letter{kind: 1, payload: numbered(0)}
	own := letter{kind: kindForget, payload: []byte("ann")}
	for i, c := range []struct {
		list  []letter
		left  bool
		level string
		back  int
	}{
		{[]letter{own, application}, false, "WARN", 1},
		{[]letter{own, application}, true, "DEBUG", 2},
		{[]letter{own}, false, "DEBUG", 2},
	} {
		from := len(out.String())
		a.undelivered(presence.Peer{Name: "b", Epoch: "e"}, c.list, c.left)
		if s := out.String()[from:]; !strings.Contains(s, `"level":"`+c.level+`"`) || strings.Count(s, "\n") != 1 {
			t.Errorf("%d: logged %s, want one line at %s", i, s, c.level)
		}
		until(t, "what is the application's is back", func() bool { return back.n() == c.back })
	}
}

func TestP3_APanicDoesNotEndTheReader(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: func(from presence.Peer, k presence.Kind, p []byte) {
		c.receive(from, k, p)
		panic("a bug")
	}})
	for i := range uint64(3) {
		if err := result(t, a, b.self(), numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all have arrived", func() bool { return c.n() == 3 })
}

func TestP1_RejoinTakesAnotherInbox(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var atA, atB, back counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{OnReceive: atA.receive})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: atB.receive, OnUndelivered: back.receive})
	rejoin := func(n *busNode) (old presence.Peer) {
		old = n.self()
		n.mu.Lock()
		n.peer.Epoch += "x"
		n.mu.Unlock()
		n.lease()
		n.rejoined(old)
		return old
	}
	if err := result(t, a, b.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	if err := result(t, b, a.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	until(t, "they have met", func() bool { return atA.n() == 1 && atB.n() == 1 })
	old := rejoin(a)
	if err := result(t, b, old, numbered(7)); !errors.Is(err, presence.ErrUnavailable) {
		t.Fatalf("to the old epoch: %v", err)
	}
	b.nodeGone(old, false)
	for i := range uint64(10) {
		if err := result(t, a, b.self(), numbered(i+1)); err != nil {
			t.Fatal(err)
		}
		if err := result(t, b, a.self(), numbered(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all have arrived", func() bool { return atA.n() >= 11 && atB.n() >= 11 })
	for _, c := range []*counter{&atA, &atB} {
		for i, v := range c.list() {
			if v != uint64(i) {
				t.Fatalf("got %v", c.list())
			}
		}
	}
	until(t, "the old inbox is gone", func() bool {
		n, err := a.pipe.rdb.Exists(context.Background(), a.keys.inbox(old.Name, old.Epoch)).Result()
		return err == nil && n == 0
	})
}

// A receiver that has forgotten a sender (it was told that it died) gets what is
// not confirmed, and what follows.
func TestP3_AForgottenSenderStartsAgain(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: c.receive})
	o := a.outlet(b.self())
	o.first, o.again, o.confirmed = 57, 57, 57 // as if 56 had been confirmed
	for i := range uint64(100) {
		if err := result(t, a, b.self(), numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all have arrived", func() bool { return c.n() >= 100 })
	for i, v := range c.list() {
		if v != uint64(i) {
			t.Fatalf("got %v", c.list())
		}
	}
}

// A confirmation of what was never sent counts for nothing.
func TestP3_MoreIsConfirmedThanWasSent(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: c.receive})
	if err := result(t, a, b.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	o := a.outlet(b.self())
	for _, next := range []uint64{3, 1 << 40, 1 << 63, math.MaxUint64} {
		o.confirm(o.gen, next)
		o.want(o.gen, next)
	}
	o.mu.Lock()
	if o.confirmed > 2 {
		t.Errorf("letters before %d count as confirmed, and one was sent", o.confirmed)
	}
	o.mu.Unlock()
	for i := range uint64(10) {
		if err := result(t, a, b.self(), numbered(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all have arrived", func() bool { return c.n() >= 11 })
}
