package wsconn

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// Server makes connections out of HTTP requests and looks after them.
type Server struct {
	cfg      Config
	upgrader websocket.Upgrader
	pools    pools
	start    time.Time
	wheel    *wheel.Wheel
	ownWheel bool
	poller   *poller // nil: connections do not park

	mu       sync.Mutex
	gone     sync.Cond // live went down
	closed   bool
	live     int  // connections, and goroutines that work for one that ended
	awake    list // connections that the sweep may park
	settled  list // all others
	conns    int
	sweep    wheel.Timer
	sweeping bool
	leaving  []leaving // waiting for the peer's close frame, earliest first
	leave    wheel.Timer
	victims  []*Conn // scratch of the sweep
}

type leaving struct {
	c  *Conn
	at int64 // by Server.now
}

// NewServer starts a server; Close ends it.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg.withDefaults(), start: time.Now()}
	s.upgrader = newUpgrader(&s.cfg)
	s.pools.size = s.cfg.ReadBuffer
	s.gone.L = &s.mu
	s.awake.init()
	s.settled.init()
	if s.cfg.ParkAfter > 0 {
		p, err := newPoller()
		if err != nil {
			return nil, err
		}
		s.poller = p
	}
	s.wheel = s.cfg.Wheel
	if s.wheel == nil {
		s.wheel = wheel.New(wheel.Config{Tick: 20 * time.Millisecond, Slots: 256})
		s.ownWheel = true
	}
	return s, nil
}

// Len is the number of connections that have not ended.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Close refuses new connections, ends those that are left without a close frame
// (their OnClose gets ErrServerClosed), and waits until all is gone. It must not
// be called from a Handler.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	var all []*Conn
	for _, l := range []*list{&s.awake, &s.settled} {
		for n := l.root.next; n != &l.root; n = n.next {
			all = append(all, n.c)
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		c.Abort(ErrServerClosed)
	}
	s.mu.Lock()
	for s.live > 0 {
		s.gone.Wait()
	}
	s.mu.Unlock()
	s.wheel.Stop(&s.sweep)
	s.wheel.Stop(&s.leave)
	if s.poller != nil {
		s.poller.close()
	}
	if s.ownWheel {
		s.wheel.Close()
	}
}

// now is monotonic, in nanoseconds since the server started.
func (s *Server) now() int64 { return int64(time.Since(s.start)) }

// add enters a connection, unless the server was closed.
func (s *Server) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.live++
	s.conns++
	c.link.c = c
	s.settled.push(&c.link)
	return true
}

// remove takes a connection out; its release is still to come.
func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.link.unlink()
	s.conns--
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// retain and release count what Close has to wait for.
func (s *Server) retain() {
	s.mu.Lock()
	s.live++
	s.mu.Unlock()
}

func (s *Server) release() {
	s.mu.Lock()
	if s.live--; s.live == 0 {
		s.gone.Broadcast()
	}
	s.mu.Unlock()
}
