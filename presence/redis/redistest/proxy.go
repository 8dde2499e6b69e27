package redistest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a server and does what networks do: it cuts,
// resets, delays and stalls connections, and loses answers.
type Proxy struct {
	Addr string // host:port

	t      testing.TB
	to     string
	listen net.Listener
	tasks  sync.WaitGroup

	mu      sync.Mutex
	live    map[*net.TCPConn]struct{}
	delay   time.Duration
	refuse  bool
	stalled chan struct{} // closed when it goes on; nil: it does
	loss    *loss         // nil: none is to come
	closed  bool
}

// StartProxy starts a proxy to an address and ends it with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), t: t, to: to, listen: l, live: map[*net.TCPConn]struct{}{}}
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is the proxy's address as a Redis URL.
func (p *Proxy) URL() string { return "redis://" + p.Addr + "/0" }

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listen.Close()
	p.Resume()
	p.Cut()
	p.tasks.Wait()
}

func (p *Proxy) accept() {
	for {
		in, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.tasks.Go(func() { p.join(in.(*net.TCPConn)) })
	}
}

// join connects a client to the server until one of them goes.
func (p *Proxy) join(in *net.TCPConn) {
	defer func() { _ = in.Close() }()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	out := c.(*net.TCPConn)
	defer func() { _ = out.Close() }()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.live[in], p.live[out] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	pass := func(dst, src *net.TCPConn, see func([]byte) bool) {
		p.pass(dst, src, see)
		_ = dst.Close()
		_ = src.Close()
	}
	l := &loser{p: p}
	both.Go(func() { pass(in, out, l.answer) })
	pass(out, in, l.request)
	both.Wait()
	p.mu.Lock()
	delete(p.live, in)
	delete(p.live, out)
	p.mu.Unlock()
}

// pass copies what arrives, late or not before the stall ends, until see says that
// the connection ends with it. As on a long line, what follows does not wait until
// what is before it has arrived.
func (p *Proxy) pass(dst, src *net.TCPConn, see func([]byte) (ends bool)) {
	type piece struct {
		b   []byte
		due time.Time
	}
	line := make(chan piece, 1024)
	var writing sync.WaitGroup
	writing.Go(func() {
		broken := false
		for one := range line {
			if d := time.Until(one.due); d > 0 {
				<-time.After(d) // it is what the test asked for
			}
			p.mu.Lock()
			stalled := p.stalled
			p.mu.Unlock()
			if stalled != nil {
				<-stalled
			}
			if broken {
				continue
			}
			if _, err := dst.Write(one.b); err != nil {
				broken = true
				_ = src.Close() // ends the reading
			}
		}
	})
	defer writing.Wait()
	defer close(line)
	for {
		buf := make([]byte, 16<<10)
		n, err := src.Read(buf)
		if n > 0 {
			if see(buf[:n]) {
				return
			}
			p.mu.Lock()
			delay := p.delay
			p.mu.Unlock()
			line <- piece{buf[:n], time.Now().Add(delay)}
		}
		if err != nil {
			return
		}
	}
}

// Delay makes everything arrive that much later, each way.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Stall holds back all that is sent from now on; Resume lets it arrive.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Resume ends a stall.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// Cut ends all connections; new ones are taken. What was held back is lost.
func (p *Proxy) Cut() { p.end(-1) }

// Reset ends all connections with a reset.
func (p *Proxy) Reset() { p.end(0) }

func (p *Proxy) end(linger int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.live {
		_ = c.SetLinger(linger)
		_ = c.Close()
	}
}

// Refuse makes new connections end at once, or be taken again.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = yes
}
