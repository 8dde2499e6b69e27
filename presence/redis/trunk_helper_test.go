package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

// depot is where test nodes listen for trunks.
type depot struct {
	t     testing.TB
	tasks sync.WaitGroup

	mu    sync.Mutex
	at    map[string]string // name of a node -> where it listens
	conns []net.Conn        // dialed
	ends  []net.Listener
}

func newDepot(t testing.TB) *depot {
	e := &depot{t: t, at: map[string]string{}}
	t.Cleanup(func() {
		for _, l := range e.ends {
			_ = l.Close()
		}
		e.cut()
		e.tasks.Wait()
	})
	return e
}

// listen serves trunks to a node.
func (e *depot) listen(name string, serve func(net.Conn)) {
	e.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at[name], e.ends = l.Addr().String(), append(e.ends, l)
	e.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.tasks.Go(func() { serve(conn) })
		}
	})
}

// dial is a Config.Dial to a node by its name.
func (e *depot) dial(ctx context.Context, name string) (net.Conn, error) {
	e.mu.Lock()
	addr := e.at[name]
	e.mu.Unlock()
	if addr == "" {
		return nil, errors.New("nobody listens for " + name)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		e.mu.Lock()
		e.conns = append(e.conns, conn)
		e.mu.Unlock()
	}
	return conn, err
}

// cut breaks every trunk that there is.
func (e *depot) cut() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.conns {
		_ = c.Close()
	}
	e.conns = nil
}

// trunks makes a node's config one with trunks.
func (e *depot) trunks(c *Config) { c.Dial = e.dial }

// laid waits until a has a trunk to b.
func laid(t testing.TB, a, b *busNode) {
	t.Helper()
	until(t, "there is a trunk", func() bool {
		o := a.outlet(b.self())
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.trunk != nil
	})
}
