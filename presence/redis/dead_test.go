package redis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// Redis goes away when a node that stood still has its new epoch, and has not
// given up the old one yet: its sessions are registered all the same.
func TestP1_RejoinIsCutOff(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	a := newNode(t, faultConfig(proxy.URL()), "a")
	a.connect("ann", "s1")
	old := a.peer()
	a.beforeFirst(func() { away(proxy) }, "sscan")
	a.stands.Store(true)
	pause(a.cfg.Lease+a.cfg.Lease/4, nil)
	a.stands.Store(false)
	until(t, "redis is away in the middle of it", func() bool { return a.peer() != old && a.Degraded() != "" })
	proxy.Refuse(false)
	check := directly(t, rs)
	until(t, "its sessions are under the new epoch", func() bool {
		list, err := a.Sessions(context.Background(), "ann")
		return err == nil && len(list) == 1 && list[0].Epoch != old.Epoch && check.whole([]*node{a}, nil) == ""
	})
	until(t, "nothing is left of the old one", func() bool {
		return check.rdb.ZCard(context.Background(), a.keys.nodes()).Val() == 1
	})
}

// A node comes back to Redis while another one buries it, and that one dies in the
// middle: the sessions that it has taken away are registered again.
func TestP1_BackWhileItIsBuried(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	toA, toB := redistest.StartProxy(t, rs.Addr), redistest.StartProxy(t, rs.Addr)
	cfg := faultConfig(toB.URL())
	cfg.Timeout = 10 * time.Second // what it sends waits for the other one
	a, b := newNode(t, faultConfig(toA.URL()), "a"), newNode(t, cfg, "b")
	a.connect("ann", "s1")
	lost := b.handler.OnLost
	b.handler.OnLost = func(s presence.Session) {
		away(toB)
		b.stands.Store(true)
		lost(s)
	}
	b.beforeFirst(func() {
		toA.Refuse(false)
		until(t, "it is back", func() bool {
			return a.Degraded() == "" && (a.rejoins.Load() > 0 || a.alone.asserted.Load() == a.health.trips.Load())
		})
	}, userScript.sha, "bury")
	away(toA)
	until(t, "it is buried, or has joined again", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.lost) == 1 || a.rejoins.Load() == 1
	})
	check := directly(t, rs)
	until(t, "its session is there again", func() bool { return check.whole([]*node{a}, nil) == "" })
	list, err := a.Sessions(context.Background(), "ann")
	if err != nil || len(list) != 1 || list[0].Owner() != a.peer() {
		t.Errorf("%v, %v", list, err)
	}
}

// A call ends while one of its nodes is cut off and taken for dead, and is
// forgotten before that is back: it does not come to life again (P7).
func TestP7_EndedAndForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	proxy := redistest.StartProxy(t, rs.Addr)
	cfg := faultConfig(rs.URL())
	cfg.EndedKeep = time.Second
	b := newNode(t, cfg, "b")
	cfg.URL = proxy.URL()
	a := newNode(t, cfg, "a")
	a.connect("ann", "s1")
	b.connect("bob", "s2")
	c := answered(t, a.Store, "c", "ann", "bob")
	a.knows(c)
	away(proxy)
	until(t, "it is buried", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.lost) == 1
	})
	ended, _, err := call.Step(*c, call.Abort{Reason: call.Lost}, b.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Save(ctx, &ended, c.Version); err != nil {
		t.Fatal(err)
	}
	b.Settled(ctx, "c")
	until(t, "it is forgotten", func() bool { _, err := b.Load(ctx, "c"); return errors.Is(err, presence.ErrNotFound) })
	proxy.Refuse(false)
	until(t, "it has joined again", func() bool { return a.rejoins.Load() == 1 })
	until(t, "its calls are looked at", func() bool { _, err := a.Mark(ctx, "ann"); return err == nil })
	for _, n := range []*node{a, b} {
		if _, err := n.Load(ctx, "c"); !errors.Is(err, presence.ErrNotFound) {
			t.Errorf("the call on %s: %v", n.Self().Name, err)
		}
		for _, user := range []string{"ann", "bob"} {
			if id, err := n.Mark(ctx, user); id != "" || err != nil {
				t.Errorf("%s is busy with %q, %v", user, id, err)
			}
		}
	}
	until(t, "it is looked at again", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Contains(a.rechecks, "c")
	})
}

// A node that stood still finds its name taken: it can not join again, and says so.
func TestP1_NameIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a := newNode(t, faultConfig(rs.URL()), "a")
	a.connect("ann", "s1")
	a.stands.Store(true)
	next := newNode(t, faultConfig(rs.URL()), "a") // it waits for the lease's end
	a.stands.Store(false)
	until(t, "it notices", func() bool { return a.lease.lost.Load() })
	pause(a.cfg.Lease/2, func() {
		if a.rejoins.Load() > 0 || a.Degraded() != whyLost {
			t.Fatalf("it joined %d times and says %q", a.rejoins.Load(), a.Degraded())
		}
	})
	if why := next.Degraded(); why != "" {
		t.Errorf("the one that has the name: %s", why)
	}
	next.die()
	until(t, "it has joined again", func() bool { return a.rejoins.Load() == 1 && a.Degraded() == "" })
}

// The lease is renewed though what goes through the pipe does not come back.
func TestP1_TheLeaseWaitsForNoOtherWork(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	s, err := Join(ctx, faultConfig(rs.URL()), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.rdb.AddHook(onSend(func([]goredis.Cmder) {
		once.Do(func() {
			close(held)
			<-release
		})
	}))
	t.Cleanup(func() { _ = s.Close() })
	t.Cleanup(func() { close(release) })
	s.pipe.post(nil, command("get", "x"))
	<-held
	check := directly(t, rs)
	ends := func() float64 { return check.rdb.ZScore(ctx, s.keys.nodes(), nodeEntry(s.Self())).Val() }
	was := ends()
	pause(10*time.Millisecond, nil)
	renewed := make(chan error, 1)
	go func() { renewed <- s.Renew(ctx) }()
	select {
	case err := <-renewed:
		if err != nil || ends() <= was {
			t.Errorf("renewed: %v, until %v, %v before", err, ends(), was)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits")
	}
}

// A client watches somebody while its node has to join again: it hears of them, and
// who watched them before does so too when it does not watch any more (P5).
func TestP5_WatchedWhileTheNodeIsNoMember(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	heard := make(chan presence.State, 100)
	a.handler.OnWatched = func(st presence.State) { heard <- st }
	hears := func(user string) {
		t.Helper()
		b.connect(user, "s-"+user)
		timeout := time.After(10 * time.Second)
		for {
			select {
			case st := <-heard:
				if st.User == user && st.Online {
					return
				}
			case <-timeout:
				t.Errorf("nothing of %s", user)
				return
			}
		}
	}
	if err := a.Watch(ctx, []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	a.stands.Store(true)
	pause(a.cfg.Lease+a.cfg.Lease/4, nil)
	if err := a.Renew(ctx); !errors.Is(err, presence.ErrLeaseLost) {
		t.Fatalf("renew: %v", err)
	}
	if err := a.Watch(ctx, []string{"bob", "bea"}); err != nil {
		t.Errorf("watch: %v", err)
	}
	a.stands.Store(false)
	until(t, "it has joined again", func() bool { return a.rejoins.Load() == 1 })
	hears("bea")
	if err := a.Unwatch(ctx, []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	hears("bob")
}
