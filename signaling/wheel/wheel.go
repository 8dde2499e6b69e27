// Package wheel is one timing wheel for a whole process: ten thousand
// connections that each have a deadline cost list entries, not runtime timers.
//
// A Timer is embedded in what it watches over and costs 48 bytes; scheduling,
// rescheduling and stopping are constant-time list operations under one lock.
// A Wheel has one goroutine. It sleeps without any wake-up while nothing is
// scheduled, and otherwise until the next tick that has something to do.
package wheel

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"
)

// Expirer is what happens when a timer runs out. Expire is called on the
// wheel's goroutine, one at a time and without any lock of the wheel, and must
// not block: all other timers wait for it. It may schedule and stop timers, its
// own too.
type Expirer interface{ Expire() }

// Func makes a function an Expirer.
type Func func()

// Expire calls f.
func (f Func) Expire() { f() }

// Timer is one entry of a wheel. The zero value is ready; it must not be copied
// and belongs to one wheel at a time. Its fields are guarded by the wheel.
type Timer struct {
	next, prev *Timer
	e          Expirer
	due        int64 // tick it expires at, counted from the start of the wheel
}

// Config says how fine a wheel is.
type Config struct {
	Tick  time.Duration // resolution: a timer fires up to one tick late, never early; default 50 ms
	Slots int           // ticks of one turn, rounded up to a power of two; longer delays take more turns; default 1024
}

// ErrConfig is the cause of every error of Validate.
var ErrConfig = errors.New("wheel: invalid configuration")

// Validate reports what is wrong with a configuration; zero fields mean the
// defaults.
func (c Config) Validate() error {
	if c.Tick < 0 {
		return fmt.Errorf("%w: tick %v", ErrConfig, c.Tick)
	}
	if c.Slots < 0 || c.Slots > 1<<20 {
		return fmt.Errorf("%w: %d slots", ErrConfig, c.Slots)
	}
	return nil
}

// Wheel holds timers. Its methods may be called from any goroutine.
type Wheel struct {
	tick  time.Duration
	mask  int64
	start time.Time
	quit  chan struct{}
	ended chan struct{}
	alarm *time.Timer

	mu     sync.Mutex
	slots  []Timer  // circular lists, the element itself being the head
	filled []uint64 // one bit per slot that is not empty
	ready  Timer    // head of those that are due but were not called yet
	count  int      // timers in slots and ready
	done   int64    // last tick whose slot was emptied
	armed  int64    // tick the alarm is set for; 0: none
	closed bool
}

// New starts a wheel; Close ends it. It panics if cfg is not valid.
func New(cfg Config) *Wheel {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.Tick == 0 {
		cfg.Tick = 50 * time.Millisecond
	}
	if cfg.Slots == 0 {
		cfg.Slots = 1024
	}
	n := max(64, 1<<bits.Len(uint(cfg.Slots-1)))
	w := &Wheel{
		tick:   cfg.Tick,
		mask:   int64(n - 1),
		start:  time.Now(),
		quit:   make(chan struct{}),
		ended:  make(chan struct{}),
		alarm:  time.NewTimer(time.Hour),
		slots:  make([]Timer, n),
		filled: make([]uint64, n/64),
	}
	w.alarm.Stop()
	for i := range w.slots {
		w.slots[i].init()
	}
	w.ready.init()
	go w.run()
	return w
}

// Schedule makes e expire once, after that long (at once, on the wheel's
// goroutine, if it is not positive). A timer that is already scheduled is moved.
// On a closed wheel nothing happens.
func (w *Wheel) Schedule(t *Timer, after time.Duration, e Expirer) {
	elapsed := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.removeLocked(t)
	t.e = e
	t.due = max(int64((elapsed+max(after, 0)+w.tick-1)/w.tick), w.done+1)
	i := t.due & w.mask
	w.slots[i].push(t)
	w.filled[i>>6] |= 1 << (i & 63)
	w.count++
	if w.armed == 0 || t.due < w.armed {
		w.armLocked(t.due, elapsed)
	}
}

// Stop takes a timer out and reports whether it was scheduled. After Stop its
// Expirer does not start; if it was started before, it may still be running.
func (w *Wheel) Stop(t *Timer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.removeLocked(t) {
		return false
	}
	t.e = nil
	if w.count == 0 && w.armed != 0 {
		w.alarm.Stop()
		w.armed = 0
	}
	return true
}

// Close ends the wheel and waits for its goroutine: no Expirer runs afterwards.
// It must not be called from an Expirer.
func (w *Wheel) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.quit)
	}
	w.mu.Unlock()
	<-w.ended
	w.alarm.Stop()
}
