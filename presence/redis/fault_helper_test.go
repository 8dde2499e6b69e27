package redis

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// chaos reports whether counts and times are those of the fault table, not the
// short ones of every day: TANDEM_CHAOS=1.
func chaos() bool { return os.Getenv("TANDEM_CHAOS") == "1" }

// pick is the one for every day, or the full one.
func pick[T any](short, full T) T {
	if chaos() {
		return full
	}
	return short
}

// within looks at a time that a rule gives. A machine with much else to do may take
// four times as long; where the counts are the full ones, the rule holds.
func within(t testing.TB, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s after %v", what, took)
	if limit = pick(4*limit, limit); took > limit {
		t.Errorf("%s after %v, want %v at most", what, took, limit)
	}
}

// node is a store with what a switchboard does for it: it renews the lease,
// sweeps, and joins again when the lease is lost. It knows what it has.
type node struct {
	*Store
	t       testing.TB
	handler *presencetest.Handler

	stands  atomic.Bool // still: it does nothing
	rejoins atomic.Int32
	stop    context.CancelFunc
	kept    sync.WaitGroup

	mu       sync.Mutex
	sessions map[string]presence.Session // by id
	book     map[string]*call.Call
	lost     []presence.Session
	rechecks []string
}

func newNode(t testing.TB, cfg Config, name string) *node {
	t.Helper()
	n := &node{t: t, sessions: map[string]presence.Session{}, book: map[string]*call.Call{}}
	n.handler = &presencetest.Handler{
		OnLost: func(s presence.Session) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.lost = append(n.lost, s)
		},
		OnRecheck: func(id string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.rechecks = append(n.rechecks, id)
		},
		Calls: func() []*call.Call {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Collect(maps.Values(n.book))
		},
	}
	var s *Store
	until(t, "the node has joined", func() (ok bool) {
		var err error
		if s, err = Join(context.Background(), cfg, name, n.handler); err != nil {
			t.Log(err) // the machine may have too much to do to answer in time
		}
		return err == nil
	})
	n.Store = s
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.kept.Go(func() { n.beat(ctx) })
	n.kept.Go(func() { n.keep(ctx) })
	t.Cleanup(n.die)
	return n
}

// die ends the node as kill -9 does.
func (n *node) die() {
	n.stop()
	n.kept.Wait()
	_ = n.Close()
}

func (n *node) beat(ctx context.Context) {
	n.often(ctx, func() { _ = n.Renew(ctx) }) // keep hears of it
}

func (n *node) keep(ctx context.Context) {
	n.often(ctx, func() {
		if err := n.Sweep(ctx); !errors.Is(err, presence.ErrLeaseLost) {
			return // whatever it says, there is a next time
		}
		if n.Rejoin(ctx) == nil {
			n.rejoins.Add(1)
			n.addAll()
		}
	})
}

func (n *node) often(ctx context.Context, f func()) {
	tick := time.NewTicker(n.cfg.Lease / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !n.stands.Load() {
			f()
		}
	}
}

// addAll registers anew what is here.
func (n *node) addAll() {
	n.mu.Lock()
	list := slices.Collect(maps.Values(n.sessions))
	n.mu.Unlock()
	for _, s := range list {
		if err := n.Add(context.Background(), s); err != nil && !errors.Is(err, presence.ErrLeaseLost) {
			n.t.Errorf("add again: %v", err)
		}
	}
}

func (n *node) connect(user, id string) {
	n.t.Helper()
	s := presence.Session{ID: id, User: user, Device: "d-" + id, Extended: true}
	n.mu.Lock()
	n.sessions[id] = s
	n.mu.Unlock()
	if err := n.Add(context.Background(), s); err != nil {
		n.t.Fatalf("add: %v", err)
	}
}

func (n *node) disconnect(user, id string, how presence.End) {
	n.t.Helper()
	n.mu.Lock()
	delete(n.sessions, id)
	n.mu.Unlock()
	if err := n.Remove(context.Background(), user, id, how); err != nil {
		n.t.Fatalf("remove: %v", err)
	}
}

// knows makes the node assert a call after an outage.
func (n *node) knows(c *call.Call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.book[c.ID] = c
}

// ring makes a call between two users.
func ring(s *Store, id, from, to string) (*call.Call, []string) {
	c, _ := call.New(call.DefaultConfig(), call.Ring{
		ID: id, Caller: call.Who{User: from, Device: "d", Session: "s-" + from, Extended: true}, Callee: to,
		Signal:  call.SignalInfo([]byte(`{"type":"offer"}`)),
		Devices: []call.Who{{User: to, Device: "e", Session: "s-" + to, Extended: true}},
	}, s.Now())
	return &c, []string{from, to}
}

// onSend runs in front of each pipeline that a client sends.
type onSend func(cmds []goredis.Cmder)

func (onSend) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (onSend) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (f onSend) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		f(cmds)
		return next(ctx, cmds)
	}
}

// beforeFirst runs f once, before a command is sent that has all these words, of
// which the first is its name, or the hash of a script.
func (n *node) beforeFirst(f func(), words ...any) {
	var done atomic.Bool
	n.rdb.AddHook(onSend(func(cmds []goredis.Cmder) {
		is := func(c goredis.Cmder) bool {
			return !slices.ContainsFunc(words, func(w any) bool { return !slices.Contains(c.Args(), w) })
		}
		if slices.ContainsFunc(cmds, is) && !done.Swap(true) {
			f()
		}
	}))
}

// away takes Redis away from those behind a proxy.
func away(p *redistest.Proxy) {
	p.Refuse(true)
	p.Cut()
}

// answered makes a call that has been answered.
func answered(t *testing.T, s *Store, id, from, to string) *call.Call {
	t.Helper()
	ctx := context.Background()
	c, marks := ring(s, id, from, to)
	if err := s.Open(ctx, c, marks); err != nil {
		t.Fatal(err)
	}
	next, _, err := call.Step(*c, call.Answer{
		Who:    call.Who{User: to, Device: "e", Session: "s-" + to, Extended: true},
		Signal: call.SignalInfo([]byte(`{"type":"answer"}`)),
	}, s.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, &next, c.Version); err != nil {
		t.Fatal(err)
	}
	return &next
}
