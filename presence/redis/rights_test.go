//go:build soak

package redis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// rightsOf is what docs/redis.md gives: what a pattern finds there, word by word.
func rightsOf(t *testing.T, pattern string) []string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page(t))
	if m == nil {
		t.Fatalf("docs/redis.md has no %s", pattern)
	}
	return strings.Fields(m[1])
}

// allow makes a user with these rights, and nothing else, on every server. What
// it returns, called now and at the end, holds that nothing was denied.
func allow(t *testing.T, user string, rights []string, servers ...*redistest.Server) (nothing func()) {
	t.Helper()
	for i := range rights {
		rights[i] = strings.Replace(rights[i], ">PASSWORD", ">s3cret", 1)
	}
	all := make([]*direct, len(servers))
	for i, s := range servers {
		s.MustCommand(append([]string{"ACL", "SETUSER", user}, rights...)...)
		s.MustCommand("ACL", "LOG", "RESET")
		all[i] = directly(t, s)
	}
	nothing = func() {
		t.Helper()
		for i, d := range all {
			list, _ := d.rdb.Do(context.Background(), "ACL", "LOG").Slice() // a dead one denies nothing
			for _, e := range list {
				t.Errorf("%s denied: %v", servers[i].Addr, e)
			}
			_ = d.rdb.Do(context.Background(), "ACL", "LOG", "RESET")
		}
	}
	t.Cleanup(nothing)
	return nothing
}

// live does the rest of what nodes do: people come, go and watch, calls end, a
// node dies and is buried, another leaves.
func (l *load) live() {
	l.t.Helper()
	ctx := context.Background()
	a, b := l.nodes[0], l.nodes[1]
	// Where there is much else to do a server may take longer than the timeout, or
	// its Cluster think that it is dead: that passes.
	must := func(what string, f func() error) {
		l.t.Helper()
		until(l.t, what+" is done", func() bool {
			err := f()
			if err != nil && !errors.Is(err, presence.ErrUnavailable) {
				l.t.Fatalf("%s: %v", what, err)
			}
			return err == nil
		})
	}
	must("watch", func() error { return a.Watch(ctx, []string{"b0"}) })
	must("routes", func() error { _, err := a.Routes(ctx, "b0"); return err })
	c, marks := ring(a.Store, "more", "someone", "else")
	c.ClientID = "mine"
	must("open", func() error {
		err := a.Open(ctx, c, marks)
		if errors.Is(err, presence.ErrConflict) { // it was opened when it seemed not to be
			err = nil
		}
		return err
	})
	must("by client id", func() error { _, err := a.ByClientID(ctx, "someone", "mine"); return err })
	ended, _, err := call.Step(*c, call.End{Who: call.Who{User: "someone", Device: "d", Session: "s-someone", Extended: true}}, a.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	ended.Version = c.Version + 1
	must("save", func() error {
		err := a.Save(ctx, &ended, c.Version)
		if errors.Is(err, presence.ErrConflict) {
			err = nil
		}
		return err
	})
	must("last", func() error { _, err := a.LastOf(ctx, "someone"); return err })
	a.Settled(ctx, "more")
	must("due", func() error { _, err := a.Due(ctx, 10); return err })
	must("online", func() error { _, err := a.Online(ctx, "", 10); return err })
	must("suspend", func() error { return a.Suspend(ctx, "a1", "s-a1") })
	b.disconnect("b0", "s-b0", presence.Vanished)
	b.disconnect("b1", "s-b1", presence.Clean)
	l.stop()
	b.die()
	until(l.t, "the dead node is buried, and its people are offline", func() bool {
		n, _, err := a.OnlineCount(ctx)
		return err == nil && n == pick(50, 1000)-1 && len(a.Nodes()) == 1
	})
	must("unwatch", func() error { return a.Unwatch(ctx, []string{"b0"}) })
	a.stands.Store(true)
	must("leave", func() error { return a.Leave(ctx) })
}

const rightsPattern = `(?m)^ACL SETUSER tandem (.+)$`

// On a Cluster, with a slot that moves while it is used and a master that dies.
func TestP8_DocumentedRightsOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	rights := append(rightsOf(t, rightsPattern), rightsOf(t, "On a Cluster add `([^`]+)`")...)
	nothing := allow(t, "tandem", rights, append(cluster.Masters[:], cluster.Replica)...)
	l := startLoad(t, strings.Replace(cluster.URL(), "://", "://tandem:s3cret@", 1))
	l.goesOn()
	a, check := l.nodes[0], directlyAt(t, cluster.URL())
	for _, key := range []string{a.keys.sessions("new"), a.keys.lease("b")} {
		slot := cluster.SlotOf(key)
		from := cluster.OwnerOf(slot)
		cluster.BeginMove(slot, from, (from+1)%3)
		a.connect("new", "s-new") // is nowhere yet: each master says to ask the other
		a.disconnect("new", "s-new", presence.Clean)
		cluster.MoveSlot(slot, from, (from+1)%3)
		l.back(check, time.Now())
	}
	nothing()
	start := time.Now()
	cluster.Masters[0].Kill()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" })
	l.back(check, start)
	l.live()
	nothing()
}

// With Sentinels, whose user has its own rights, and a master that dies.
func TestP8_DocumentedRightsWithSentinels(t *testing.T) {
	group := redistest.StartSentinels(t)
	data := allow(t, "tandem", rightsOf(t, rightsPattern), group.Servers[:]...)
	watch := allow(t, "watcher", append([]string{"on", ">PASSWORD", "resetkeys", "resetchannels", "-@all"},
		rightsOf(t, "user of the Sentinels \\(`sentinel_username`\\) needs `([^`]+)`")...), group.Watchers()...)
	url := strings.Replace(group.URL(), "://", "://tandem:s3cret@", 1)
	l := startLoad(t, fmt.Sprintf("%s?sentinel_username=watcher&sentinel_password=s3cret", url))
	l.goesOn()
	start := time.Now()
	group.Servers[0].Kill()
	until(t, "it is noticed", func() bool { return l.nodes[0].Degraded() != "" })
	l.back(directly(t, group.Servers[1]), start)
	l.live()
	data()
	watch()
}
