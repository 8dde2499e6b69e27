// Package turnstile lets those who want the same thing pass one after the other:
// clients that come back for one session, while an earlier try is still on its
// way in. It knows nothing of what is behind it; the dialects use it.
package turnstile

import (
	"context"
	"sync"
)

// Turnstile is ready as its zero value, and empty while nobody is inside.
type Turnstile struct {
	mu     sync.Mutex
	inside map[string]chan struct{} // closed when whoever is inside leaves
}

// Enter waits until nobody is inside for that key, and is inside then until
// leave is called. An error of ctx: it did not get in.
func (t *Turnstile) Enter(ctx context.Context, key string) (leave func(), err error) {
	for {
		t.mu.Lock()
		before, busy := t.inside[key]
		if !busy {
			if t.inside == nil {
				t.inside = make(map[string]chan struct{})
			}
			me := make(chan struct{})
			t.inside[key] = me
			t.mu.Unlock()
			return func() { t.leave(key, me) }, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Wait returns when whoever is inside for that key now has left, or ctx ends.
func (t *Turnstile) Wait(ctx context.Context, key string) {
	t.mu.Lock()
	before, busy := t.inside[key]
	t.mu.Unlock()
	if busy {
		select {
		case <-before:
		case <-ctx.Done():
		}
	}
}

func (t *Turnstile) leave(key string, me chan struct{}) {
	t.mu.Lock()
	delete(t.inside, key)
	t.mu.Unlock()
	close(me)
}
