package jsonws

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// Subprotocol is what clients offer and get (RFC 6455 §1.9). A client that
// offers none is served all the same.
const Subprotocol = "tandem.v1"

// Config of a Server. Zero values take the defaults named.
type Config struct {
	// WS configures the sockets below. Subprotocols, CheckOrigin and Wheel are
	// filled in.
	WS wsconn.Config
	// PingInterval and PingTimeout: a client that is silent is pinged after
	// PingInterval (25 s) and counts as vanished PingTimeout (20 s) later.
	PingInterval, PingTimeout time.Duration
	// HandshakeTimeout is how long a client that has shown no credentials may
	// take to send its auth frame (10 s).
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds the sockets whose auth frame has not come (1024); for
	// a further one the oldest is closed as if its time were over.
	MaxHandshakes int
	// ResumeWindow is how long a vanished client may stay away (20 s).
	ResumeWindow time.Duration
	// ReplayBytes and ReplayEvents bound what one link keeps for a resume
	// (256 KiB, 1024). Clients that missed more start anew.
	ReplayBytes  int
	ReplayEvents int
	// Node is told to clients in hello.
	Node string
	// Key is what the nodes of a cluster share: resume tokens are sealed with
	// it, so that each of them knows whose they are. Default: a random one.
	Key []byte

	Verifier *auth.Verifier
	Origins  *auth.Origins
	Wheel    *wheel.Wheel
	Now      func() time.Time
	Logger   *slog.Logger
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	dur := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	dur(&c.PingInterval, 25*time.Second)
	dur(&c.PingTimeout, 20*time.Second)
	dur(&c.HandshakeTimeout, 10*time.Second)
	dur(&c.ResumeWindow, 20*time.Second)
	num(&c.MaxHandshakes, 1024)
	num(&c.ReplayBytes, 256<<10)
	num(&c.ReplayEvents, 1024)
	if c.WS.MaxMessage == 0 {
		c.WS.MaxMessage = 1 << 20 // told to clients in hello
	}
	if c.Key == nil {
		c.Key = signaling.NewSealKey()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Verifier == nil || c.Wheel == nil {
		return errors.New("jsonws: a verifier and a wheel are required")
	}
	if c.PingInterval < 0 || c.PingTimeout < 0 || c.HandshakeTimeout < 0 || c.ResumeWindow < 0 || c.MaxHandshakes < 0 {
		return errors.New("jsonws: a time or a bound can not be negative")
	}
	c.WS.Subprotocols = []string{Subprotocol}
	c.WS.CheckOrigin = func(*http.Request) bool { return true } // checked before the upgrade
	c.WS.Wheel = c.Wheel
	return nil
}
