package redis

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// The name of the master leads to another server, and the former one goes on
// answering those who are connected with what it has: a replica whose master is not
// there. The reader of the inbox leaves it.
func TestP3_ReaderLeavesAFormerMaster(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	lead := func(to string) {
		if err := os.Symlink(at(to), at("new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at("new"), at("master")); err != nil {
			t.Fatal(err)
		}
	}
	former := redistest.Start(t, "--unixsocket", at("former"))
	next := redistest.Start(t, "--unixsocket", at("next"))
	host, port, err := net.SplitHostPort(former.Addr)
	if err != nil {
		t.Fatal(err)
	}
	next.MustCommand("REPLICAOF", host, port)
	until(t, "it is a replica", func() bool { return strings.Contains(next.MustCommand("INFO", "replication"), "master_link_status:up") })
	lead("former")
	cfg := faultConfig("unix://" + at("master"))
	a, b := newNode(t, cfg, "a"), newNode(t, cfg, "b")
	r := newReader(t, b, 0) // one that waits in the old inbox would be sent away
	inOneBatch(t, a.Store, b.peer(), 1)
	<-r.stands
	next.MustCommand("REPLICAOF", "NO", "ONE")
	lead("next")
	former.MustCommand("REPLICAOF", host, "1") // nobody listens there
	until(t, "all is well", func() bool { return a.Degraded() == "" && b.Degraded() == "" && b.health.trips.Load() > 0 })
	r.goOn()
	until(t, "what is sent is taken", func() bool {
		done := make(chan error, 1)
		err := a.Send(b.peer(), 1, presence.Must, numbered(1), func(err error) { done <- err })
		return err == nil && <-done == nil
	})
	until(t, "it arrives", func() bool { return slices.Contains(r.list(), 1) })
}
