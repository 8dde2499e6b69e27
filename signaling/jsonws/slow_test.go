package jsonws

import (
	"context"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
)

// slowStore is a node's store that can be made to take its time over the
// registration of a session.
type slowStore struct {
	presence.Store
	held  atomic.Pointer[chan struct{}]
	asked chan struct{} // a registration waits
}

// hold makes registrations wait until the function returned is called.
func (s *slowStore) hold() (release func()) {
	c := make(chan struct{})
	s.held.Store(&c)
	return func() {
		if s.held.CompareAndSwap(&c, nil) {
			close(c)
		}
	}
}

func (s *slowStore) Add(ctx context.Context, one presence.Session) error {
	if c := s.held.Load(); c != nil {
		s.asked <- struct{}{}
		<-*c
	}
	return s.Store.Add(ctx, one)
}
