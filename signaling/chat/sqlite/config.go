package sqlite

import (
	"errors"
	"fmt"
	"time"
)

// Config is where the file is and how it is used.
type Config struct {
	// Path of the file; its directory must exist.
	Path string
	// Readers is how many connections read at once.
	Readers int
	// Queue is how many changes may wait for the writer; further ones wait for
	// a place in it.
	Queue int
	// BusyTimeout is how long a change waits for another process that holds the
	// file before it fails.
	BusyTimeout time.Duration
	// MaxPages bounds the file, in pages of 4096 bytes; 0 is no bound.
	MaxPages int
}

// DefaultConfig returns the documented defaults for a file.
func DefaultConfig(path string) Config {
	return Config{Path: path, Readers: 4, Queue: 1024, BusyTimeout: 3 * time.Second}
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var errs []error
	if c.Path == "" {
		errs = append(errs, errors.New("chat/sqlite: the file has no name"))
	}
	if c.Readers < 1 || c.Readers > 64 {
		errs = append(errs, fmt.Errorf("chat/sqlite: readers, %d, must be between 1 and 64", c.Readers))
	}
	if c.Queue < 1 {
		errs = append(errs, fmt.Errorf("chat/sqlite: the queue, %d, must be positive", c.Queue))
	}
	if c.BusyTimeout < 0 {
		errs = append(errs, fmt.Errorf("chat/sqlite: busy timeout %v must not be negative", c.BusyTimeout))
	}
	if c.MaxPages < 0 {
		errs = append(errs, fmt.Errorf("chat/sqlite: the bound of %d pages must not be negative", c.MaxPages))
	}
	return errors.Join(errs...)
}
