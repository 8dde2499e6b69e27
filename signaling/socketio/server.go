package socketio

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// Server is a Socket.IO server: an http.Handler for the path that clients use,
// usually /socket.io/.
type Server struct {
	cfg      Config
	engine   *engine.Server
	wheel    *wheel.Wheel
	ownWheel bool

	mu         sync.RWMutex
	namespaces map[string]*Namespace

	closing atomic.Bool
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup // goroutines that call the application
}

// NewServer makes a server; Close ends it. The namespace "/" exists from the
// start.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.Defaults()
	s := &Server{cfg: cfg, namespaces: make(map[string]*Namespace)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if cfg.Engine.Wheel == nil {
		cfg.Engine.Wheel = wheel.New(wheel.Config{Tick: 20 * time.Millisecond})
		s.ownWheel = true
	}
	s.wheel = cfg.Engine.Wheel
	cfg.Engine.LateConfirm = true
	s.namespaces["/"] = newNamespace(s, "/")
	eng, err := engine.NewServer(cfg.Engine, s.accept)
	if err != nil {
		s.cancel()
		if s.ownWheel {
			s.wheel.Close()
		}
		return nil, err
	}
	s.engine = eng
	return s, nil
}

// Of returns the namespace of that name, registering it if it is new. Clients
// that connect to one that is not registered are refused with "Invalid
// namespace".
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n == nil {
		n = newNamespace(s, name)
		s.namespaces[name] = n
	}
	return n
}

// Engine returns the Engine.IO server below.
func (s *Server) Engine() *engine.Server { return s.engine }

// ServeHTTP serves polls and upgrades.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Close closes all transports, ends all sockets with [ReasonShutdown], and
// returns when the last callback has returned. It must not be called from one.
func (s *Server) Close() {
	s.closing.Store(true)
	s.cancel()
	s.engine.Close()
	s.mu.RLock()
	all := make([]*Namespace, 0, len(s.namespaces))
	for _, n := range s.namespaces {
		all = append(all, n)
	}
	s.mu.RUnlock()
	for _, n := range all {
		for _, socket := range n.Sockets() {
			socket.end(ReasonShutdown, engine.Close{Reason: engine.ReasonForced})
		}
	}
	s.tasks.Wait()
	if s.ownWheel {
		s.wheel.Close()
	}
}

func (s *Server) lookup(name []byte) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[string(name)]
}

// spawn runs f on a goroutine that Close waits for.
func (s *Server) spawn(f func()) {
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		f()
	}()
}

// caught is deferred around the application's functions.
func (s *Server) caught(socket *Socket) {
	if p := recover(); p != nil {
		s.cfg.Logger.Error("socketio: panic in a handler", "socket", socket.id,
			"namespace", socket.nsp.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}
