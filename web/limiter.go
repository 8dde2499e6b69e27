package web

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// limiter counts the connections of all public listeners and bounds them (O4):
// at most max are served; up to overflow more get a 503; what comes then is
// closed unread. Of those whose first request is not complete yet (pending) the
// oldest is closed when there are too many: a flood of half-open handshakes
// costs maxPending connections and keeps nobody out.
type limiter struct {
	max        int64
	overflow   int64
	maxPending int

	open    atomic.Int64 // accepted and not closed, hijacked ones too
	over    atomic.Int64 // of these, the ones that will get a 503
	refused atomic.Int64 // answered 503 or closed unread, ever
	evicted atomic.Int64 // pending ones closed for younger ones, ever

	mu      sync.Mutex // guards pending, count and the list fields of conns
	pending conn       // ring; pending.next is the oldest
	count   int
}

func newLimiter(most, mostPending int) *limiter {
	l := &limiter{max: int64(most), overflow: int64(min(256, most)), maxPending: mostPending}
	l.pending.next, l.pending.prev = &l.pending, &l.pending
	return l
}

// conn is an accepted connection. It stays a net.Conn with the methods of the
// TCP connection inside, SyscallConn among them, after it was hijacked.
type conn struct {
	*net.TCPConn
	limiter    *limiter
	prev, next *conn // in the pending ring, nil outside
	over       bool
	settled    atomic.Bool // its first headers were read
	closed     atomic.Bool
}

// Close closes the connection and counts it out, once.
func (c *conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.limiter.settle(c)
		c.limiter.open.Add(-1)
		if c.over {
			c.limiter.over.Add(-1)
		}
	}
	return c.TCPConn.Close()
}

// NetConn is the TCP connection itself.
func (c *conn) NetConn() net.Conn { return c.TCPConn }

type limitedListener struct {
	net.Listener
	limiter *limiter
}

func (l *limiter) listen(inner net.Listener) net.Listener { return limitedListener{inner, l} }

// Accept waits for a connection that may stay.
func (l limitedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := accepted.(*net.TCPConn)
		if !ok {
			return nil, errors.Join(errNotTCP, accepted.Close())
		}
		if c := l.limiter.admit(tcp); c != nil {
			return c, nil
		}
		l.limiter.refused.Add(1)
		_ = tcp.SetLinger(0) // no TIME_WAIT for those
		_ = tcp.Close()
	}
}

var errNotTCP = errors.New("web: not a TCP connection")

// admit counts a connection in, nil if there is no room even for a refusal.
func (l *limiter) admit(tcp *net.TCPConn) *conn {
	open := l.open.Add(1)
	if open > l.max+l.overflow {
		l.open.Add(-1)
		return nil
	}
	c := &conn{TCPConn: tcp, limiter: l, over: open > l.max}
	if c.over {
		l.over.Add(1)
		l.refused.Add(1)
	}
	l.mu.Lock()
	last := l.pending.prev
	c.prev, c.next = last, &l.pending
	last.next, l.pending.prev = c, c
	l.count++
	var oldest *conn
	if l.count > l.maxPending {
		oldest = l.pending.next
	}
	l.mu.Unlock()
	if oldest != nil {
		l.evicted.Add(1)
		_ = oldest.Close() // its goroutine sees a read error and ends
	}
	return c
}

// settle takes a connection out of the pending ring, if it is there.
func (l *limiter) settle(c *conn) {
	l.mu.Lock()
	if c.next != nil {
		c.prev.next, c.next.prev = c.next, c.prev
		c.prev, c.next = nil, nil
		l.count--
	}
	l.mu.Unlock()
}

func (l *limiter) pendingCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// state hears from net/http how far a connection is. StateActive comes when the
// first headers were read.
func (l *limiter) state(nc net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if c := connOf(nc); c != nil && c.settled.CompareAndSwap(false, true) {
		l.settle(c)
	}
}

type overKey struct{}

// context marks the requests of connections that are over the limit.
func (l *limiter) context(ctx context.Context, nc net.Conn) context.Context {
	if c := connOf(nc); c != nil && c.over {
		return context.WithValue(ctx, overKey{}, true)
	}
	return ctx
}

// refuses reports whether the request came on a connection over the limit.
func (l *limiter) refuses(r *http.Request) bool {
	return l.over.Load() > 0 && r.Context().Value(overKey{}) != nil
}

func connOf(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}
