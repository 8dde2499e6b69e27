package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// Cluster is a Redis Cluster of three masters, of which the first has a replica.
type Cluster struct {
	Masters [3]*Server
	Replica *Server // of the first
	ids     [4]string
	t       testing.TB
}

const slots = 16384

// StartCluster starts a Cluster and ends it with the test. A master that does not
// answer is replaced within about two seconds.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	all, ports := make([]*Server, 4), make([]string, 4)
	for i := range all {
		_, ports[i], _ = net.SplitHostPort(freeAddr(t)) // for the usual one, 10,000 above, there may be no room
		all[i] = prepare(t, "--cluster-port", ports[i], "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0",
			"--cluster-require-full-coverage", "yes", "--repl-ping-replica-period", "1")
		all[i].Restart()
		c.ids[i] = all[i].MustCommand("CLUSTER", "MYID")
	}
	copy(c.Masters[:], all)
	c.Replica = all[3]
	for i, s := range c.Masters {
		s.MustCommand("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		from, to := i*slots/3, (i+1)*slots/3-1
		s.MustCommand("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to))
	}
	host, port, _ := net.SplitHostPort(all[0].Addr)
	for _, s := range all[1:] {
		s.MustCommand("CLUSTER", "MEET", host, port, ports[0])
	}
	waitFor(t, "all know each other", func() bool {
		for _, s := range all {
			a, err := s.Command("CLUSTER", "INFO")
			if err != nil || !strings.Contains(a, "cluster_known_nodes:4") || !strings.Contains(a, "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	c.Replica.MustCommand("CLUSTER", "REPLICATE", c.ids[0])
	waitFor(t, "the replica has what its master has", func() bool {
		a, err := c.Replica.Command("INFO", "replication")
		return err == nil && strings.Contains(a, "master_link_status:up")
	})
	return c
}

// URL names the Cluster as a Redis URL.
func (c *Cluster) URL() string {
	return fmt.Sprintf("redis+cluster://%s,%s", c.Masters[0].Addr, c.Masters[1].Addr)
}

// Proxy starts a proxy in front of a master. All nodes name it in the master's
// place from then on: who asks them where a slot is goes through it.
func (c *Cluster) Proxy(master int) *Proxy {
	c.t.Helper()
	p := StartProxy(c.t, c.Masters[master].Addr)
	host, port, _ := net.SplitHostPort(p.Addr)
	c.Masters[master].MustCommand("CONFIG", "SET", "cluster-announce-port", port)
	waitFor(c.t, "all name the proxy", func() bool {
		for _, s := range c.Masters {
			if !strings.Contains(s.MustCommand("CLUSTER", "NODES"), fmt.Sprintf("%s %s:%s@", c.ids[master], host, port)) {
				return false
			}
		}
		return true
	})
	return p
}

// Flush empties all masters.
func (c *Cluster) Flush() {
	c.t.Helper()
	for _, s := range c.Masters {
		s.MustCommand("FLUSHALL")
	}
}

// MoveSlot gives a slot with its keys, one by one, from one master to another,
// while both are used.
func (c *Cluster) MoveSlot(slot, from, to int) (moved int) {
	c.t.Helper()
	c.BeginMove(slot, from, to)
	a, b, n := c.Masters[from], c.Masters[to], strconv.Itoa(slot)
	host, port, _ := net.SplitHostPort(b.Addr)
	for a.MustCommand("CLUSTER", "COUNTKEYSINSLOT", n) != "0" {
		keys, err := a.array("CLUSTER", "GETKEYSINSLOT", n, "1")
		if err != nil {
			c.t.Fatal(err)
		}
		for _, k := range keys {
			if _, err := a.Command("MIGRATE", host, port, k, "0", "5000"); err != nil {
				c.t.Fatal(err)
			}
			moved++
		}
	}
	c.GiveSlot(slot, to)
	return moved
}

// BeginMove is the beginning of MoveSlot: who wants keys that are not there yet is
// told to ask the other master. A master that has just got the slot may have been
// told by a late message that it has not: then it is told again that it has.
func (c *Cluster) BeginMove(slot, from, to int) {
	c.t.Helper()
	n := strconv.Itoa(slot)
	waitFor(c.t, "the slot begins to move", func() bool {
		_, err := c.Masters[to].Command("CLUSTER", "SETSLOT", n, "IMPORTING", c.ids[from])
		if err == nil {
			_, err = c.Masters[from].Command("CLUSTER", "SETSLOT", n, "MIGRATING", c.ids[to])
		}
		if err == nil {
			return true
		}
		for _, s := range c.Masters {
			_, _ = s.Command("CLUSTER", "SETSLOT", n, "NODE", c.ids[from]) // again if it may not
		}
		return false
	})
}

// LoseSlot deletes what is in a slot and leaves it with nobody who serves it: its
// master says that another one does, which says the reverse. It happens when slots
// move faster than the masters tell each other, and stays until an operator does
// something (GiveSlot): each of them finds that all slots have a master.
func (c *Cluster) LoseSlot(slot, from int) {
	c.t.Helper()
	a, n := c.Masters[from], strconv.Itoa(slot)
	waitFor(c.t, "the slot is lost", func() bool { // as often as somebody writes to it meanwhile
		keys, err := a.array("CLUSTER", "GETKEYSINSLOT", n, "100")
		if err != nil {
			c.t.Fatal(err)
		}
		for _, k := range keys {
			a.MustCommand("DEL", k)
		}
		_, err = a.Command("CLUSTER", "SETSLOT", n, "NODE", c.ids[(from+1)%3])
		return err == nil
	})
}

// GiveSlot makes a master serve a slot that nobody else has keys of. It is told to
// all masters until they say the same: of two that have taken slots in the same
// moment one may be told by a third that it has not.
func (c *Cluster) GiveSlot(slot, to int) {
	c.t.Helper()
	waitFor(c.t, "all masters agree on who has the slot", func() bool {
		for _, i := range []int{to, (to + 1) % 3, (to + 2) % 3} {
			c.Masters[i].MustCommand("CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", c.ids[to])
		}
		for _, s := range c.Masters {
			if c.ownerSeenBy(s, slot) != c.ids[to] {
				return false
			}
		}
		return c.lastWord(to)
	})
}

// lastWord reports whether all masters know that this one has the highest epoch:
// then none can be told by a late message that the slot is another's. If it has not
// it takes one.
func (c *Cluster) lastWord(to int) bool {
	c.t.Helper()
	word := int64(-1)
	for _, s := range c.Masters {
		seen := c.epochsSeenBy(s)
		mine := seen[c.ids[to]]
		for i, id := range c.ids[:len(c.Masters)] {
			if i != to && seen[id] >= mine {
				c.Masters[to].MustCommand("CLUSTER", "BUMPEPOCH")
				return false
			}
		}
		if word >= 0 && mine != word {
			return false
		}
		word = mine
	}
	return true
}

// epochsSeenBy are the epochs of the nodes' configurations as one of them knows.
func (c *Cluster) epochsSeenBy(s *Server) map[string]int64 {
	c.t.Helper()
	epochs := map[string]int64{}
	for line := range strings.Lines(s.MustCommand("CLUSTER", "NODES")) {
		if f := strings.Fields(line); len(f) > 6 {
			epochs[f[0]], _ = strconv.ParseInt(f[6], 10, 64)
		}
	}
	return epochs
}

// ownerSeenBy is the id of the master that has a slot as one of them knows, or "".
func (c *Cluster) ownerSeenBy(s *Server, slot int) string {
	c.t.Helper()
	for line := range strings.Lines(s.MustCommand("CLUSTER", "NODES")) {
		f := strings.Fields(line)
		for _, r := range f[min(8, len(f)):] { // "5", "7-9", "[5->-ID]"
			first, last, more := strings.Cut(r, "-")
			if !more {
				last = first
			}
			lo, errLo := strconv.Atoi(first)
			hi, errHi := strconv.Atoi(last)
			if errLo == nil && errHi == nil && lo <= slot && slot <= hi {
				return f[0]
			}
		}
	}
	return ""
}

// SlotOf is the slot of a key.
func (c *Cluster) SlotOf(key string) int {
	c.t.Helper()
	n, err := strconv.Atoi(c.Masters[0].MustCommand("CLUSTER", "KEYSLOT", key))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// OwnerOf is the index of the master that has a slot at the start.
func (c *Cluster) OwnerOf(slot int) int {
	for i := range c.Masters {
		if slot < (i+1)*slots/3 {
			return i
		}
	}
	return len(c.Masters) - 1
}
