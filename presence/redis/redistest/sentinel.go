package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Sentinels are three processes that look after a master and its replica.
type Sentinels struct {
	Servers   [2]*Server // the master and its replica at the start
	sentinels [3]*Server
	t         testing.TB
}

// StartSentinels starts a group that makes the replica the master when that one
// does not answer for half a second, and ends it with the test.
func StartSentinels(t testing.TB) *Sentinels {
	t.Helper()
	g := &Sentinels{t: t}
	for i := range g.Servers {
		g.Servers[i] = prepare(t, "--repl-timeout", "5", "--repl-ping-replica-period", "1")
	}
	g.Servers[0].Restart()
	host, port, _ := net.SplitHostPort(g.Servers[0].Addr)
	g.Servers[1].args = append(g.Servers[1].args, "--replicaof", host+" "+port)
	g.Servers[1].Restart()
	waitFor(t, "the replica has what the master has", func() bool {
		s, err := g.Servers[1].Command("INFO", "replication")
		return err == nil && strings.Contains(s, "master_link_status:up")
	})
	for i := range g.sentinels {
		s := prepare(t)
		own, ownPort, _ := net.SplitHostPort(s.Addr)
		conf := filepath.Join(s.dir, "sentinel.conf") // Sentinel writes to it
		text := fmt.Sprintf("bind %s\nport %s\ndir %s\nprotected-mode no\nsentinel monitor main %s %s 2\n"+
			"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\nsentinel parallel-syncs main 1\n",
			own, ownPort, s.dir, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.command = []string{conf, "--sentinel"}
		s.Restart()
		g.sentinels[i] = s
	}
	waitFor(t, "the sentinels know each other and the replica", func() bool {
		for _, s := range g.sentinels {
			a, err := s.Command("INFO", "sentinel")
			if err != nil || !strings.Contains(a, "slaves=1,sentinels=3") {
				return false
			}
		}
		return true
	})
	return g
}

// URL names the sentinels as a Redis URL.
func (g *Sentinels) URL() string {
	list := make([]string, len(g.sentinels))
	for i, s := range g.sentinels {
		list[i] = s.Addr
	}
	return "redis+sentinel://" + strings.Join(list, ",") + "/main"
}

// Watchers are the sentinels themselves.
func (g *Sentinels) Watchers() []*Server { return g.sentinels[:] }

// waitFor polls a condition.
func waitFor(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(20 * time.Millisecond) // polling with a deadline
	}
}
