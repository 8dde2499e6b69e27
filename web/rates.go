package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates bound how many requests a user may have answered in a time (O4). It keeps
// those who asked lately: a user whose bucket is full again is as good as one
// that was never seen.
type rates struct {
	perSecond float64
	burst     int
	now       func() time.Time

	mu     sync.Mutex
	users  map[string]*rate.Limiter
	tidied time.Time
}

const tidyRates = time.Minute

func newRates(perSecond float64, burst int) *rates {
	return &rates{perSecond: perSecond, burst: burst, now: time.Now, users: map[string]*rate.Limiter{}}
}

// admit counts a request of the user and reports whether it is within the rate.
func (r *rates) admit(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.tidied) >= tidyRates {
		r.tidied = now
		for u, l := range r.users {
			if l.TokensAt(now) >= float64(r.burst) {
				delete(r.users, u)
			}
		}
	}
	l := r.users[user]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(r.perSecond), r.burst)
		r.users[user] = l
	}
	return l.AllowN(now, 1)
}
