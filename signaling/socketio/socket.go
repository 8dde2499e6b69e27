package socketio

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// Socket is one client in one namespace.
type Socket struct {
	// Data is the application's own; the package does not touch it.
	Data any

	nsp *Namespace
	id  string

	// client is the transport it is connected through; nil before CONNECT was
	// answered, while away, and when gone. Changes only with mu held.
	client atomic.Pointer[client]

	rooms   []string // guarded by nsp.mu
	removed bool     // guarded by nsp.mu: out of the namespace for good

	mu    sync.Mutex // never held while a callback runs; taken before engine locks
	life  sync.Mutex // held while OnAway or OnBack run, taken before mu
	state state
	hs    *Handshake
	on    *listeners // made when first needed
	acks  *acks      // made when first needed
	rec   *recovery  // nil unless recovery is on; set once

	recovered bool
	replaces  *Socket
}

type state uint8

const (
	connecting state = iota
	connected
	away
	gone
)

// Handshake is what a client said when it connected to the namespace. With
// recovery it is that of the newest transport.
type Handshake struct {
	*engine.Handshake
	// Auth is the payload of the CONNECT packet, a JSON object; {} if there
	// was none. pid and offset of a recovery are left in it.
	Auth json.RawMessage
}

// ID identifies the socket to everybody. It is not the id of the transport's
// session, which is a secret of the client.
func (s *Socket) ID() string { return s.id }

// Namespace is the namespace the socket belongs to.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Handshake returns what came with the CONNECT packet; nil after
// ReleaseHandshake.
func (s *Socket) Handshake() *Handshake {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hs
}

// ReleaseHandshake forgets the handshake, to save memory.
func (s *Socket) ReleaseHandshake() {
	s.mu.Lock()
	s.hs = nil
	c := s.client.Load()
	s.mu.Unlock()
	if c != nil {
		c.releaseHandshake()
	}
}

// Recovered reports whether the client came back at least once and got what it
// missed.
func (s *Socket) Recovered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recovered
}

// Replaces returns the socket that this client wanted to be recovered as but
// had missed too much for. That one is disconnected with [ReasonReplaced] right
// after OnConnection. Nil for any other socket.
func (s *Socket) Replaces() *Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replaces
}

// PID is the secret by which the client can recover this socket, without what
// Recovery.Seal adds; "" with recovery off.
func (s *Socket) PID() string {
	if s.rec == nil {
		return ""
	}
	return s.rec.pid
}

// Connected reports whether the socket has a transport.
func (s *Socket) Connected() bool { return s.client.Load() != nil }

// Away reports whether the transport is gone but the client may come back.
func (s *Socket) Away() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == away
}

// Engine returns the session of the transport, nil if there is none. Several
// namespaces share one.
func (s *Socket) Engine() *engine.Socket {
	if c := s.client.Load(); c != nil {
		return c.es
	}
	return nil
}

// Flush sends what was queued for the client. It never blocks.
func (s *Socket) Flush() {
	if c := s.client.Load(); c != nil {
		c.es.Flush()
	}
}

// Pending is the number of bytes that wait unsent in the transport.
func (s *Socket) Pending() int {
	if c := s.client.Load(); c != nil {
		return c.es.Pending()
	}
	return 0
}

// Cut closes the transport, with all namespaces on it, in a way that makes the
// client come back. With recovery on, the socket is away from then on.
func (s *Socket) Cut() {
	if c := s.client.Load(); c != nil {
		c.es.Abort()
	}
}

// Disconnect ends the socket for good: the client gets a DISCONNECT packet and
// stays away, as socket.io-client does. With closeTransport all namespaces of
// the client are left and the transport is closed too.
func (s *Socket) Disconnect(closeTransport bool) {
	c := s.client.Load()
	if c == nil {
		s.end(ReasonServerDisconnect, engine.Close{Reason: engine.ReasonForced})
		return
	}
	if !closeTransport {
		c.disconnect(s, ReasonServerDisconnect)
		c.es.Flush()
		return
	}
	for _, other := range c.sockets() {
		c.disconnect(other, ReasonServerDisconnect)
	}
	c.es.Close()
}

// connect makes c the transport of a socket that is connecting and queues the
// answer to CONNECT, and, for one that comes from another server, what its client
// has missed. False: the socket was ended meanwhile.
func (s *Socket) connect(c *client, moved *State) bool {
	pid := s.pidText()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != connecting {
		return false
	}
	s.state = connected
	s.client.Store(c)
	c.sendConnect(s, pid)
	if moved != nil {
		s.rec.resend(c, s.nsp, s.rec.kept, s.rec.base)
	}
	return true
}

// end makes the socket gone and calls OnDisconnect, unless it was gone before.
func (s *Socket) end(reason Reason, cl engine.Close) {
	s.endIf(nil, reason, cl)
}

// endIf is end under a condition that is checked with mu held.
func (s *Socket) endIf(only func() bool, reason Reason, cl engine.Close) {
	s.mu.Lock()
	was := s.state
	if was == gone || only != nil && !only() {
		s.mu.Unlock()
		return
	}
	s.state = gone
	s.client.Store(nil)
	if s.rec != nil {
		s.rec.drop()
		s.nsp.srv.wheel.Stop(&s.rec.timer)
	}
	waiting := s.takeAcksLocked()
	s.mu.Unlock()

	s.nsp.remove(s)
	waiting.fail(s, ErrDisconnected)
	if was == connecting {
		return
	}
	if f := s.nsp.hooks().Disconnect; f != nil {
		s.guard(func() { f(s, reason, cl.Code) })
	}
	for _, f := range s.heard().disconnect {
		s.guard(func() { f(reason) })
	}
}

// guard calls an application's function; a panic in it is logged and stays here.
func (s *Socket) guard(f func()) {
	defer s.nsp.srv.caught(s)
	f()
}
