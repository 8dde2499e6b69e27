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
)

// acquaintances are the tags that need no waiting for: of nodes that this one
// has known, and those that were waited for in vain.
type acquaintances struct {
	mu      sync.Mutex
	tags    map[string]struct{}
	awaited int
}

func (a *acquaintances) know(tag string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.knowLocked(tag)
}

func (a *acquaintances) knowLocked(tag string) {
	if _, ok := a.tags[tag]; ok {
		return
	}
	if a.tags == nil || len(a.tags) >= maxTagsKnown {
		a.tags = make(map[string]struct{})
	}
	a.tags[tag] = struct{}{}
}

// await says whether to wait for a tag; done ends it.
func (a *acquaintances) await(tag string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.tags[tag]; known || a.awaited >= maxTagsAwaited {
		return false
	}
	a.awaited++
	return true
}

func (a *acquaintances) done(tag string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.awaited--
	a.knowLocked(tag)
}

// find is where the node with the tag listens. A node hears about once a second
// of others that are new; their sessions may reach it before. So a tag that was
// never heard of is waited for, once.
func (p *Peers) find(ctx context.Context, tag string) (addr string, ok bool) {
	if addr, ok = p.cfg.Find(tag); ok {
		p.known.know(tag)
		return addr, addr != ""
	}
	if len(tag) > maxPeerTag || tag == p.cfg.Self() || !p.known.await(tag) {
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
				return addr, addr != ""
			}
		}
	}
}
