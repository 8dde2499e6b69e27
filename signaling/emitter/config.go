package emitter

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// DefaultKey is what channels begin with unless the emitter is told otherwise.
const DefaultKey = "socket.io"

// Config of a Listener. Zero values take the defaults named.
type Config struct {
	// Key is the emitter's option of that name ("socket.io").
	Key string
	// MaxMessage is the largest message that is looked at, in bytes (1,000,000).
	MaxMessage int
	// Idle is how long the subscription may be silent before Redis is asked
	// whether it is there (5 s), Timeout how long the answer may take (1 s).
	Idle, Timeout time.Duration

	Logger *slog.Logger
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	if c.Key == "" {
		c.Key = DefaultKey
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1_000_000
	}
	if c.Idle == 0 {
		c.Idle = 5 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxMessage < 0 || c.Idle < 0 || c.Timeout < 0 {
		return errors.New("emitter: a bound can not be negative")
	}
	return CheckKey(c.Key)
}

// CheckKey says what is wrong with a key.
func CheckKey(key string) error {
	if key == "" || len(key) > 128 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("emitter: %q can not be the start of a channel's name", key)
	}
	return nil
}

// events is what the channels of events in the main namespace begin with: the
// whole name, or followed by one room and a #.
func (c *Config) events() string { return c.Key + "#/#" }

// requests is the channel of what is asked of servers.
func (c *Config) requests() string { return c.Key + "-request#/#" }

// pattern is the glob that matches all channels of events.
func (c *Config) pattern() string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(c.events()) + "*"
}
