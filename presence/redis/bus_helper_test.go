package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
)

// busNode is a bus with what it needs of a store. Its lease lasts until it is
// taken away.
type busNode struct {
	*bus
	t       testing.TB
	handler *presencetest.Handler

	mu   sync.Mutex
	peer presence.Peer
}

func newBusNode(t testing.TB, url, name string, h *presencetest.Handler, change ...func(*Config)) *busNode {
	t.Helper()
	cfg := Config{URL: url, Timeout: 500 * time.Millisecond, Lease: time.Second, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	rdb, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	hl := newHealth(rdb, cfg.Timeout)
	p := newPipe(rdb, hl, cfg.Timeout)
	n := &busNode{t: t, handler: h, peer: presence.Peer{Name: name, Epoch: fmt.Sprint("e", time.Now().UnixNano())}}
	n.bus = newBus(cfg, keys{cfg.Prefix}, p, hl, h, n.self)
	n.nodes = func() (list []presence.Node) { // those that it sends to; see depot
		for p := range *n.outlets.Load() {
			list = append(list, presence.Node{Peer: p, Addr: p.Name})
		}
		return list
	}
	n.lease()
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.close()
		hl.close()
		p.close()
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *busNode) self() presence.Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peer
}

// lease writes the node's lease.
func (n *busNode) lease() {
	n.t.Helper()
	self := n.self()
	until(n.t, "the lease is written", func() bool {
		return n.pipe.rdb.Set(context.Background(), n.keys.lease(self.Name), self.Epoch, 0).Err() == nil
	})
}

// die takes the lease away.
func (n *busNode) die() {
	n.t.Helper()
	if err := n.pipe.rdb.Del(context.Background(), n.keys.lease(n.self().Name)).Err(); err != nil {
		n.t.Fatal(err)
	}
}

// until polls a condition.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond) // polling with a deadline
	}
}

// counter checks that numbered payloads of one sender arrive in order.
type counter struct {
	mu  sync.Mutex
	got []uint64
}

func (c *counter) receive(_ presence.Peer, _ presence.Kind, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, binary.BigEndian.Uint64(payload))
}

func (c *counter) n() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

func (c *counter) list() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]uint64(nil), c.got...)
}

// allInOrder waits until payloads 0 to n-1 have arrived, and each once and in its
// place.
func (c *counter) allInOrder(t testing.TB, n int) {
	t.Helper()
	until(t, "all have arrived", func() bool { return c.n() >= n })
	for i, v := range c.list() {
		if v != uint64(i) {
			t.Fatalf("payload %d came as number %d", v, i)
		}
	}
}

// confirmed waits until b has confirmed all that a has sent.
func confirmed(t testing.TB, a, b *busNode) {
	t.Helper()
	until(t, "all are confirmed", func() bool {
		o := a.outlet(b.self())
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.kept) == 0 && o.bytes == 0
	})
}

func numbered(i uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 16), i) }
