package redis

import (
	"context"
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
	must := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Error(err)
		}
	}
	must(a.Watch(ctx, []string{"b0"}))
	_, err := a.Routes(ctx, "b0")
	must(err)
	c, marks := ring(a.Store, "more", "someone", "else")
	c.ClientID = "mine"
	must(a.Open(ctx, c, marks))
	_, err = a.ByClientID(ctx, "someone", "mine")
	must(err)
	ended, _, err := call.Step(*c, call.End{Who: call.Who{User: "someone", Device: "d", Session: "s-someone", Extended: true}}, a.Now())
	must(err)
	ended.Version = c.Version + 1
	must(a.Save(ctx, &ended, c.Version))
	_, err = a.LastOf(ctx, "someone")
	must(err)
	a.Settled(ctx, "more")
	_, err = a.Due(ctx, 10)
	must(err)
	_, err = a.Online(ctx, "", 10)
	must(err)
	must(a.Suspend(ctx, "a1", "s-a1"))
	b.disconnect("b0", "s-b0", presence.Vanished)
	b.disconnect("b1", "s-b1", presence.Clean)
	l.stop()
	b.die()
	until(l.t, "the dead node is buried, and its people are offline", func() bool {
		n, _, err := a.OnlineCount(ctx)
		return err == nil && n == pick(50, 1000)-1 && len(a.Nodes()) == 1
	})
	must(a.Unwatch(ctx, []string{"b0"}))
	a.stands.Store(true)
	must(a.Leave(ctx))
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
