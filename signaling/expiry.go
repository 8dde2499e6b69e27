package signaling

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// An expiry ends a session whose token ran out (I3).
type expiry struct {
	s      *Session
	timer  wheel.Timer
	at     time.Time
	warned bool
}

func (s *Session) armExpiry(at time.Time) {
	if at.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed {
		return
	}
	if s.expiry == nil {
		s.expiry = &expiry{s: s}
	}
	e := s.expiry
	e.at, e.warned = at, false
	wait := at.Sub(s.sw.cfg.Now())
	if s.extended {
		wait -= s.sw.cfg.AuthExpiringBefore
	} else {
		wait += s.sw.cfg.TokenLeeway
	}
	s.sw.wheel.Schedule(&e.timer, max(wait, 0), e)
}

func (s *Session) disarmExpiry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.sw.wheel.Stop(&s.expiry.timer)
		s.expiry = nil
	}
}

// Expire warns an extended client first, and closes the session when the time
// is up.
func (e *expiry) Expire() {
	s := e.s
	s.mu.Lock()
	if s.expiry != e || s.state == closed {
		s.mu.Unlock()
		return
	}
	left := e.at.Sub(s.sw.cfg.Now())
	over := left+s.sw.cfg.TokenLeeway <= 0
	warn := !over && s.extended && !e.warned
	if !over {
		e.warned = true
		s.sw.wheel.Schedule(&e.timer, left+s.sw.cfg.TokenLeeway, e)
	}
	s.mu.Unlock()
	switch {
	case warn:
		t := s.sw.newTurn()
		s.send(t, eventOf(wire.AuthExpiring, appendExpiring(nil, max(left, 0))))
		t.end()
	case over:
		s.link.Close(wire.CloseTokenExpired)
	}
}

// Renew takes the expiry of a fresh token that the client showed when it came
// back (I3, I8).
func (s *Session) Renew(id *auth.Identity) {
	if id.Expires.IsZero() {
		s.disarmExpiry()
		return
	}
	s.armExpiry(id.Expires)
}
