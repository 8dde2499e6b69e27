package signaling

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxNews bounds what waits for one notifier, newsBatch what it is given at
	// once.
	maxNews   = 10_000
	newsBatch = 256
	// newsTime is how long a notifier may take, newsRetry how long it is left
	// alone after it has failed, and lastNews how long a node that closes waits.
	newsTime  = 10 * time.Second
	newsRetry = 500 * time.Millisecond
	lastNews  = 3 * time.Second
)

// newsQueue is what waits for one notifier. A goroutine gives it away while there
// is something.
type newsQueue struct {
	sw *Switchboard
	to Notifier

	idler Idler // nil: it never is

	mu      sync.Mutex
	waiting []newsItem
	busy    bool // the goroutine is there
	full    bool // and it was said
	closed  bool
}

type newsItem struct {
	news  News
	taken func() // nil: nobody waits for that
}

// newBoth returns a function whose second call calls f.
func newBoth(f func()) func() {
	var left atomic.Int32
	left.Store(2)
	return func() {
		if left.Add(-1) == 0 {
			f()
		}
	}
}

// nobodyListens: there is no need to make news.
func (sw *Switchboard) nobodyListens() bool {
	for _, q := range sw.news {
		if q.idler == nil || !q.idler.Idle() {
			return false
		}
	}
	return true
}

// tellNews queues news for every notifier and waits for none. taken, if not nil,
// is called when all of them have all of it; never, if something was dropped.
func (sw *Switchboard) tellNews(list []News, taken func()) {
	last := taken
	if taken != nil && len(sw.news) > 1 {
		var left atomic.Int32
		left.Store(int32(len(sw.news)))
		last = func() {
			if left.Add(-1) == 0 {
				taken()
			}
		}
	}
	for _, q := range sw.news {
		q.put(list, last)
	}
}

// put queues news; taken goes with the last of them.
func (q *newsQueue) put(list []News, taken func()) {
	q.mu.Lock()
	if q.closed || len(q.waiting)+len(list) > maxNews {
		first := !q.full && !q.closed
		q.full = true
		q.mu.Unlock()
		q.sw.metrics.newsDropped.WithLabelValues(q.to.Name()).Add(float64(len(list)))
		if first {
			q.sw.log.Error("too much news waits: what comes now is dropped", "for", q.to.Name(), "waiting", maxNews)
		}
		return
	}
	for i := range list {
		it := newsItem{news: list[i]}
		if i == len(list)-1 {
			it.taken = taken
		}
		q.waiting = append(q.waiting, it)
	}
	start := !q.busy
	q.busy = true
	q.mu.Unlock()
	if start {
		q.sw.soon(q.run)
	}
}

// run gives away what waits, until nothing does or the node stops.
func (q *newsQueue) run() {
	for {
		some, err := q.give(q.sw.newsCtx, newsTime)
		switch {
		case err != nil && q.sw.newsCtx.Err() != nil:
			return // Close tries once more
		case err != nil:
			select {
			case <-q.sw.newsCtx.Done():
				return
			case <-time.After(newsRetry):
			}
		case !some:
			return
		}
	}
}

// give gives away one batch. Without one the goroutine has nothing more to do.
func (q *newsQueue) give(ctx context.Context, within time.Duration) (some bool, err error) {
	q.mu.Lock()
	n := min(len(q.waiting), newsBatch)
	if n == 0 {
		q.busy, q.full, q.waiting = false, false, nil
		q.mu.Unlock()
		return false, nil
	}
	part := slices.Clone(q.waiting[:n])
	q.mu.Unlock()
	list := make([]News, n)
	for i := range part {
		list[i] = part[i].news
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := q.to.Notify(ctx, list); err != nil {
		if ctx.Err() == nil {
			q.sw.log.Warn("news could not be handed over; it is tried again", "to", q.to.Name(), "n", n, "error", err)
		}
		return true, err
	}
	q.mu.Lock()
	q.waiting = q.waiting[n:]
	q.mu.Unlock()
	for i := range part {
		if part[i].taken != nil {
			part[i].taken()
		}
	}
	return true, nil
}

// close gives away what is left. Its goroutine has ended.
func (q *newsQueue) close() {
	ctx, cancel := context.WithTimeout(context.Background(), lastNews)
	defer cancel()
	for {
		if some, err := q.give(ctx, lastNews); err != nil || !some {
			break
		}
	}
	q.mu.Lock()
	left := len(q.waiting)
	q.closed, q.waiting = true, nil
	q.mu.Unlock()
	if left > 0 {
		q.sw.metrics.newsDropped.WithLabelValues(q.to.Name()).Add(float64(left))
		q.sw.log.Error("news is lost", "for", q.to.Name(), "n", left)
	}
}
