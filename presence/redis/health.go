package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// health knows whether Redis answers. Once a command has failed for a reason
// that is not its own, all further ones fail at once, until a probe succeeds.
type health struct {
	rdb     goredis.UniversalClient
	timeout time.Duration
	// onUp runs when Redis is back, on the prober's goroutine, before commands
	// pass again; an error keeps it down.
	onUp   func(ctx context.Context) error
	onDown func(err error)

	down  atomic.Bool
	trips atomic.Uint64 // times it went down

	mu     sync.Mutex
	why    string
	since  time.Time // of the present state
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newHealth(rdb goredis.UniversalClient, timeout time.Duration) *health {
	h := &health{rdb: rdb, timeout: timeout, since: time.Now()}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

func (h *health) close() {
	h.cancel()
	h.done.Wait()
}

// isDown reports whether commands fail at once.
func (h *health) isDown() bool { return h.down.Load() }

// state is "" or the reason, and since when it is so.
func (h *health) state() (why string, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why, h.since
}

// note looks at the error of a command and reports whether Redis is away by it.
func (h *health) note(err error) bool {
	if !isAway(err) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil || !h.down.CompareAndSwap(false, true) {
		return true
	}
	h.trips.Add(1)
	h.why, h.since = err.Error(), time.Now()
	h.done.Go(h.probe)
	return true
}

// probe waits until Redis answers.
func (h *health) probe() {
	if h.onDown != nil {
		why, _ := h.state()
		h.onDown(errors.New(why))
	}
	tick := time.NewTicker(min(100*time.Millisecond, h.timeout/2))
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		if h.try() == nil {
			return
		}
	}
}

func (h *health) try() error {
	ctx, cancel := context.WithTimeout(h.ctx, h.timeout)
	defer cancel()
	if err := h.answers(ctx); err != nil {
		return err
	}
	if h.onUp != nil {
		if err := h.onUp(ctx); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.why, h.since = "", time.Now()
	h.mu.Unlock()
	h.down.Store(false)
	return nil
}

// answers asks every master for a sign that it takes writes.
func (h *health) answers(ctx context.Context) error {
	if c, ok := h.rdb.(*goredis.ClusterClient); ok {
		c.ReloadState(ctx)
		return c.ForEachMaster(ctx, func(ctx context.Context, c *goredis.Client) error { return c.Ping(ctx).Err() })
	}
	return h.rdb.Ping(ctx).Err()
}

// isAway reports whether an error says that Redis can not be worked with now,
// and nothing about the command.
func isAway(err error) bool {
	if err == nil || errors.Is(err, goredis.Nil) {
		return false
	}
	var netErr net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, goredis.ErrClosed), errors.Is(err, goredis.ErrPoolTimeout), errors.As(err, &netErr):
		return true
	}
	s := err.Error()
	for _, p := range [...]string{"LOADING", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "TRYAGAIN", "BUSY ", "NOAUTH", "WRONGPASS", "NOPERM"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return strings.Contains(s, "sentinel") || strings.Contains(s, "connection pool")
}
