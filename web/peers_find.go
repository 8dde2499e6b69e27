package web

import (
	"context"
	"sync"
	"time"
)

// Bounds of the waiting for nodes that this one has not heard of.
const (
	maxPeerTag     = 32   // bytes; longer ones are no tags
	maxTagsKnown   = 4096 // then all are forgotten
	maxTagsAwaited = 256  // requests that wait at the same time
	// returnTime is how long a node that is gone may come back: it stood still,
	// was taken for dead, and joins again with its sessions.
	returnTime = 2 * time.Minute
)

// acquaintances are the tags of nodes that this one has known, with when, and
// those that were waited for in vain, with no time.
type acquaintances struct {
	mu      sync.Mutex
	tags    map[string]time.Time
	awaited int
}

func (a *acquaintances) know(tag string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.knowLocked(tag, now)
}

func (a *acquaintances) knowLocked(tag string, now time.Time) {
	if _, ok := a.tags[tag]; !ok && (a.tags == nil || len(a.tags) >= maxTagsKnown) {
		a.tags = make(map[string]time.Time)
	}
	a.tags[tag] = now
}

// await says whether to wait for a tag; done ends it.
func (a *acquaintances) await(tag string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	met, known := a.tags[tag]
	if known && now.Sub(met) > returnTime || a.awaited >= maxTagsAwaited {
		return false
	}
	a.awaited++
	return true
}

func (a *acquaintances) done(tag string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.awaited--
	if _, ok := a.tags[tag]; !ok {
		a.knowLocked(tag, time.Time{})
	}
}

// find is where the node with the tag listens. A node hears about once a second
// of others that are new, or back; their sessions may reach it before. So a tag
// that was never heard of is waited for, once, and one that was there lately is.
func (p *Peers) find(ctx context.Context, tag string) (addr string, ok bool) {
	if addr, ok = p.cfg.Find(tag); ok {
		p.known.know(tag, time.Now())
		return addr, addr != ""
	}
	if len(tag) > maxPeerTag || tag == p.cfg.Self() || !p.known.await(tag, time.Now()) {
		return "", false
	}
	defer p.known.done(tag)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(p.cfg.FindTimeout)
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", false
		case <-p.ctx.Done():
			return "", false
		case <-end.C: // a machine that is busy may not have looked at all
			addr, ok = p.cfg.Find(tag)
			return addr, ok && addr != ""
		case <-tick.C:
			if addr, ok = p.cfg.Find(tag); ok {
				p.known.know(tag, time.Now())
				return addr, addr != ""
			}
		}
	}
}
