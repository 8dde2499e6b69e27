package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// hookedStore lets something happen while a call is being stored.
type hookedStore struct {
	presence.Store
	hook *func()
}

func hooked(hook *func()) func(presence.Store) presence.Store {
	return func(s presence.Store) presence.Store { return &hookedStore{s, hook} }
}

func (h *hookedStore) Open(ctx context.Context, c *call.Call, marks []string, over ...string) error {
	if f := *h.hook; f != nil {
		f()
	}
	return h.Store.Open(ctx, c, marks, over...)
}

func (h *hookedStore) Save(ctx context.Context, c *call.Call, was uint64) error {
	if f := *h.hook; f != nil {
		f()
	}
	return h.Store.Save(ctx, c, was)
}
