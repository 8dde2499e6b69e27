package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// atOnce fails the test if f seems to have waited for Redis.
func (n *node) atOnce(what string, f func() error) error {
	n.t.Helper()
	start := time.Now()
	err := f()
	if d := time.Since(start); d >= n.cfg.Timeout {
		n.t.Errorf("%s took %v", what, d)
	}
	return err
}

func faultConfig(url string) Config {
	return Config{URL: url, Lease: 2 * time.Second, OfflineGrace: time.Second, Timeout: 500 * time.Millisecond}
}

// Redis is killed under 2,000 sessions and 200 live calls and comes back empty:
// what is local goes on meanwhile, and everything is there again within 5 s.
func TestP7_RestartedEmpty(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	cfg := faultConfig(rs.URL())
	cfg.Timeout = 2 * time.Second
	nodes := []*node{newNode(t, cfg, "a"), newNode(t, cfg, "b")}
	a, b := nodes[0], nodes[1]
	const each, calls = 1000, 200
	for i := range each {
		for _, n := range nodes {
			user := fmt.Sprint(n.Self().Name, i)
			n.connect(user, "s-"+user)
		}
	}
	list := make([]*call.Call, 0, calls)
	for i := range calls {
		from, to := fmt.Sprint("a", i), fmt.Sprint("b", i) // across
		if i >= calls/2 {
			to = fmt.Sprint("a", i+calls) // on one node
		}
		c, marks := ring(a.Store, fmt.Sprint("c-", i), from, to)
		if err := a.Open(ctx, c, marks); err != nil {
			t.Fatal(err)
		}
		a.knows(c)
		if i < calls/2 {
			b.knows(c)
		}
		list = append(list, c)
	}
	if _, err := a.Routes(ctx, "b0"); err != nil {
		t.Fatal(err)
	}

	rs.Kill()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" && b.Degraded() != "" })
	a.connect("late", "s-late")
	a.disconnect("a999", "s-a999", presence.Clean)
	if err := a.atOnce("routes here", func() error { _, err := a.Routes(ctx, "a5"); return err }); err != nil {
		t.Errorf("routes of a user who is here: %v", err)
	}
	if err := a.atOnce("routes there", func() error { _, err := a.Routes(ctx, "b0"); return err }); !errors.Is(err, presence.ErrUnavailable) {
		t.Errorf("routes of a user who is elsewhere: %v", err)
	}
	here, marks := ring(a.Store, "alone", "late", "a900")
	if err := a.atOnce("open here", func() error { return a.Open(ctx, here, marks) }); err != nil {
		t.Errorf("a call on one node: %v", err)
	}
	a.knows(here)
	across, marks := ring(a.Store, "across", "a901", "b901")
	if err := a.atOnce("open across", func() error { return a.Open(ctx, across, marks) }); !errors.Is(err, presence.ErrUnavailable) {
		t.Errorf("a call across nodes: %v", err)
	}
	ended, _, err := call.Step(*list[calls-1], call.End{Who: call.Who{User: list[calls-1].Caller.User, Device: "d", Session: list[calls-1].Caller.Session, Extended: true}}, a.Now())
	if err != nil {
		t.Fatal(err)
	}
	ended.Version++
	if err := a.Save(ctx, &ended, list[calls-1].Version); err != nil {
		t.Errorf("a call on one node ends: %v", err)
	}
	a.knows(&ended)
	list[calls-1] = here

	start := time.Now()
	rs.Restart()
	check := directly(t, rs)
	until(t, "all is back", func() bool { return check.whole(nodes, list) == "" })
	within(t, "all is back", time.Since(start), 5*time.Second)
	if m, err := a.Mark(ctx, ended.Caller.User); err != nil || m != "" {
		t.Errorf("marked with a call that ended: %q, %v", m, err)
	}
	if a.rejoins.Load()+b.rejoins.Load() > 0 {
		t.Error("an outage is no reason for a new epoch")
	}
}

// direct looks at Redis as operators do.
type direct struct {
	t   *testing.T
	rdb goredis.UniversalClient
	k   keys
}

func directly(t *testing.T, rs *redistest.Server) *direct {
	return directlyAt(t, rs.URL())
}

func directlyAt(t *testing.T, url string) *direct {
	rdb, err := Connect(Config{URL: url, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	return &direct{t, rdb, keys{"tandem:"}}
}

// whole says what is missing of what the nodes have, or "".
func (d *direct) whole(nodes []*node, calls []*call.Call) string {
	ctx := context.Background()
	if c, ok := d.rdb.(*goredis.ClusterClient); ok {
		c.ReloadState(ctx) // this client has no retries, which would do it
	}
	online := map[string]string{}
	p := d.rdb.Pipeline()
	var entries []*goredis.StringCmd
	for _, n := range nodes {
		n.mu.Lock()
		for _, s := range n.sessions {
			online[s.User] = s.ID
			entries = append(entries, p.HGet(ctx, d.k.sessions(s.User), s.ID))
		}
		n.mu.Unlock()
	}
	var heads, marks []*goredis.StringCmd
	var timers []*goredis.FloatCmd
	for _, c := range calls {
		heads = append(heads, p.Get(ctx, d.k.call(c.ID)))
		marks = append(marks, p.Get(ctx, d.k.mark(c.Caller.User)), p.Get(ctx, d.k.mark(c.Callee.User)))
		timers = append(timers, p.ZScore(ctx, d.k.due(shardOf(c.ID)), c.ID))
	}
	_, _ = p.Exec(ctx) // each has its own error
	for _, e := range entries {
		if e.Err() != nil {
			return "a session: " + e.Err().Error()
		}
	}
	for i, c := range calls {
		if !isLive(heads[i]) || timers[i].Err() != nil {
			return "a call or its timer: " + c.ID
		}
		if idOf(marks[2*i].Val()) != c.ID || idOf(marks[2*i+1].Val()) != c.ID {
			return "a mark of " + c.ID
		}
	}
	return d.mirrors(online, nil)
}

// mirrors compares onlineUsers, sockets and the list of those online with what
// they should be: user -> newest session. An empty one: in grace. Users of
// maybe are not looked at.
func (d *direct) mirrors(want map[string]string, maybe map[string]bool) string {
	ctx := context.Background()
	sockets, err := d.rdb.HGetAll(ctx, mirrorSockets).Result()
	if err != nil {
		return err.Error()
	}
	members, err := d.rdb.SMembersMap(ctx, mirrorOnline).Result()
	if err != nil {
		return err.Error()
	}
	list, err := d.rdb.ZRange(ctx, d.k.online(), 0, -1).Result()
	if err != nil {
		return err.Error()
	}
	zset := map[string]struct{}{}
	for _, u := range list {
		zset[u] = struct{}{}
	}
	for u, id := range want {
		_, in := members[u]
		_, listed := zset[u]
		if !maybe[u] && (!in || !listed || sockets[u] != id) {
			return fmt.Sprintf("%s: onlineUsers %v, list %v, socket %q, want %q", u, in, listed, sockets[u], id)
		}
	}
	for _, have := range []map[string]struct{}{members, zset} {
		for u := range have {
			if _, ok := want[u]; !ok && !maybe[u] {
				return u + " is there and should not be"
			}
		}
	}
	for u, id := range sockets {
		if want[u] != id && !maybe[u] {
			return fmt.Sprintf("%s: socket %q, want %q", u, id, want[u])
		}
	}
	return ""
}
