package wsconn

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// Config is what all connections of a Server have in common. Zero fields mean
// the defaults.
type Config struct {
	MaxMessage   int64         // bytes of one message, after decompression; over it the peer gets close 1009; default 1 MiB
	WriteTimeout time.Duration // a backlog that makes no progress for so long: ErrSlow; default 10 s
	CloseTimeout time.Duration // how long Close waits for the peer's close frame; default 1 s
	MaxQueue     int           // bytes that may wait unsent; a frame that must arrive over it ends the connection with ErrSlow; default 1 MiB
	DropAbove    int           // droppable frames are refused while more than so many bytes wait; default 64 KiB
	ParkAfter    time.Duration // without a frame for so long the reader gives back its goroutine, after an eighth of it the first time; default 2 s; < 0: never
	ReadBuffer   int           // bytes read at once, from a pool; default 8192, at least 1024
	Compression  bool          // offer permessage-deflate (no context takeover)
	Subprotocols []string      // in the server's order of preference

	// CheckOrigin decides on the Origin of an upgrade; nil allows all: the
	// caller has checked.
	CheckOrigin func(*http.Request) bool
	Wheel       *wheel.Wheel // shared; nil: the Server has one of its own
	Logger      *slog.Logger // nil: slog.Default()
}

// ErrConfig is the cause of every error of Validate.
var ErrConfig = errors.New("wsconn: invalid configuration")

// Validate reports what is wrong with a configuration; zero fields mean the
// defaults.
func (c Config) Validate() error {
	switch {
	case c.MaxMessage < 0:
		return fmt.Errorf("%w: MaxMessage %d", ErrConfig, c.MaxMessage)
	case c.WriteTimeout < 0:
		return fmt.Errorf("%w: WriteTimeout %v", ErrConfig, c.WriteTimeout)
	case c.CloseTimeout < 0:
		return fmt.Errorf("%w: CloseTimeout %v", ErrConfig, c.CloseTimeout)
	case c.MaxQueue < 0:
		return fmt.Errorf("%w: MaxQueue %d", ErrConfig, c.MaxQueue)
	case c.DropAbove < 0:
		return fmt.Errorf("%w: DropAbove %d", ErrConfig, c.DropAbove)
	case c.ReadBuffer != 0 && c.ReadBuffer < 1024:
		return fmt.Errorf("%w: ReadBuffer %d, at least 1024", ErrConfig, c.ReadBuffer)
	}
	return nil
}

func (c Config) withDefaults() Config {
	set(&c.MaxMessage, 1<<20)
	set(&c.WriteTimeout, 10*time.Second)
	set(&c.CloseTimeout, time.Second)
	set(&c.MaxQueue, 1<<20)
	set(&c.DropAbove, 64<<10)
	set(&c.ParkAfter, 2*time.Second)
	set(&c.ReadBuffer, 8192)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func set[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
