package redis

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// twoStraight are two buses with trunks to each other; what b gets is counted.
func twoStraight(t *testing.T, rs *redistest.Server, h *presencetest.Handler, change ...func(*Config)) (e *depot, a, b *busNode) {
	t.Helper()
	e = newDepot(t)
	change = append(change, e.trunks)
	a = newBusNode(t, rs.URL(), "a", &presencetest.Handler{}, change...)
	b = newBusNode(t, rs.URL(), "b", h, change...)
	e.listen("a", a.serveTrunk)
	e.listen("b", b.serveTrunk)
	return e, a, b
}

func entriesIn(t *testing.T, rs *redistest.Server, n *busNode) int {
	t.Helper()
	v, err := strconv.Atoi(rs.MustCommand("XLEN", n.keys.inbox(n.self().Name, n.self().Epoch)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestP3_TrunkInOrderAndPastRedis(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	_, a, b := twoStraight(t, rs, &presencetest.Handler{OnReceive: c.receive})
	if err := result(t, a, b.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	laid(t, a, b)
	until(t, "the first is read and trimmed", func() bool { return c.n() == 1 && entriesIn(t, rs, b) == 0 })
	xadd := rs.MustCommand("XINFO", "STREAM", b.keys.inbox(b.self().Name, b.self().Epoch))
	const n = 20_000
	for i := uint64(1); i < n; i++ {
		lane := presence.Lane(i % 3) // all three
		until(t, "it is taken", func() bool { return a.send(b.self(), 1, lane, numbered(i), nil) == nil })
	}
	c.allInOrder(t, n)
	confirmed(t, a, b)
	if now := rs.MustCommand("XINFO", "STREAM", b.keys.inbox(b.self().Name, b.self().Epoch)); now != xadd {
		t.Errorf("the inbox was used: %q, before %q", now, xadd)
	}
}

// TestP3_TrunkBreaks: trunks that break at any moment lose nothing of the Must
// lane and bring nothing twice.
func TestP3_TrunkBreaks(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	e, a, b := twoStraight(t, rs, &presencetest.Handler{OnReceive: c.receive})
	stop := make(chan struct{})
	var cutter sync.WaitGroup
	var cuts atomic.Int64
	cutter.Go(func() {
		for tick := time.NewTicker(70 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				e.cut()
				cuts.Add(1)
				for _, n := range []*busNode{a, b} { // the next is laid at once
					for _, o := range *n.outlets.Load() {
						o.mu.Lock()
						o.trunkAfter = time.Time{}
						o.mu.Unlock()
					}
					n.lay(time.Now())
				}
			}
		}
	})
	var sent, told atomic.Int64
	again := func() bool { return cuts.Load() >= 20 && a.stats.again.Load() >= 20 }
	deadline := time.Now().Add(30 * time.Second)
	for !again() && time.Now().Before(deadline) {
		for range 20 {
			i := uint64(sent.Load())
			until(t, "it is taken", func() bool {
				return a.send(b.self(), 1, presence.Awaited, numbered(i), func(err error) {
					if err == nil {
						told.Add(1)
					}
				}) == nil
			})
			sent.Add(1)
		}
		time.Sleep(time.Millisecond) // the pace: some go alone, some in batches
	}
	close(stop)
	cutter.Wait()
	c.allInOrder(t, int(sent.Load()))
	until(t, "all senders were told", func() bool { return told.Load() == sent.Load() })
	if !again() {
		t.Errorf("%d of %d sent again after %d cuts: the trunks did not break", a.stats.again.Load(), sent.Load(), cuts.Load())
	}
}

// TestP3_TrunkStandsStill: a node that takes nothing from a trunk gets it by its
// inbox, and who waits is told so.
func TestP3_TrunkStandsStill(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	e := newDepot(t)
	a := newBusNode(t, rs.URL(), "a", &presencetest.Handler{}, e.trunks)
	b := newBusNode(t, rs.URL(), "b", &presencetest.Handler{OnReceive: c.receive})
	e.listen("b", func(conn net.Conn) { // says yes and hears nothing
		hi := make([]byte, len(hello(b.self())))
		if _, err := io.ReadFull(conn, hi); err != nil || !bytes.Equal(hi, hello(b.self())) {
			t.Errorf("hello %q, %v", hi, err)
		}
		_, _ = conn.Write([]byte{1})
		_, _ = io.Copy(io.Discard, conn)
	})
	if err := result(t, a, b.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	laid(t, a, b)
	got := make(chan error, 1)
	if err := a.send(b.self(), 1, presence.Awaited, numbered(1), func(err error) { got <- err }); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-got:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told")
	}
	until(t, "it has arrived", func() bool { return c.n() == 2 })
	// Nobody waits for these: they are missed all the same.
	for i, lane := range []presence.Lane{presence.Must, presence.BestEffort} {
		a.again(b)
		laid(t, a, b)
		if err := a.send(b.self(), 1, lane, numbered(9), nil); err != nil {
			t.Fatal(err)
		}
		until(t, "the trunk is given up", func() bool {
			if lane == presence.BestEffort { // a confirmation of before may be taken for one of this
				_ = a.send(b.self(), 1, lane, numbered(9), nil)
			}
			o := a.outlet(b.self())
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.trunk == nil
		})
		if lane == presence.Must {
			until(t, "it has arrived", func() bool { return c.n() == 3+i })
		}
	}
}

// again lets the next trunk be laid at once.
func (n *busNode) again(to *busNode) {
	o := n.outlet(to.self())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.trunkAfter = time.Time{}
}

// TestP1_TrunkOfAnotherEpoch: nothing is handled for an epoch that is over.
func TestP1_TrunkOfAnotherEpoch(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	_, a, b := twoStraight(t, rs, &presencetest.Handler{OnReceive: c.receive})
	if err := result(t, a, b.self(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	laid(t, a, b)
	until(t, "it has arrived", func() bool { return c.n() == 1 })
	old := b.self()
	b.mu.Lock()
	b.peer.Epoch = "another"
	b.mu.Unlock()
	b.lease()
	err := result(t, a, old, numbered(1)) // over the trunk, then refused by the inbox
	until(t, "the trunk is cut", func() bool {
		o := (*a.outlets.Load())[old]
		if o == nil {
			return true
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.trunk == nil
	})
	if err != nil && !errors.Is(err, presence.ErrUnavailable) {
		t.Error(err)
	}
	if n := c.n(); n != 1 {
		t.Errorf("%d payloads were handled, want 1", n)
	}
	if _, err := openTrunk(t.Context(), a.cfg.Dial, "b", old); err == nil {
		t.Error("a trunk to a former epoch was laid")
	}
}

// FuzzTrunk: whatever stands in a connection, nothing but whole batches is
// handled and nothing panics.
func FuzzTrunk(f *testing.F) {
	peer := presence.Peer{Name: "b", Epoch: "e"}
	l := letter{kind: 1, lane: presence.Must, seq: 1, payload: []byte("x")}
	batch := appendLetter(appendHead(nil, presence.Peer{Name: "a", Epoch: "e"}, 1, 1, 1), &l)
	f.Add(append(hello(peer), append([]byte{byte(len(batch) << 1)}, batch...)...))
	f.Add(append(hello(peer), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBus(Config{Logger: slog.New(slog.DiscardHandler)}, keys{}, nil, &health{}, &presencetest.Handler{}, func() presence.Peer { return peer })
		b.closed.Store(true) // it answers nobody
		b.inbox = newInbox(b, nil)
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); _ = b.hear(here); _ = here.Close() }()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		_, _ = there.Write(in)
		_ = there.Close()
		<-done
	})
}

// TestP3_TrunkToANewNode: a node that has just started and one that does not know
// of it yet have trunks both ways at once: what goes two ways for a moment may
// come in another order. Nobody renews a lease here, which is when nodes learn of
// others by themselves.
func TestP3_TrunkToANewNode(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	e := newDepot(t)
	join := func(name string) *Store {
		var s *Store
		there := make(chan struct{})
		e.listen(name, func(conn net.Conn) {
			<-there
			s.ServeTrunk(conn)
		})
		cfg := testConfig(rs.URL())
		cfg.Lease, cfg.Addr, cfg.Dial = time.Hour, name, e.dial
		var err error
		s, err = Join(t.Context(), cfg, name, &presencetest.Handler{})
		if err != nil {
			t.Fatal(err)
		}
		close(there)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	a, b := join("a"), join("b")
	for _, s := range []*Store{a, b} {
		until(t, s.Self().Name+" has a trunk", func() bool { return s.bus.stats.trunks.Load() == 1 })
	}
}

// A node is found to have no lease just when a trunk to it is laid: it has one, as it
// answers. The trunk is not forgotten with the outlet when nothing is sent for long.
func TestP3_IdleTrunkStays(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	var c counter
	_, a, b := twoStraight(t, rs, &presencetest.Handler{OnReceive: c.receive}, func(cfg *Config) { cfg.Timeout = 10 * time.Second })
	if err := loadScripts(t.Context(), a.pipe.rdb); err != nil {
		t.Fatal(err)
	}
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a.pipe.rdb.AddHook(onSend(func(cmds []goredis.Cmder) {
		once.Do(func() {
			close(held)
			<-release
		})
	}))
	b.die()
	if err := a.send(b.self(), 1, presence.BestEffort, numbered(0), nil); err != nil {
		t.Fatal(err)
	}
	<-held
	laid(t, a, b)
	o := a.outlet(b.self())
	close(release)
	until(t, "it is found to have none", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return !o.busy && errors.Is(o.refuse, errDead)
	})
	pause(2*a.cfg.Lease, func() {
		if now := (*a.outlets.Load())[b.self()]; now != o {
			t.Fatalf("the outlet is %p, was %p", now, o)
		}
	})
	if err := a.send(b.self(), 1, presence.BestEffort, numbered(1), nil); err != nil {
		t.Fatal(err)
	}
	until(t, "it has arrived", func() bool { return c.n() == 1 })
	if n := a.stats.trunks.Load(); n != 1 {
		t.Errorf("%d trunks", n)
	}
}
