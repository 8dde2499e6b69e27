package signaling

import (
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// limits are a session's rate limiters, made when the first event comes: idle
// sessions do without (O4).
type limits struct {
	events *rate.Limiter
	typing *rate.Limiter
	over   atomic.Int32 // events refused since one was allowed
}

func (s *Session) limited() *limits {
	if l := s.limits.Load(); l != nil {
		return l
	}
	c := &s.sw.cfg
	l := &limits{
		events: rate.NewLimiter(rate.Limit(c.EventRate), c.EventBurst),
		typing: rate.NewLimiter(rate.Limit(c.TypingRate), c.TypingBurst),
	}
	if !s.limits.CompareAndSwap(nil, l) {
		return s.limits.Load()
	}
	return l
}

// overruns is how many bursts a session may send into its limit before it is
// closed: it does not listen.
const overruns = 20

// admit counts one event against the session's rate. It closes a session that
// does not stop.
func (s *Session) admit(t *turn) error {
	l := s.limited()
	if l.events.AllowN(t.now, 1) {
		if l.over.Load() != 0 {
			l.over.Store(0)
		}
		return nil
	}
	if int(l.over.Add(1)) > overruns*s.sw.cfg.EventBurst {
		s.link.Close(wire.CloseRateLimited)
	}
	return wire.Errorf(wire.CodeRateLimited, "")
}

// admitTyping counts a typing event; one over the limit is dropped silently
// (M4).
func (s *Session) admitTyping(t *turn) bool {
	return s.limited().typing.AllowN(t.now, 1)
}
