package wsconn

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// Close codes of RFC 6455 §7.4.1 that this package sends or reports itself.
const (
	noStatus    = websocket.CloseNoStatusReceived
	abnormal    = websocket.CloseAbnormalClosure
	protocolErr = websocket.CloseProtocolError
	badPayload  = websocket.CloseInvalidFramePayloadData
	tooBig      = websocket.CloseMessageTooBig
	internalErr = websocket.CloseInternalServerErr
)

// What the reader of a connection is doing. Only the reader changes running to
// waiting and back without the lock.
const (
	created int32 = iota // no Start yet
	running              // a goroutine reads, or calls the handler
	waiting              // it waits at a message boundary
	leaves               // it was told to park
	parked               // there is none, the poller watches
	over                 // there will be none
)

// Conn is the server side of one WebSocket. All methods may be called from any
// goroutine, SetHandler excepted.
type Conn struct {
	srv  *Server
	nc   net.Conn
	sock net.Conn        // what nc runs on: the TCP connection below TLS, else nc
	raw  syscall.RawConn // of sock, for plain TCP where the system has it; else nil
	ws   *websocket.Conn // reading half
	link link            // guarded by srv.mu

	state    atomic.Int32
	deaf     atomic.Bool  // no more OnMessage
	lastRead atomic.Int64 // by Server.now

	// Owned by the reader.
	h       Handler
	br      bufio.Reader  // gorilla reads from it; has a buffer only while there is a shell
	shell   *bufio.Reader // came from the pool with the buffer, goes back with it
	msg     *buffer       // of the message being read
	fd      int           // the descriptor while raw lends it, else -1
	readErr error         // the network's; what else ends reading is the peer's fault
	waitErr error         // outcome of tryRead
	touched bool          // OnMessage was called since OnIdle
	replied bool          // a pong was queued

	slot   uint32 // guarded by the poller
	polled bool   // the descriptor is known to the poller, guarded by it too

	mu       sync.Mutex
	out      *buffer // whole frames nobody has begun to write
	sending  int     // bytes in the hands of the one who writes
	writing  bool
	deflate  bool // permessage-deflate was agreed on; constant after Upgrade
	unpark   bool // could not be parked once: stays awake
	shut     bool // nothing more is queued
	dead     bool // nothing more is written, sock is closed or about to be
	ours     *Cause
	closedAt int64         // by Server.now, when Close was called
	lastCall time.Time     // no write deadline goes beyond
	drained  chan struct{} // closed when writing ends
}

// Start begins reading on a goroutine of its own, so that those of net/http end.
// It must be called once; if the connection has ended already, h hears of it.
func (c *Conn) Start(h Handler) {
	c.Flush()
	c.h = h
	c.srv.retain()
	c.mu.Lock()
	begun := c.state.CompareAndSwap(created, running)
	c.mu.Unlock()
	if begun {
		c.srv.release() // the connection has a hold of its own until it ends
		go c.read()
		return
	}
	go func() {
		defer c.srv.release()
		c.callOnClose(*c.ours)
	}()
}

// SetHandler replaces the handler for what comes next. To be called from within
// OnMessage only.
func (c *Conn) SetHandler(h Handler) { c.h = h }

// LastRead is when something last came from the peer, pongs included.
func (c *Conn) LastRead() time.Time { return c.srv.start.Add(time.Duration(c.lastRead.Load())) }

// Subprotocol is what the handshake agreed on, "" if nothing.
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// RemoteAddr is the peer's network address.
func (c *Conn) RemoteAddr() string { return c.nc.RemoteAddr().String() }

// Close sends a close frame after what is queued and waits, in the background,
// at most Config.CloseTimeout for the peer's; then the connection is cut and
// OnClose comes. A backlog may take Config.WriteTimeout longer. 1005 sends an
// empty close frame; a reason is cut at 123 bytes.
func (c *Conn) Close(code int, reason string) {
	c.mu.Lock()
	if c.shut || c.state.Load() == over {
		c.mu.Unlock()
		return
	}
	c.shut = true
	c.deaf.Store(true)
	c.ours = &Cause{Code: code, Reason: reason, Local: true}
	c.closedAt = c.srv.now()
	b := c.outLocked()
	b.b = appendClose(b.b, code, reason)
	c.mu.Unlock()
	c.Flush()
	c.srv.expect(c)
}

// closeExpired is called CloseTimeout after Close; true: once more.
func (c *Conn) closeExpired(now int64) (again bool) {
	c.mu.Lock()
	if c.state.Load() == over || c.dead {
		c.mu.Unlock()
		return false
	}
	if c.pendingLocked() > 0 && now-c.closedAt < int64(c.srv.cfg.WriteTimeout+c.srv.cfg.CloseTimeout) {
		c.mu.Unlock()
		return true
	}
	c.cutLocked()
	return false
}

// Abort cuts the connection at once, without a close frame.
func (c *Conn) Abort(err error) {
	c.mu.Lock()
	if c.dead || c.state.Load() == over {
		c.mu.Unlock()
		return
	}
	if c.ours == nil {
		c.ours = &Cause{Code: abnormal, Local: true}
	}
	c.ours.Err = err
	c.cutLocked()
}

// cutLocked closes the socket and unlocks. The reader ends by that; where there
// is none it is brought back for its last act, or, before Start, left out.
func (c *Conn) cutLocked() {
	c.shut, c.dead = true, true
	c.deaf.Store(true)
	c.dropLocked()
	was := c.state.Load()
	switch was {
	case parked:
		c.state.Store(running)
		c.srv.poller.forget(c)
	case created:
		c.state.Store(over)
	}
	c.mu.Unlock()
	_ = c.sock.Close()
	switch was {
	case parked:
		go c.read()
	case created:
		c.srv.remove(c)
		c.srv.release()
	}
}
