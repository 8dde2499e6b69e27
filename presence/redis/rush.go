package redis

import (
	"runtime"
	"sync"
	"time"
)

// A rush is when so much is to be sent that it pays to let all others go first
// who are ready to run: what they have to send goes along, in one write. When
// there is little to send that would only make it late.
type rush struct {
	on    bool
	n     int
	since time.Time
}

const (
	// rushEvery: more often than that something is sent in a rush.
	rushEvery = 400 * time.Microsecond
	// rushWindow is for how long that is counted.
	rushWindow = 2 * time.Millisecond
)

// add counts what is sent.
func (r *rush) add(n int, now time.Time) {
	r.n += n
	d := now.Sub(r.since)
	if d < rushWindow {
		return
	}
	r.on = time.Duration(r.n)*rushEvery > d
	r.n, r.since = 0, now
}

// wait lets others go first in a rush. mu is held, but not meanwhile.
func (r *rush) wait(mu *sync.Mutex) {
	if r.on {
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
	}
}
