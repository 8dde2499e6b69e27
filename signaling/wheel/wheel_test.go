package wheel

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTimerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Timer{}); n > 48 {
		t.Errorf("a Timer has %d bytes", n)
	}
}

func TestConfig_Validate(t *testing.T) {
	for _, c := range []Config{{Tick: -1}, {Slots: -1}, {Slots: 1 << 21}} {
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestFiresInTime_Model runs random programs against the wheel and against a
// naive model: a map of deadlines.
func TestFiresInTime_Model(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			cfg := Config{
				Tick:  time.Duration(rapid.IntRange(1, 100).Draw(r, "tick ms")) * time.Millisecond,
				Slots: rapid.SampledFrom([]int{1, 64, 128, 1024}).Draw(r, "slots"),
			}
			w := New(cfg)
			defer w.Close()
			const n = 20
			var timers [n]Timer
			var mu sync.Mutex
			due := map[int]time.Time{} // the model
			// The longest delay is hours: many turns.
			delay := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.Int64Range(0, 10_000), rapid.Int64Range(0, 5*3600*1000))
			for range rapid.IntRange(1, 60).Draw(r, "steps") {
				i := rapid.IntRange(0, n-1).Draw(r, "timer")
				switch rapid.IntRange(0, 4).Draw(r, "op") {
				case 0, 1:
					synctest.Wait() // what is due has fired, and is not told from what comes now
					after := time.Duration(delay.Draw(r, "after")) * time.Millisecond
					mu.Lock()
					due[i] = time.Now().Add(max(after, 0))
					mu.Unlock()
					w.Schedule(&timers[i], after, Func(func() {
						mu.Lock()
						defer mu.Unlock()
						at, ok := due[i]
						now := time.Now()
						if !ok || now.Before(at) || now.After(at.Add(cfg.Tick)) {
							r.Errorf("timer %d fired at %v, due %v (%v), tick %v", i, now, at, ok, cfg.Tick)
						}
						delete(due, i)
					}))
				case 2:
					synctest.Wait() // what is due has fired
					mu.Lock()
					_, want := due[i]
					delete(due, i)
					mu.Unlock()
					if got := w.Stop(&timers[i]); got != want {
						r.Errorf("Stop(%d) = %v, want %v", i, got, want)
					}
				default:
					time.Sleep(time.Duration(delay.Draw(r, "sleep")) * time.Millisecond)
				}
			}
			time.Sleep(5*time.Hour + time.Minute)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(due) != 0 {
				r.Errorf("never fired: %v", due)
			}
		})
	})
}

func TestReschedule_FromExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Tick: 10 * time.Millisecond, Slots: 64})
		defer w.Close()
		var timer Timer
		start := time.Now()
		var fired atomic.Int64
		var again Func
		again = func() {
			if fired.Add(1) < 100 {
				w.Schedule(&timer, time.Second, again)
			}
		}
		w.Schedule(&timer, time.Second, again)
		time.Sleep(99 * time.Second)
		synctest.Wait()
		if n := fired.Load(); n < 97 || n > 99 {
			t.Errorf("%d times in %v", n, time.Since(start))
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := fired.Load(); n != 100 {
			t.Errorf("%d times in the end", n)
		}
	})
}

// TestStop_OfOneDueAtTheSameTick: what an Expirer stops does not start any more,
// though both were due.
func TestStop_OfOneDueAtTheSameTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Tick: 10 * time.Millisecond})
		defer w.Close()
		var a, b Timer
		w.Schedule(&a, 5*time.Millisecond, Func(func() {
			if !w.Stop(&b) {
				t.Error("b was not scheduled")
			}
		}))
		w.Schedule(&b, 5*time.Millisecond, Func(func() { t.Error("b started after it was stopped") }))
		time.Sleep(time.Second)
	})
}

// TestSleepsWhileEmpty: with nothing scheduled the alarm is off, so that the
// goroutine is not woken; in a bubble an armed alarm would end this Sleep early.
func TestSleepsWhileEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{})
		defer w.Close()
		var timer Timer
		for range 3 {
			w.Schedule(&timer, time.Minute, Func(func() { t.Error("stopped timer fired") }))
			w.Stop(&timer)
			w.mu.Lock()
			if w.armed != 0 || w.alarm.Stop() {
				t.Error("the alarm is set for nothing")
			}
			w.mu.Unlock()
		}
		time.Sleep(24 * time.Hour)
		fired := time.Time{}
		w.Schedule(&timer, time.Minute, Func(func() { fired = time.Now() }))
		want := time.Now().Add(time.Minute)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if fired.Before(want) || fired.After(want.Add(50*time.Millisecond)) {
			t.Errorf("after a day of sleep: fired %v, want %v", fired, want)
		}
	})
}

func TestClose_NothingFiresAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{})
		var a, b Timer
		w.Schedule(&a, time.Second, Func(func() { t.Error("fired after Close") }))
		w.Close()
		w.Close()
		w.Schedule(&b, time.Second, Func(func() { t.Error("fired after Close") }))
		if w.Stop(&b) {
			t.Error("scheduled on a closed wheel")
		}
		time.Sleep(time.Minute)
	})
}

// TestConcurrentUse is for the race detector: and no timer is lost or fires twice.
func TestConcurrentUse(t *testing.T) {
	w := New(Config{Tick: time.Millisecond, Slots: 64})
	defer w.Close()
	var scheduled, stopped, fired atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(g)))
			timers := make([]Timer, 50)
			for range 5000 {
				i := rnd.IntN(len(timers))
				if w.Stop(&timers[i]) {
					stopped.Add(1)
				}
				scheduled.Add(1)
				w.Schedule(&timers[i], time.Duration(rnd.IntN(100))*time.Millisecond, Func(func() { fired.Add(1) }))
			}
		})
	}
	wg.Wait()
	for end := time.Now().Add(10 * time.Second); scheduled.Load() != stopped.Load()+fired.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d scheduled, %d stopped, %d fired", scheduled.Load(), stopped.Load(), fired.Load())
		}
	}
}

func BenchmarkReschedule(b *testing.B) {
	w := New(Config{})
	defer w.Close()
	timers := make([]Timer, 10_000)
	e := Func(func() {})
	i := 0
	for b.Loop() {
		w.Schedule(&timers[i%len(timers)], 25*time.Second, e)
		i++
	}
}
