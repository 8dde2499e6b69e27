package call

import (
	"errors"
	"fmt"
	"time"
)

// Config holds what new calls are made with. A call keeps its own copy of
// what it needs, so a change never touches calls that are already live.
type Config struct {
	// RingTimeout: how long a call rings before it ends with no_answer (C6).
	RingTimeout time.Duration
	// OfflineRing: how long a call rings for a user with no device connected.
	// Zero refuses it at once with offline (C5).
	OfflineRing time.Duration
	// ResumeWindow: how long a vanished device may take to come back (C9).
	// Zero ends its call at once.
	ResumeWindow time.Duration
	// KeepSignals and KeepBytes bound the signals that one call keeps for
	// devices that can not take them yet (C11).
	KeepSignals int
	KeepBytes   int
	// CallWaiting rings a busy user instead of refusing (C4).
	CallWaiting bool
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{
		RingTimeout:  45 * time.Second,
		ResumeWindow: 20 * time.Second,
		KeepSignals:  256,
		KeepBytes:    256 << 10,
	}
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var errs []error
	if c.RingTimeout < time.Millisecond {
		errs = append(errs, fmt.Errorf("call: ring timeout %v must be positive", c.RingTimeout))
	}
	if c.OfflineRing < 0 {
		errs = append(errs, fmt.Errorf("call: offline ring %v must not be negative", c.OfflineRing))
	}
	if c.ResumeWindow < 0 {
		errs = append(errs, fmt.Errorf("call: resume window %v must not be negative", c.ResumeWindow))
	}
	if c.KeepSignals < 0 {
		errs = append(errs, fmt.Errorf("call: kept signals %d must not be negative", c.KeepSignals))
	}
	if c.KeepBytes < 0 {
		errs = append(errs, fmt.Errorf("call: kept bytes %d must not be negative", c.KeepBytes))
	}
	return errors.Join(errs...)
}
