package signaling

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
)

// What is told of messages to devices on other nodes while those, or what names
// them, can not be reached. It is told when they can: a client that stays
// connected would not ask for what it missed (M3).

const (
	// maxRetold and maxRetoldBytes bound the events that wait, together. What is
	// beyond is found by who asks.
	maxRetold      = 10_000
	maxRetoldBytes = 16 << 20
)

// retold counts the events that wait.
type retold struct {
	last  atomic.Uint64
	n     atomic.Int64
	bytes atomic.Int64

	mu sync.Mutex
	of map[string]int // by whose they are
}

// waits reports whether events of a user do.
func (r *retold) waits(user string) bool {
	if r.n.Load() == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[user] > 0
}

func (r *retold) count(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]int{}
	}
	r.of[user]++
}

func (r *retold) done(user string, bytes int64) {
	r.n.Add(-1)
	r.bytes.Add(-bytes)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[user]--; r.of[user] <= 0 {
		delete(r.of, user)
	}
}

// castMust sends an event to the other nodes of a user, now or later: behind those
// that wait already.
func (sw *Switchboard) castMust(ctx context.Context, e *eventEnvelope) {
	if sw.retold.waits(e.user) {
		sw.retell(e, len(e.args), func(ctx context.Context) error { return sw.tryCast(ctx, e) })
		return
	}
	if err := sw.tryCast(ctx, e); err != nil {
		sw.retell(e, len(e.args), func(ctx context.Context) error { return sw.tryCast(ctx, e) })
	}
}

// tryCast fails if it is not known where the user is.
func (sw *Switchboard) tryCast(ctx context.Context, e *eventEnvelope) error {
	to, came, err := sw.addressees(ctx, e)
	if err != nil {
		return err
	}
	if len(came) > 0 && e.event != blockNews { // which this node knows
		sw.tellWhoCame(e, came)
	}
	for _, a := range to {
		sw.sendMust(e, a.node, e.encodeFor(a.device))
	}
	return nil
}

// tellWhoCame gives an event to sessions that were another node's a moment ago.
func (sw *Switchboard) tellWhoCame(e *eventEnvelope, came []*Session) {
	t := sw.newTurn()
	defer t.end()
	for _, s := range came {
		if audience(e.flags & (flagExtended | flagBase)).includes(s.extended) {
			s.send(t, eventOf(e.event, e.args))
		}
	}
}

func (sw *Switchboard) sendMust(e *eventEnvelope, to presence.Peer, payload []byte) {
	if err := sw.store.Send(to, kindEvent, presence.Must, payload, nil); unavailable(err) {
		sw.retell(e, len(payload), func(context.Context) error { return sw.store.Send(to, kindEvent, presence.Must, payload, nil) })
	} else if err != nil {
		sw.log.Debug("an event did not reach a node", "user", e.user, "event", e.event, "node", to.Name, "error", err)
	}
}

// retell does again what could not be done, in order, when the store is there.
func (sw *Switchboard) retell(e *eventEnvelope, bytes int, again func(context.Context) error) {
	r, size := &sw.retold, int64(bytes)
	n, all := r.n.Add(1), r.bytes.Add(size)
	if n > maxRetold || all > maxRetoldBytes {
		r.n.Add(-1)
		r.bytes.Add(-size)
		sw.metrics.dropped.Inc()
		sw.log.Debug("too many events wait for other nodes: one is dropped", "user", e.user, "event", e.event)
		return
	}
	r.count(e.user)
	owed := sw.owe("event/"+strconv.FormatUint(r.last.Add(1), 10), func(ctx context.Context, _ *turn) error {
		err := again(ctx)
		if !unavailable(err) {
			r.done(e.user, size)
		}
		return err
	})
	if !owed {
		r.done(e.user, size)
		sw.metrics.dropped.Inc()
	}
}
