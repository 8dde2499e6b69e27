package redis

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// patient joins with a lease that nobody has to renew in the test: nodes learn of
// others with that.
func patient(t *testing.T, rs *redistest.Server, name string) *Store {
	t.Helper()
	cfg := faultConfig(rs.URL())
	cfg.Lease = time.Hour
	s, err := Join(t.Context(), cfg, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// refusedBy waits until something was not taken by a node's inbox, and whoever had
// sent it was told.
func (s *Store) refusedBy(t *testing.T, to presence.Peer) {
	t.Helper()
	until(t, "it is refused", func() bool {
		o := s.bus.outlet(to)
		o.mu.Lock()
		defer o.mu.Unlock()
		return !o.busy && o.refuse != nil
	})
	s.bus.dones.wait()
}

// A node that has just joined remembers a user's routes, and can not be told when
// they change. Who would have told it does not know of it yet: it is told later.
func TestP2_ANewNodeIsToldLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a := patient(t, rs, "a")
	c := patient(t, rs, "c")
	routes := func(want int) bool {
		list, err := c.Routes(ctx, "bob")
		if err != nil {
			t.Fatal(err)
		}
		return len(list) == want
	}
	add := func(id string) {
		t.Helper()
		if err := a.Add(ctx, presence.Session{ID: id, User: "bob", Device: id}); err != nil {
			t.Fatal(err)
		}
	}
	add("s1")
	if !routes(1) {
		t.Fatal("there is no route")
	}
	inbox := c.keys.inbox("c", c.peer().Epoch)
	rs.MustCommand("DEL", inbox)
	rs.MustCommand("SET", inbox, "not a stream")
	add("s2")
	a.refusedBy(t, c.peer())
	if slices.Contains(a.Nodes(), c.Self()) {
		t.Fatal("it is known")
	}
	rs.MustCommand("DEL", inbox)
	until(t, "it is told", func() bool {
		if err := a.Renew(ctx); err != nil && !errors.Is(err, presence.ErrUnavailable) {
			t.Fatal(err)
		}
		return routes(2)
	})
}

// Nothing is owed for ever to a node that is no more.
func TestP2_NothingIsOwedToTheDead(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a := patient(t, rs, "a")
	dead := presence.Peer{Name: "d", Epoch: "e"}
	a.owed.forget(a, dead, "bob", 1)
	a.refusedBy(t, dead)
	owes := func() bool {
		a.owed.mu.Lock()
		defer a.owed.mu.Unlock()
		return len(a.owed.nodes) > 0
	}
	if !owes() {
		t.Error("it was given up before the list of nodes was read again")
	}
	if err := a.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if owes() {
		t.Errorf("it is owed to %v still", dead)
	}
}
