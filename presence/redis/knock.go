package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A node knocks at its own inbox with every renewal of the lease: what it writes
// there has to come back to its reader. If it does not, though Redis is there, what
// other nodes send does not arrive either, and nobody would notice: the stream was
// lost and made again by a server whose clock is behind, so that its entries have ids
// which the reader has passed; the reader asks a server that is not the master any
// more; something else stands in the inbox's place.
type knocks struct {
	lease time.Duration
	log   *slog.Logger

	unheard atomic.Int32 // since the reader has had something
	deaf    atomic.Bool
	rereads atomic.Uint64

	mu    sync.Mutex
	since time.Time // of the first of these
	trips uint64    // health.trips then
}

const (
	// rereadAfter and deafAfter are how many knocks the reader has not heard when it
	// begins anew, and when the node says that it is not ready. Half a lease and a
	// whole one have to be over, too.
	rereadAfter = 2
	deafAfter   = 4
)

// errUnheard makes the reader begin anew.
var errUnheard = errors.New("redis: what is written to the inbox does not arrive")

const whyDeaf = "what other nodes send does not arrive"

// knocked notes that the node knocks.
func (k *knocks) knocked(trips uint64) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trips != trips || k.unheard.Load() == 0 { // what was written before an outage may be lost
		k.trips, k.since = trips, now
		k.unheard.Store(0)
	}
	if n := k.unheard.Add(1); n > deafAfter && now.Sub(k.since) > k.lease && !k.deaf.Swap(true) {
		k.log.Error("what other nodes send does not arrive here: this node is not ready", "for", now.Sub(k.since).Round(time.Millisecond))
	}
}

// heard notes that the reader has had something.
func (k *knocks) heard() {
	if k.unheard.Load() == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unheard.Store(0)
	if k.deaf.Swap(false) {
		k.log.Info("what other nodes send arrives again", "after", time.Since(k.since).Round(time.Millisecond))
	}
}

// anew reports whether it is time for the reader to begin anew, as it last did then.
func (k *knocks) anew(last, now time.Time) bool {
	if k.unheard.Load() < rereadAfter || now.Sub(last) < k.lease/2 {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.since) < k.lease/2 {
		return false
	}
	k.rereads.Add(1)
	return true
}

// knock knocks, and has the length of the inbox read, without waiting for either.
func (s *Store) knock() {
	ctx, self := context.Background(), s.peer()
	key := s.keys.inbox(self.Name, self.Epoch)
	length := goredis.NewIntCmd(ctx, "xlen", key)
	cmds := append(make([]goredis.Cmder, 0, 3), length)
	if s.tally.inbox.Load() < int64(s.cfg.InboxMax) { // else there is enough to be heard
		cmds = append(cmds, goredis.NewStringCmd(ctx, "xadd", key, "*", "w", "1"),
			goredis.NewBoolCmd(ctx, "pexpire", key, inboxKeep.Milliseconds()))
	}
	s.bus.knocks.knocked(s.health.trips.Load())
	s.pipe.post(func() {
		if length.Err() == nil {
			s.tally.inbox.Store(length.Val())
		}
	}, cmds...)
}
