package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// health knows whether Redis answers. Once a command has failed for a reason
// that is not its own, all further ones fail at once, until a probe succeeds.
type health struct {
	rdb     goredis.UniversalClient
	timeout time.Duration
	// greet adds to what every master is asked first, in the same round trip: nil:
	// nothing. The others may be nil. onDown runs when Redis has gone, before anybody
	// is told so, and must not block. These run on the prober's goroutine: onUp when
	// it answers again, before commands pass: an error keeps it down; after once they
	// do.
	greet  func(context.Context, goredis.Pipeliner)
	onDown func(why string)
	onUp   func(ctx context.Context) error
	after  func()

	down  atomic.Bool
	trips atomic.Uint64 // times it went down

	mu      sync.Mutex
	why     string
	nowhere []string          // keys that no master has taken a command for
	reasons map[string]uint64 // of all outages
	hold    time.Time         // no probe before
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

func newHealth(rdb goredis.UniversalClient, timeout time.Duration) *health {
	h := &health{rdb: rdb, timeout: timeout}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

func (h *health) close() {
	h.cancel()
	h.done.Wait()
}

// isDown reports whether commands fail at once.
func (h *health) isDown() bool { return h.down.Load() }

// outage is the number of the outage that is on, or 0.
func (h *health) outage() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down.Load() {
		return 0
	}
	return h.trips.Load()
}

// reason is why Redis counts as away, or "".
func (h *health) reason() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why
}

// note looks at the error of a command and reports whether Redis is away by it.
func (h *health) note(err error) bool {
	if !isAway(err) {
		return false
	}
	hold := time.Duration(0)
	var netErr net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		// What was sent may still be on its way. Writes carry a deadline of
		// twice the timeout (Store.deadline): nothing is asserted before most
		// of that has passed.
		hold = h.timeout
	}
	h.trip(err, hold)
	return true
}

// trip makes Redis count as away.
func (h *health) trip(why error, hold time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil || !h.down.CompareAndSwap(false, true) {
		return
	}
	h.trips.Add(1)
	if h.reasons == nil {
		h.reasons = map[string]uint64{}
	}
	h.reasons[outageReason(why)]++
	h.why, h.hold = why.Error(), time.Now().Add(hold)
	if h.onDown != nil {
		h.onDown(h.why)
	}
	h.done.Go(h.probe)
}

// probe waits until Redis answers.
func (h *health) probe() {
	tick := time.NewTicker(min(100*time.Millisecond, h.timeout/2))
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		if time.Now().Before(h.hold) { // set before this goroutine began
			continue
		}
		if h.try() == nil {
			if h.after != nil {
				h.after()
			}
			return
		}
	}
}

// probeTrips bounds how many answers a probe waits for: those of a connection that
// is made anew (TCP, TLS, a Sentinel that says where, HELLO) and its own.
const probeTrips = 12

// try asks whether Redis can be worked with. Each answer may take the timeout, as
// any other may (the client sees to that), not all of them together: a Redis that
// is far away would never be taken back.
func (h *health) try() error {
	ctx, cancel := context.WithTimeout(h.ctx, probeTrips*h.timeout)
	defer cancel()
	if err := h.answers(ctx); err != nil {
		return err
	}
	if err := h.served(ctx); err != nil {
		return err
	}
	if h.onUp != nil {
		if err := h.onUp(ctx); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.why = ""
	h.mu.Unlock()
	h.down.Store(false)
	return nil
}

// answers asks every master for a sign that it takes writes.
func (h *health) answers(ctx context.Context) error {
	ask := func(ctx context.Context, c *goredis.Client) error {
		p := c.Pipeline()
		p.Ping(ctx)
		if h.greet != nil {
			h.greet(ctx, p)
		}
		_, err := p.Exec(ctx)
		return err
	}
	switch c := h.rdb.(type) {
	case *goredis.ClusterClient: // it reads anew who the masters are
		return c.ForEachMaster(ctx, ask)
	case *goredis.Client:
		return ask(ctx, c)
	}
	return h.rdb.Ping(ctx).Err()
}

// maxNowhere is how many keys are remembered: one is enough to stay away.
const maxNowhere = 16

// missed notes the key of a command that one master after the other has sent on: its
// slot is nobody's, though all of them may find that every slot has a master.
func (h *health) missed(c goredis.Cmder) {
	key := keyOf(c)
	h.mu.Lock()
	defer h.mu.Unlock()
	if key != "" && len(h.nowhere) < maxNowhere && !slices.Contains(h.nowhere, key) {
		h.nowhere = append(h.nowhere, key)
	}
}

// served reports whether somebody takes commands for the keys that nobody did.
func (h *health) served(ctx context.Context) error {
	h.mu.Lock()
	list := slices.Clone(h.nowhere)
	h.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	p := h.rdb.Pipeline()
	for _, key := range list {
		p.Exists(ctx, key)
	}
	if _, err := p.Exec(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	h.nowhere = nil
	h.mu.Unlock()
	return nil
}

// isNowhere reports whether a command was sent on by one master after the other.
func isNowhere(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "MOVED ") || strings.HasPrefix(err.Error(), "ASK "))
}

// isAway reports whether an error says that Redis can not be worked with now,
// and nothing about the command.
func isAway(err error) bool {
	if err == nil {
		return false
	}
	var reply goredis.Error
	switch {
	case errors.Is(err, goredis.Nil):
		return false
	case errors.Is(err, presence.ErrUnavailable): // said by the pipe: known
		return false
	case !errors.As(err, &reply): // of the connection, whatever it is
		return true
	}
	s := reply.Error()
	for _, p := range [...]string{
		"LOADING", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "TRYAGAIN", "BUSY ",
		"NOAUTH", "WRONGPASS", "NOPERM", "ERR max number of clients", "STALE", "MOVED ", "ASK ",
	} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
