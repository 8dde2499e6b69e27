package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// Names of the transports, as they stand in the query parameter "transport".
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// ErrConfig is wrapped by every error of [Config.Validate].
var ErrConfig = errors.New("engine: invalid configuration")

// Config says how a [Server] behaves. The zero value of a field means its
// default; [Config.Defaults] fills them in.
type Config struct {
	// PingInterval is how long after the last pong the server sends the next
	// ping (25 s), PingTimeout how long it waits for the pong (20 s). Both
	// are told to the client, in milliseconds.
	PingInterval time.Duration
	PingTimeout  time.Duration

	// UpgradeTimeout is how long a probing WebSocket may take to complete the
	// upgrade (10 s).
	UpgradeTimeout time.Duration

	// CloseTimeout is how long a session that is being closed waits for a
	// poll that takes what is still queued (30 s).
	CloseTimeout time.Duration

	// MaxPayload is the largest body of a POST and the largest WebSocket
	// message in bytes (1,000,000). It is told to the client.
	MaxPayload int64

	// Transports lists what is offered: Polling, WebSocket (default: both).
	Transports []string

	// NoUpgrades withholds the upgrade from polling to WebSocket.
	NoUpgrades bool

	// Path, if set, is the only path served ("/socket.io/"); everything else
	// is answered with 404. Empty: the router in front has decided.
	Path string

	// MaxQueue is how many bytes may wait for one client (1 MiB). A packet
	// that must arrive and finds more waiting ends the session as slow.
	MaxQueue int

	// DropAbove is the number of waiting bytes above which droppable packets
	// are dropped (64 KiB).
	DropAbove int

	// ParkAfter: see wsconn.Config.ParkAfter.
	ParkAfter time.Duration

	// WriteTimeout ends a session whose client takes nothing for so long (20 s).
	WriteTimeout time.Duration

	// Origin decides about requests that carry an Origin header, the preflight
	// of CORS among them. An origin that is allowed gets the CORS headers
	// (with credentials) on every answer, errors included; one that is not is
	// refused with 403 and error code 4. Nil allows the host's own origin only.
	Origin func(*http.Request) bool

	// AllowRequest is asked about every handshake. A status other than 0
	// refuses it: the answer has that HTTP status and the body
	// {"code":4,"message":message}.
	AllowRequest func(*http.Request) (status int, message string)

	// MaxHandshakes bounds the sessions that are not yet confirmed (see
	// [Socket.Confirm]); for a further one the oldest is aborted (10,000,
	// negative: no bound).
	MaxHandshakes int

	// LateConfirm leaves it to the Handler to confirm sessions. Else the first
	// message confirms.
	LateConfirm bool

	// Tag says what the ids of new sessions begin with, followed by a hyphen:
	// the name of this server among several, so that each can tell whose
	// session a request is for. It must not contain a hyphen.
	// Nil, or an empty tag: ids begin with nothing.
	Tag func() string

	// Unknown, if set, is asked about a request for a session that is not on
	// this server. True means that it has been answered.
	Unknown func(w http.ResponseWriter, r *http.Request, sid string) bool

	// Wheel carries all timeouts. If nil the server makes one of its own and
	// closes it in [Server.Close].
	Wheel *wheel.Wheel

	// Logger hears of refused requests and protocol errors at level debug.
	// Nil: nothing is logged.
	Logger *slog.Logger

	// Now is the clock (time.Now).
	Now func() time.Time
}

// Defaults returns c with every unset field at its default.
func (c Config) Defaults() Config {
	set(&c.PingInterval, 25*time.Second)
	set(&c.PingTimeout, 20*time.Second)
	set(&c.UpgradeTimeout, 10*time.Second)
	set(&c.CloseTimeout, 30*time.Second)
	set(&c.WriteTimeout, 20*time.Second)
	set(&c.MaxPayload, 1_000_000)
	set(&c.MaxQueue, 1<<20)
	set(&c.DropAbove, 64<<10)
	set(&c.MaxHandshakes, 10_000)
	if c.Transports == nil {
		c.Transports = []string{Polling, WebSocket}
	}
	if c.Origin == nil {
		c.Origin = SameOrigin
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Validate reports what is wrong with c; the error wraps [ErrConfig].
func (c Config) Validate() error {
	c = c.Defaults()
	for name, d := range map[string]time.Duration{
		"PingInterval": c.PingInterval, "PingTimeout": c.PingTimeout,
		"UpgradeTimeout": c.UpgradeTimeout, "CloseTimeout": c.CloseTimeout,
		"WriteTimeout": c.WriteTimeout,
	} {
		if d < time.Millisecond {
			return fmt.Errorf("%w: %s is %v, it must be at least 1ms", ErrConfig, name, d)
		}
	}
	switch {
	case c.MaxPayload < 1:
		return fmt.Errorf("%w: MaxPayload is %d", ErrConfig, c.MaxPayload)
	case c.MaxQueue < 1:
		return fmt.Errorf("%w: MaxQueue is %d", ErrConfig, c.MaxQueue)
	case c.DropAbove < 1 || c.DropAbove > c.MaxQueue:
		return fmt.Errorf("%w: DropAbove is %d, it must lie between 1 and MaxQueue", ErrConfig, c.DropAbove)
	case len(c.Transports) == 0:
		return fmt.Errorf("%w: no transport", ErrConfig)
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket {
			return fmt.Errorf("%w: unknown transport %q", ErrConfig, t)
		}
	}
	return nil
}

func (c *Config) has(transport string) bool { return slices.Contains(c.Transports, transport) }

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
