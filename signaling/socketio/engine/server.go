package engine

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// What ends a session, for logs.
var (
	errOverlap     = errors.New("engine: overlapping requests")
	errPollGone    = errors.New("engine: poll was cancelled")
	errUnfinished  = errors.New("engine: gave way to newer handshakes")
	errContentType = errors.New("engine: POST with application/octet-stream")
)

// Server serves Engine.IO over HTTP.
type Server struct {
	cfg      Config
	accept   func(*Socket, *Handshake) Handler
	ws       *wsconn.Server
	wheel    *wheel.Wheel
	ownWheel bool
	start    time.Time

	waiting waiting // the sessions that are not confirmed

	mu      sync.RWMutex // taken after a Socket's mu
	sockets map[string]*Socket
	down    bool
	tasks   sync.WaitGroup // goroutines that call Handlers; Add with mu held
}

// NewServer makes a server; Close ends it. accept is called for every new
// session before its client hears of it and returns the session's Handler; nil
// refuses the session. It may keep the Handshake only until it calls
// [Socket.ReleaseHandshake].
func NewServer(cfg Config, accept func(*Socket, *Handshake) Handler) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.Defaults()
	srv := &Server{cfg: cfg, accept: accept, wheel: cfg.Wheel, start: cfg.Now(), sockets: make(map[string]*Socket)}
	if srv.wheel == nil {
		srv.wheel = wheel.New(wheel.Config{Tick: 20 * time.Millisecond})
		srv.ownWheel = true
	}
	ws, err := wsconn.NewServer(wsconn.Config{
		MaxMessage:   cfg.MaxPayload,
		WriteTimeout: cfg.WriteTimeout,
		MaxQueue:     cfg.MaxQueue,
		DropAbove:    cfg.DropAbove,
		ParkAfter:    cfg.ParkAfter,
		Wheel:        srv.wheel,
		Logger:       cfg.Logger,
	})
	if err != nil {
		if srv.ownWheel {
			srv.wheel.Close()
		}
		return nil, err
	}
	srv.ws = ws
	return srv, nil
}

// Len is the number of sessions.
func (srv *Server) Len() int {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	return len(srv.sockets)
}

// Connections is the number of WebSockets, those that only probe included.
func (srv *Server) Connections() int { return srv.ws.Len() }

// Close refuses new sessions, closes those there are, and returns when the last
// OnClose has returned. It must not be called from a Handler.
func (srv *Server) Close() {
	srv.mu.Lock()
	srv.down = true
	all := make([]*Socket, 0, len(srv.sockets))
	for _, s := range srv.sockets {
		all = append(all, s)
	}
	srv.mu.Unlock()
	for _, s := range all {
		s.Abort()
	}
	srv.tasks.Wait()
	srv.ws.Close()
	if srv.ownWheel {
		srv.wheel.Close()
	}
}

// now is the time since the server's start.
func (srv *Server) now() time.Duration { return srv.cfg.Now().Sub(srv.start) }

// spawn calls f on a goroutine that Close waits for.
func (srv *Server) spawn(f func()) {
	srv.mu.Lock()
	srv.tasks.Add(1)
	srv.mu.Unlock()
	go func() {
		defer srv.tasks.Done()
		f()
	}()
}

func (srv *Server) lookup(sid string) *Socket {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	return srv.sockets[sid]
}

// register makes a session known; false if the server is going down.
func (srv *Server) register(s *Socket) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.down {
		return false
	}
	srv.sockets[s.id] = s
	return true
}

func (srv *Server) forget(s *Socket) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.sockets[s.id] == s {
		delete(srv.sockets, s.id)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
