package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A steward looks after the heap. A small heap is collected rarely, because a
// collection costs the same few milliseconds however little there is to find;
// a large one as often as Go does by itself, because memory is what many
// connections cost. And once a storm is over, what it left is given back to the
// system at once, not over minutes.
type steward struct {
	percent int // GOGC in force
	allocs  uint64
	owed    uint64 // allocated since memory was last given back
	quiet   int    // seconds
}

const (
	stewardEvery = time.Second
	roomyHeap    = 64 << 20 // below this, collections may wait until so much is garbage
	quietAllocs  = 4 << 20  // bytes a second that count as quiet
	quietFor     = 3        // seconds
	worthwhile   = 16 << 20 // bytes
)

// run works until ctx ends. With GOGC set in the environment the operator has
// decided, and it only gives memory back.
func (s *steward) run(ctx context.Context) {
	_, fixed := os.LookupEnv("GOGC")
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	tick := time.NewTicker(stewardEvery)
	defer tick.Stop()
	if !fixed {
		s.set(400)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(sample)
		live, allocs := sample[0].Value.Uint64(), sample[1].Value.Uint64()
		if !fixed {
			s.set(percentFor(live))
		}
		if s.calm(allocs) {
			debug.FreeOSMemory()
		}
	}
}

func (s *steward) set(percent int) {
	if percent != s.percent {
		s.percent = percent
		debug.SetGCPercent(percent)
	}
}

// percentFor chooses GOGC for a heap of so many live bytes: 400 for a small one,
// down to 100, in steps, so that it does not change all the time.
func percentFor(live uint64) int {
	switch {
	case live <= roomyHeap/4:
		return 400
	case live <= roomyHeap/2:
		return 200
	}
	return 100
}

// calm notes a second and reports whether the time has come to give memory
// back: much was allocated since the last time, and it has been quiet for a
// while.
func (s *steward) calm(allocs uint64) bool {
	delta := allocs - s.allocs
	s.allocs = allocs
	s.owed += delta
	if delta > quietAllocs {
		s.quiet = 0
		return false
	}
	s.quiet++
	if s.quiet < quietFor || s.owed < worthwhile {
		return false
	}
	s.owed = 0
	return true
}
