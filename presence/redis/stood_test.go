package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// reader is a node that stands still in the middle of a batch: while it handles the
// payload of this number.
type reader struct {
	counter
	at     uint64
	stands chan struct{} // closed when it does
	goesOn chan struct{} // closed when it is to go on
	goOn   func()
}

func newReader(t *testing.T, n *node, at uint64) *reader {
	r := &reader{at: at, stands: make(chan struct{}), goesOn: make(chan struct{})}
	r.goOn = sync.OnceFunc(func() { close(r.goesOn) })
	n.handler.OnReceive = r.receive
	t.Cleanup(r.goOn)
	return r
}

// through makes it go on, and lists what it has handled when it is through.
func (r *reader) through(in *inbox) []uint64 {
	r.goOn()
	in.mu.Lock() // which it holds until then
	defer in.mu.Unlock()
	return r.list()
}

func (r *reader) receive(from presence.Peer, kind presence.Kind, payload []byte) {
	r.counter.receive(from, kind, payload)
	if list := r.list(); list[len(list)-1] == r.at {
		close(r.stands)
		<-r.goesOn
	}
}

// inOneBatch sends payloads 0 to n-1.
func inOneBatch(t *testing.T, s *Store, to presence.Peer, n uint64) {
	t.Helper()
	o := s.bus.outlet(to)
	idle := func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.busy || s.cfg.Dial != nil && o.trunk == nil {
			return false
		}
		o.busy = true // what is sent now waits
		return true
	}
	until(t, "nothing else is on its way", idle)
	for i := range n {
		if err := s.Send(to, 1, presence.Must, numbered(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	o.mu.Lock()
	o.busy = false
	o.goLocked()
}

// A node stands still in the middle of what it has read for so long that it is
// buried, and those who sent get back what it has not confirmed: when it goes on it
// handles none of that, also where it has not looked at its lease yet.
func TestP1_StoodStillWhileItReads(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"inbox", "trunk"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			rs := redistest.Start(t)
			cfg := faultConfig(rs.URL())
			e := newDepot(t)
			if way == "trunk" {
				cfg.Dial = e.dial
			}
			join := func(name string) *node {
				cfg.Addr = name
				n := newNode(t, cfg, name)
				e.listen(name, n.ServeTrunk)
				return n
			}
			a, b := join("a"), join("b")
			var back counter
			a.handler.OnUndelivered = back.receive
			r := newReader(t, b, 3)
			const n = 10
			inOneBatch(t, a.Store, b.peer(), n)
			<-r.stands
			b.stands.Store(true)
			back.allInOrder(t, n) // those before the one that it stands at are in doubt
			if got := r.through(b.bus.inbox); !slices.Equal(got, []uint64{0, 1, 2, 3}) {
				t.Errorf("it has handled %v", got)
			}
			b.stands.Store(false)
			until(t, "it has joined again", func() bool { return b.rejoins.Load() == 1 })
			until(t, "it is reached again", func() bool { return a.Send(b.peer(), 1, presence.Must, numbered(100), nil) == nil })
			until(t, "it has that", func() bool { return slices.Contains(r.list(), 100) })
			if got := r.list(); !slices.Equal(got, []uint64{0, 1, 2, 3, 100}) {
				t.Errorf("then it has handled %v", got)
			}
		})
	}
}

// A node can not renew its lease for longer than that lasts, and is no worse for it:
// what it had read then is handled when it holds the lease again, once.
func TestP3_ReadsOnWhenTheLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	cfg := faultConfig(rs.URL())
	cfg.Lease = time.Hour // it buries nobody
	a, err := Join(ctx, cfg, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	proxy := redistest.StartProxy(t, rs.Addr)
	cfg.URL, cfg.Lease = proxy.URL(), 3*time.Second
	b := newNode(t, cfg, "b")
	r := newReader(t, b, 3)
	const n = 10
	old := b.peer()
	inOneBatch(t, a, old, n)
	<-r.stands
	away(proxy)
	until(t, "its lease has run out", func() bool { return !b.hears(old) })
	if got := r.through(b.bus.inbox); !slices.Equal(got, []uint64{0, 1, 2, 3}) {
		t.Errorf("it has handled %v", got)
	}
	proxy.Refuse(false)
	r.allInOrder(t, n)
	done := make(chan error, 1)
	until(t, "it is reached", func() bool {
		err := a.Send(old, 1, presence.Must, numbered(n), func(err error) { done <- err })
		return err == nil && <-done == nil
	})
	r.allInOrder(t, n+1)
	if b.peer() != old || r.n() != n+1 {
		t.Errorf("%v: it has handled %v", b.peer(), r.list())
	}
}

// A node that may not handle what is in its inbox does not ask Redis for it over and
// over meanwhile, and has it when the lease is renewed.
func TestP1_RestsUntilTheLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a := patient(t, rs, "a")
	var skip atomic.Int64
	cfg := faultConfig(rs.URL())
	cfg.Lease = time.Minute
	cfg.clock = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	var c counter
	b, err := Join(ctx, cfg, "b", &presencetest.Handler{OnReceive: c.receive})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	skip.Store(int64(2 * cfg.Lease))
	inOneBatch(t, a, b.peer(), 10)
	reads := func() (n int) {
		_, stat, _ := strings.Cut(rs.MustCommand("INFO", "commandstats"), "cmdstat_xread:calls=")
		stat, _, _ = strings.Cut(stat, ",")
		if stat != "" {
			if n, err = strconv.Atoi(stat); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	inbox := b.keys.inbox("b", b.peer().Epoch)
	until(t, "there is something to handle", func() bool { return rs.MustCommand("XLEN", inbox) != "0" })
	before := reads()
	pause(time.Second, func() {
		if n := c.n(); n > 0 {
			t.Fatalf("%d were handled", n)
		}
	})
	if n := reads() - before; n > 5 {
		t.Errorf("it has read %d times", n)
	}
	skip.Store(0)
	if err := b.Renew(ctx); err != nil {
		t.Fatal(err)
	}
	c.allInOrder(t, 10)
}
