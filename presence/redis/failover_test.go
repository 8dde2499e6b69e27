//go:build soak

package redis

import (
	"context"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// P8, P3: the master is killed, Sentinel makes the replica the master.
func TestP8_SentinelFailOver(t *testing.T) {
	group := redistest.StartSentinels(t)
	l := startLoad(t, group.URL())
	l.goesOn()
	start := time.Now()
	group.Servers[0].Kill()
	until(t, "it is noticed", func() bool { return l.nodes[0].Degraded() != "" })
	check := directly(t, group.Servers[1])
	l.back(check, start)
	l.check()
}

// P8: on a Cluster, a slot moves while it is used, and then a master dies.
func TestP8_ClusterMovesAndFailsOver(t *testing.T) {
	ctx := context.Background()
	cluster := redistest.StartCluster(t)
	l := startLoad(t, cluster.URL())
	l.goesOn()
	a := l.nodes[0]
	check := directlyAt(t, cluster.URL())
	for _, key := range []string{a.keys.sessions("a1"), a.keys.call("c-1"), a.keys.lease("b"), a.keys.nodes(), a.keys.online()} {
		slot := cluster.SlotOf(key)
		from := cluster.OwnerOf(slot)
		start := time.Now()
		if moved := cluster.MoveSlot(slot, from, (from+1)%3); moved == 0 {
			t.Errorf("there was nothing in the slot of %s", key)
		}
		a.connect("a1", "s-more")
		a.disconnect("a1", "s-more", presence.Clean)
		if _, err := a.CallsOf(ctx, "a1"); err != nil {
			until(t, "calls are answered", func() bool { _, err := a.CallsOf(ctx, "a1"); return err == nil })
		}
		l.back(check, start)
	}
	start := time.Now()
	cluster.Masters[0].Kill()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" })
	l.back(check, start)
	l.check()
}

// P8: the contract holds on a Cluster.
func TestContractOnCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	presencetest.Run(t, func(t *testing.T, dies bool) presencetest.World {
		cluster.Flush()
		return newWorld(t, contractConfig(cluster.URL(), dies))
	})
}
