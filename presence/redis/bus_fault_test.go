package redis

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// exchange is two nodes that send each other numbered payloads all the time.
type exchange struct {
	t     testing.TB
	sides [2]*exchangeSide
	stop  chan struct{}
	wg    sync.WaitGroup
}

type exchangeSide struct {
	*busNode
	counter
	accepted, refused atomic.Int64
	// what became of each number, guarded by mu
	answers map[uint64]bool
}

func startExchange(t testing.TB, url string) *exchange {
	x := &exchange{t: t, stop: make(chan struct{})}
	for i, name := range []string{"a", "b"} {
		s := &exchangeSide{answers: map[uint64]bool{}}
		s.busNode = newBusNode(t, url, name, &presencetest.Handler{OnReceive: s.receive})
		x.sides[i] = s
	}
	for i, s := range x.sides {
		x.wg.Go(func() { x.run(s, x.sides[1-i].self()) })
	}
	t.Cleanup(x.end)
	return x
}

func (x *exchange) run(s *exchangeSide, to presence.Peer) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := uint64(0); ; {
		select {
		case <-x.stop:
			return
		case <-tick.C:
		}
		for range 5 {
			n := i
			i++
			err := s.send(to, 1, presence.Must, numbered(n), func(err error) { s.answer(n, err) })
			if err != nil {
				s.answer(n, err)
			}
			if err != nil && !errors.Is(err, presence.ErrUnavailable) {
				x.t.Error(err)
			}
			_ = s.send(to, 2, presence.BestEffort, nil, nil)
		}
	}
}

func (s *exchangeSide) answer(n uint64, err error) {
	if err == nil {
		s.accepted.Add(1)
	} else {
		s.refused.Add(1)
	}
	s.counter.mu.Lock()
	defer s.counter.mu.Unlock()
	if _, twice := s.answers[n]; twice {
		s.t.Errorf("%d was answered twice", n)
	}
	s.answers[n] = err == nil
}

func (s *exchangeSide) receive(from presence.Peer, kind presence.Kind, payload []byte) {
	if kind == 1 {
		s.counter.receive(from, kind, payload)
	}
}

func (x *exchange) end() {
	select {
	case <-x.stop:
	default:
		close(x.stop)
	}
	x.wg.Wait()
}

// accepts waits until both sides send again.
func (x *exchange) accepts() {
	x.t.Helper()
	for _, s := range x.sides {
		n := s.accepted.Load()
		until(x.t, "payloads are accepted", func() bool { return s.accepted.Load() > n+100 })
	}
}

// check ends the exchange and looks whether everything that was accepted has
// arrived once and in order, and nothing else that was not in doubt.
func (x *exchange) check() {
	x.t.Helper()
	x.end()
	for i, s := range x.sides {
		to := x.sides[1-i]
		until(x.t, "all is confirmed", func() bool {
			o := s.outlet(to.self())
			o.mu.Lock()
			defer o.mu.Unlock()
			return !o.busy && len(o.kept) == 0 && len(o.queue) == 0
		})
		got := to.list()
		seen := map[uint64]bool{}
		for j, v := range got {
			if j > 0 && v <= got[j-1] {
				x.t.Fatalf("%d came after %d", v, got[j-1])
			}
			seen[v] = true
		}
		s.dones.wait()
		lost, doubt := 0, 0
		s.counter.mu.Lock()
		for v, ok := range s.answers {
			if ok && !seen[v] {
				lost++
			}
			if !ok && seen[v] {
				doubt++
			}
		}
		s.counter.mu.Unlock()
		x.t.Logf("%s: %d accepted, %d refused, %d of these arrived, %d sent again", s.self().Name, s.accepted.Load(), s.refused.Load(), doubt, s.stats.again.Load())
		if lost > 0 {
			x.t.Fatalf("%d were accepted and lost", lost)
		}
	}
}

func (x *exchange) leases() {
	for _, s := range x.sides {
		s.lease()
	}
}

func TestP3_RedisRestartedEmpty(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	x := startExchange(t, rs.URL())
	for range 3 {
		x.accepts()
		rs.Kill()
		until(t, "it is noticed", func() bool { return x.sides[0].health.isDown() && x.sides[1].health.isDown() })
		if err := x.sides[0].send(x.sides[1].self(), 2, presence.BestEffort, nil, nil); !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("while Redis is away: %v", err)
		}
		rs.Restart()
		x.leases()
	}
	x.accepts()
	x.check()
}

func TestP3_ConnectionsCut(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	p := newCutter(t, rs.Addr)
	x := startExchange(t, "redis://"+p.addr)
	x.accepts()
	for range 30 {
		pause(time.Duration(rand.IntN(60))*time.Millisecond, nil)
		p.cut()
	}
	x.accepts()
	x.check()
}

// A fail-over may forget what was written last, and bring back what was trimmed.
func TestP3_EntriesForgottenAndRepeated(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	x := startExchange(t, rs.URL())
	x.accepts()
	ctx, rdb := context.Background(), x.sides[0].pipe.rdb
	tried := func() bool {
		return !slices.ContainsFunc(x.sides[:], func(s *exchangeSide) bool {
			return s.stats.gaps.Load() == 0 || s.stats.repeated.Load() == 0
		})
	}
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; n < 40 || !tried() && time.Now().Before(deadline); n++ { // a reader may be quicker each time
		for _, s := range x.sides {
			key := s.keys.inbox(s.self().Name, s.self().Epoch)
			last, err := rdb.XRevRangeN(ctx, key, "+", "-", 3).Result()
			if err != nil {
				t.Fatal(err)
			}
			if err := rdb.XTrimMaxLen(ctx, key, 0).Err(); err != nil {
				t.Fatal(err)
			}
			for _, e := range last {
				if err := rdb.XAdd(ctx, &goredis.XAddArgs{Stream: key, Values: e.Values}).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		pause(time.Duration(rand.IntN(20))*time.Millisecond, nil)
	}
	x.accepts()
	x.check()
	for _, s := range x.sides {
		if s.stats.gaps.Load() == 0 || s.stats.repeated.Load() == 0 {
			t.Errorf("%d gaps, %d repeated: nothing was tried", s.stats.gaps.Load(), s.stats.repeated.Load())
		}
	}
}

// pause lets time go by while the fault lasts.
func pause(d time.Duration, check func()) {
	tick := time.NewTicker(max(d/10, time.Millisecond))
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		if check != nil {
			check()
		}
	}
}

// cutter is a proxy that cuts all its connections when told to.
type cutter struct {
	addr string
	mu   sync.Mutex
	live map[net.Conn]struct{}
}

func newCutter(t testing.TB, to string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: l.Addr().String(), live: map[net.Conn]struct{}{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			c.live[in], c.live[out] = struct{}{}, struct{}{}
			c.mu.Unlock()
			pass := func(dst, src net.Conn) {
				_, _ = io.Copy(dst, src)
				src.Close()
				dst.Close()
				c.mu.Lock()
				delete(c.live, src)
				c.mu.Unlock()
			}
			wg.Go(func() { pass(in, out) })
			wg.Go(func() { pass(out, in) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.cut()
		wg.Wait()
	})
	return c
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range c.live {
		n.Close()
	}
}
