package redis

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// clock is the cluster's time: Redis' own, as last read, carried on by this
// machine's monotonic clock (P1, C6).
type clock struct {
	last  atomic.Pointer[reading]
	local func() time.Time // this machine's own; nil: time.Now
}

// here is what this machine's own clock shows. Nothing but differences of it
// counts.
func (c *clock) here() time.Time {
	if c.local != nil {
		return c.local()
	}
	return time.Now()
}

// reading says what Redis' clock showed at a moment of this machine.
type reading struct{ here, redis time.Time }

// set notes what Redis' clock said between two moments of this machine. The
// answer may have waited for others: a reading that is less exact than it
// differs from what is known changes nothing.
func (c *clock) set(sent, got, redis time.Time) {
	trip := got.Sub(sent)
	here := sent.Add(trip / 2)
	if r := c.last.Load(); r != nil && trip > time.Millisecond {
		if off := redis.Sub(r.at(here)).Abs(); off < trip/2 {
			return
		}
	}
	c.last.Store(&reading{here, redis})
}

func (r *reading) at(t time.Time) time.Time { return r.redis.Add(t.Sub(r.here)) }

func (c *clock) now() time.Time {
	if r := c.last.Load(); r != nil {
		return r.at(c.here())
	}
	return c.here()
}

// Now is the cluster's clock.
func (s *Store) Now() time.Time { return s.clock.now() }

// readClock asks Redis for the time, past the pipe: before anything else.
func (s *Store) readClock(ctx context.Context) error {
	sent := s.clock.here()
	t, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return err
	}
	s.clock.last.Store(nil)
	s.clock.set(sent, s.clock.here(), t)
	return nil
}

// deadline is until when a write that is sent now may be done, in µs of Redis'
// clock: what a stalled connection delivers later must not undo what has been
// done since.
func (s *Store) deadline() string {
	return strconv.FormatInt(s.Now().Add(2*s.cfg.Timeout).UnixMicro(), 10)
}
