package redis

import (
	"errors"
	"net"
	"slices"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// A slot moves to another master, and one key of an inbox is there before the other:
// that is no outage, and what is sent waits for the other.
func TestP8_KeysOnTheMove(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	k := keys{"tandem:"}
	a := newAppends(t, cluster, "b", "one", "two")
	if err := a.do(a.cmds[0]); err != nil { // both keys are there now
		t.Fatal(err)
	}
	slot := cluster.SlotOf(k.lease("b"))
	from := cluster.OwnerOf(slot)
	to := (from + 1) % 3
	cluster.BeginMove(slot, from, to)
	host, port, _ := net.SplitHostPort(cluster.Masters[to].Addr)
	cluster.Masters[from].MustCommand("MIGRATE", host, port, k.lease("b"), "0", "5000")
	sent := 0
	a.rdb.AddHook(onSend(func([]goredis.Cmder) {
		if sent++; sent == 2 {
			cluster.MoveSlot(slot, from, to)
		}
	}))
	if err := a.do(a.cmds[1]); err != nil || sent < 2 {
		t.Errorf("sent %d times: %v", sent, err)
	}
	if n := a.health.trips.Load(); n > 0 {
		t.Errorf("redis was away: %v", a.health.outages())
	}
	if n := cluster.Masters[to].MustCommand("XLEN", a.inbox); n != "2" {
		t.Errorf("the inbox has %s entries", n)
	}
}

// What waits for its keys is not done after what came behind it.
func TestP8_OrderOnTheMove(t *testing.T) {
	t.Parallel()
	moving := errors.New("TRYAGAIN Multiple keys request during rehashing of slot")
	type sent struct {
		key string
		err error
	}
	for _, c := range []struct {
		name string
		sent []sent
		want []int
	}{
		{"nothing moves", []sent{{"{a}:x", nil}, {"{b}:x", errors.New("OOM")}}, nil},
		{"one", []sent{{"{a}:x", moving}, {"{b}:x", nil}}, []int{0}},
		{"both of a slot", []sent{{"{a}:x", moving}, {"{a}:y", moving}}, []int{0, 1}},
		{"behind one that was done", []sent{{"{a}:x", nil}, {"{a}:x", moving}}, []int{1}},
		{"before one that was done", []sent{{"{a}:x", moving}, {"{a}:y", nil}, {"{a}:x", moving}, {"b", moving}}, []int{2, 3}},
	} {
		var cmds, want []*once
		for _, s := range c.sent {
			one := &once{Cmder: userScript.cmd([]string{s.key})}
			one.SetErr(s.err)
			cmds = append(cmds, one)
		}
		for _, i := range c.want {
			want = append(want, cmds[i])
		}
		if got := onTheMove(cmds); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}
