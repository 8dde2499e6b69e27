package engine

import (
	"container/list"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// Socket is one session.
type Socket struct {
	srv     *Server
	id      string
	remote  string
	handler Handler // set once, with recv held

	recv sync.Mutex // held while the Handler is called; taken first

	state       atomic.Uint32 // changes only with mu held
	unconfirmed atomic.Bool
	seat        *list.Element // guarded by Server.waiting

	mu    sync.Mutex // never held while the Handler is called, Heartbeater.OnPing excepted
	conn  *wsconn.Conn
	poll  *polling // while the transport is polling
	probe *probe   // while a WebSocket probes
	hs    *Handshake
	end   Close

	// The heartbeat, guarded by mu. Times are counted from Server.start.
	timer    wheel.Timer
	due      time.Duration // of the next ping or, if awaiting, of the pong
	interval time.Duration
	timeout  time.Duration
	awaiting bool
}

const (
	open uint32 = iota
	closing
	closed
)

// ID is the session id. Whoever knows it can speak for the client: keep it from
// others.
func (s *Socket) ID() string { return s.id }

// RemoteAddr is the address of the handshake's peer.
func (s *Socket) RemoteAddr() string { return s.remote }

// Transport is the name of the current one: Polling or WebSocket.
func (s *Socket) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return WebSocket
	}
	return Polling
}

// Closed reports whether the session is closing or has ended.
func (s *Socket) Closed() bool { return s.state.Load() != open }

// Handshake returns the request that opened the session; nil once released.
func (s *Socket) Handshake() *Handshake {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hs
}

// ReleaseHandshake forgets the handshake, to save memory.
func (s *Socket) ReleaseHandshake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hs = nil
}

// Confirm takes the session out of those that Config.MaxHandshakes bounds.
func (s *Socket) Confirm() {
	if s.unconfirmed.CompareAndSwap(true, false) {
		s.srv.waiting.remove(s)
	}
}

// Close ends the session after what is queued: over WebSocket with close code
// 1000, over polling with a close packet in a poll after that. (socket.io-client
// handles a close at once but the messages before it a moment later: one that was
// told to stay away in the same poll would come back.)
func (s *Socket) Close() {
	s.mu.Lock()
	if s.conn == nil && s.state.Load() == open && (s.poll.get == nil || !s.poll.queue.empty()) {
		s.state.Store(closing)
		s.flushPollLocked()
		s.awaitLastPollLocked()
		s.mu.Unlock()
		return
	}
	s.finish(Close{Reason: ReasonForced, Code: CodeNormal}, CodeNormal)
}

// lastPoll is how long a client that has got everything may take to poll for the
// close packet, or to say goodbye itself.
const lastPoll = 2 * time.Second

// awaitLastPollLocked gives the client of a closing session so long to poll.
func (s *Socket) awaitLastPollLocked() {
	wait := s.srv.cfg.CloseTimeout
	if s.poll.queue.empty() && s.poll.get == nil {
		wait = min(wait, lastPoll)
	}
	s.due = s.srv.now() + wait
	s.srv.wheel.Schedule(&s.timer, wait, (*beat)(s))
}

// Abort ends the session at once so that the client comes back: close code 1001
// over WebSocket, a close packet for a waiting poll.
func (s *Socket) Abort() {
	s.mu.Lock()
	s.finish(Close{Reason: ReasonForced, Code: CodeGoingAway}, CodeGoingAway)
}

// Fail ends the session at once for a reason, with a WebSocket close code.
func (s *Socket) Fail(reason Reason, code int, err error) {
	s.mu.Lock()
	s.finish(Close{Reason: reason, Code: code, Err: err}, code)
}

// finish ends the session unless it has ended; mu is held on entry and not on
// return. code is what a WebSocket is closed with, 0: it is gone already. The
// Handler hears of it on another goroutine.
func (s *Socket) finish(c Close, code int) {
	if !s.finishLocked(c) {
		s.mu.Unlock()
		return
	}
	conn, pr := s.conn, s.probe
	if pr != nil {
		pr.endLocked()
	}
	s.mu.Unlock()
	if conn != nil && code != 0 {
		conn.Close(code, c.Reason.String())
	}
	if pr != nil {
		pr.conn.Close(CodeForbidden, "session is over")
	}
	s.srv.spawn(s.closed)
}

// finishLocked makes the state closed and lets go of the polling side.
func (s *Socket) finishLocked(c Close) bool {
	if s.state.Load() == closed {
		return false
	}
	s.state.Store(closed)
	if p := s.poll; p != nil {
		again := c.Reason == ReasonForced && c.Code == CodeGoingAway
		if c.Reason != ReasonTransportClose {
			c.Code = 0 // see Close.Code
		}
		if p.get != nil {
			body := closePayload
			switch {
			case c.Reason == ReasonTransportClose:
				body = noopPayload // the client knows
			case p.queue.empty():
			case again:
				// Without the close packet: socket.io-client handles a close at
				// once but the messages before it a moment later, and would come
				// back with the offset from before them. Its next poll fails.
				body = p.queue.payload()
			case c.Reason == ReasonForced:
				body = append(append(p.queue.payload(), separator), typeClose)
			}
			p.answer(body)
		}
		p.queue = queue{}
	}
	s.end = c
	s.hs = nil
	s.Confirm()
	s.srv.wheel.Stop(&s.timer)
	s.srv.forget(s)
	return true
}

// closed tells the Handler.
func (s *Socket) closed() {
	s.recv.Lock()
	defer s.leave()
	if s.handler != nil {
		s.handler.OnClose(s, s.end)
	}
}

// leave ends a call to the Handler that began with recv.Lock. It is deferred,
// and keeps a panic of the Handler from reaching the process: the session ends.
func (s *Socket) leave() {
	p := recover()
	s.recv.Unlock()
	if p != nil {
		s.srv.cfg.Logger.Error("engine: panic in a handler", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		s.Fail(ReasonForced, 1011, fmt.Errorf("engine: panic: %v", p))
	}
}

// receive handles one packet; recv is held.
func (s *Socket) receive(pk packet) error {
	switch state := s.state.Load(); {
	case state == open || state == closing && pk.kind == typeClose:
	default:
		return nil
	}
	switch pk.kind {
	case typeMessage:
		if s.unconfirmed.Load() && !s.srv.cfg.LateConfirm {
			s.Confirm()
		}
		s.handler.OnMessage(s, pk.binary, pk.data)
	case typePong:
		s.pong()
	case typeClose:
		s.mu.Lock()
		s.finish(Close{Reason: ReasonTransportClose, Code: CodeNone}, CodeNormal)
	case typePing:
		err := errors.New("engine: ping from the client")
		s.Fail(ReasonTransportError, CodeParseError, err)
		return err
	}
	// open, upgrade and noop mean nothing here; Node ignores them too.
	return nil
}
