package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// Lane says what becomes of a packet when the client does not keep up or is
// away.
type Lane = engine.Lane

// The two lanes. With recovery on, packets in the MustArrive lane are kept for
// a client that is away, droppable ones ("volatile" in Node) are not.
const (
	MustArrive = engine.MustArrive
	Droppable  = engine.Droppable
)

// ErrConfig is wrapped by every error of [Config.Validate] that is not about
// the Engine.IO layer.
var ErrConfig = errors.New("socketio: invalid configuration")

// Config says how a [Server] behaves. The zero value of a field means its
// default.
type Config struct {
	// Engine configures the transports below.
	Engine engine.Config

	// ConnectTimeout is how long a new transport may take to connect to its
	// first namespace (45 s); then it is closed.
	ConnectTimeout time.Duration

	// MaxAttachments bounds the binary attachments of one packet (10), and
	// MaxAttachmentBytes their sum (MaxAttachments times MaxPayload).
	MaxAttachments     int
	MaxAttachmentBytes int64

	// Recovery is connection state recovery, off unless its Window is set.
	Recovery Recovery

	// Logger hears of refused connections and protocol errors at level debug,
	// of panics in handlers at level error. Nil: nothing is logged.
	Logger *slog.Logger
}

// Recovery configures connection state recovery: a client whose transport
// vanished comes back with the pid it was given and the offset of the last
// packet it saw, is the same [Socket] again, and gets what it missed.
type Recovery struct {
	// Window is how long a client may stay away. 0 turns recovery off: no pid
	// and no offsets are sent.
	Window time.Duration

	// MaxBytes and MaxPackets bound what is kept for one socket (256 KiB,
	// 1024): packets of the MustArrive lane that no heartbeat has confirmed
	// yet. A client that missed more than that is not recovered.
	MaxBytes   int
	MaxPackets int

	// CleanClose says whether the WebSocket close codes 1000 and 1001 end the
	// session for good. Nil: they do not, as in Node.
	CleanClose func(s *Socket, code int) bool

	// Allow is asked before a session is handed over: old is the session that
	// the pid names, fresh one that carries the new handshake and has passed
	// all middlewares. False: fresh connects as a new session and old is left
	// alone. Nil: every pid is believed.
	Allow func(old, fresh *Socket) bool

	// Fetch is asked about a client whose pid names no socket of this server:
	// it may get it from another one, where [Socket.Export] gives it away. The
	// client is then that socket: same id, pid, rooms and numbers of packets,
	// and it gets what it missed. To this server it is a new [Socket], so that
	// OnConnection is called, with [Socket.Recovered] true. nil: fresh connects
	// as a new session.
	//
	// fresh carries the new handshake and has passed all middlewares; decide by
	// it whether the client may have what it asks for. The arguments are the
	// client's own: its pid, and the offset of the last packet that it saw, if
	// given. Only this client waits meanwhile. ctx ends when the server is
	// closed.
	Fetch func(ctx context.Context, fresh *Socket, pid, offset string, given bool) *State

	// Seal is what the pid that a client is given ends in, behind a dot: it
	// comes back with the pid, to whatever server the client comes. It must
	// always be the same for a socket, of letters that need no escape in JSON,
	// and must not be secret to the client; it is not needed to recover.
	Seal func(s *Socket) string
}

// Defaults returns c with every unset field at its default.
func (c Config) Defaults() Config {
	c.Engine = c.Engine.Defaults()
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 45 * time.Second
	}
	if c.MaxAttachments == 0 {
		c.MaxAttachments = 10
	}
	if c.MaxAttachmentBytes == 0 {
		c.MaxAttachmentBytes = int64(c.MaxAttachments) * c.Engine.MaxPayload
	}
	if c.Recovery.MaxBytes == 0 {
		c.Recovery.MaxBytes = 256 << 10
	}
	if c.Recovery.MaxPackets == 0 {
		c.Recovery.MaxPackets = 1024
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports what is wrong with c.
func (c Config) Validate() error {
	c = c.Defaults()
	switch {
	case c.ConnectTimeout < time.Millisecond:
		return fmt.Errorf("%w: ConnectTimeout is %v", ErrConfig, c.ConnectTimeout)
	case c.MaxAttachments < 0:
		return fmt.Errorf("%w: MaxAttachments is %d", ErrConfig, c.MaxAttachments)
	case c.MaxAttachmentBytes < 0:
		return fmt.Errorf("%w: MaxAttachmentBytes is %d", ErrConfig, c.MaxAttachmentBytes)
	case c.Recovery.Window < 0:
		return fmt.Errorf("%w: Recovery.Window is %v", ErrConfig, c.Recovery.Window)
	case c.Recovery.MaxBytes < 0 || c.Recovery.MaxPackets < 0:
		return fmt.Errorf("%w: Recovery.MaxBytes and MaxPackets must not be negative", ErrConfig)
	}
	return c.Engine.Validate()
}
