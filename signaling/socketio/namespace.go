package socketio

import (
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/turnstile"
)

// Namespace is a channel of its own on shared transports, with its own sockets,
// rooms, middlewares and handlers.
type Namespace struct {
	srv  *Server
	name string

	// What packets to this namespace begin with: type and, unless it is "/",
	// the name and a comma.
	eventPrefix, ackPrefix, binaryTail []byte

	setup atomic.Pointer[setup] // replaced as a whole

	entrance turnstile.Turnstile // for those who come back, by recovery id

	mu      sync.RWMutex
	sockets map[string]*Socket              // by id; also those that are away
	pids    map[string]*Socket              // by recovery id
	rooms   map[string]map[*Socket]struct{} // no empty ones
}

// setup is what the application registered.
type setup struct {
	middlewares []func(*Socket) error
	connection  []func(*Socket)
	hooks       Hooks
}

func newNamespace(srv *Server, name string) *Namespace {
	tail := ""
	if name != "/" {
		tail = name + ","
	}
	n := &Namespace{
		srv: srv, name: name,
		eventPrefix: []byte("2" + tail),
		ackPrefix:   []byte("3" + tail),
		binaryTail:  []byte(tail),
		sockets:     make(map[string]*Socket),
		pids:        make(map[string]*Socket),
		rooms:       make(map[string]map[*Socket]struct{}),
	}
	n.setup.Store(&setup{})
	return n
}

// Name of the namespace, beginning with a slash.
func (n *Namespace) Name() string { return n.name }

// Use adds a middleware: it is asked about every client that wants to connect,
// also about those that come back with a pid. An error refuses the client with a
// CONNECT_ERROR packet that has the error's text, or what a [*ConnectError] says.
func (n *Namespace) Use(middleware func(*Socket) error) {
	n.change(func(s *setup) {
		s.middlewares = append(s.middlewares[:len(s.middlewares):len(s.middlewares)], middleware)
	})
}

// OnConnection adds a function that is called for every new socket, after the
// answer to CONNECT was queued and before anything else the client sent.
func (n *Namespace) OnConnection(f func(*Socket)) {
	n.change(func(s *setup) { s.connection = append(s.connection[:len(s.connection):len(s.connection)], f) })
}

// Hook sets the namespace's hooks, replacing those set before.
func (n *Namespace) Hook(h Hooks) { n.change(func(s *setup) { s.hooks = h }) }

func (n *Namespace) change(f func(*setup)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := *n.setup.Load()
	f(&next)
	n.setup.Store(&next)
}

func (n *Namespace) hooks() *Hooks { return &n.setup.Load().hooks }

// Len is the number of sockets, those that are away included.
func (n *Namespace) Len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.sockets)
}

// Socket returns the socket with that id, nil if there is none.
func (n *Namespace) Socket(id string) *Socket {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.sockets[id]
}

// Sockets returns all sockets, those that are away included.
func (n *Namespace) Sockets() []*Socket {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make([]*Socket, 0, len(n.sockets))
	for _, s := range n.sockets {
		all = append(all, s)
	}
	return all
}

// Emit sends an event to all sockets of the namespace.
func (n *Namespace) Emit(event string, args ...any) error { return n.To().Emit(event, args...) }

// Send sends a message to all sockets of the namespace.
func (n *Namespace) Send(lane Lane, m *Message) { n.To().Send(lane, m) }

// To addresses the sockets in any of the rooms; a socket's id is a room that
// only it is in. Without rooms: all sockets.
func (n *Namespace) To(rooms ...string) *Broadcast { return &Broadcast{nsp: n, rooms: rooms} }

// Except addresses all sockets that are in none of the rooms.
func (n *Namespace) Except(rooms ...string) *Broadcast { return n.To().Except(rooms...) }

// add registers a socket that is about to be connected.
func (n *Namespace) add(s *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets[s.id] = s
	if s.rec != nil {
		n.pids[s.rec.pid] = s
	}
}

// remove forgets a socket and its rooms.
func (n *Namespace) remove(s *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets[s.id] == s {
		delete(n.sockets, s.id)
	}
	if s.rec != nil && n.pids[s.rec.pid] == s {
		delete(n.pids, s.rec.pid)
	}
	for _, room := range s.rooms {
		n.leaveLocked(s, room)
	}
	s.rooms, s.removed = nil, true
}
