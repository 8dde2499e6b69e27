package wsconn

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// maxVictims bounds what one sweep does on the wheel's goroutine.
const maxVictims = 256

// firstPark is the part of ParkAfter that a connection gets that was never
// parked.
const firstPark = 8

// wakeup and park move a connection between the lists.
func (s *Server) wakeup(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awake.push(&c.link)
	s.sweepLocked(s.sweepEvery())
}

func (s *Server) park(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.link.rested = true
	s.settled.push(&c.link)
}

func (s *Server) sweepEvery() time.Duration { return max(s.cfg.ParkAfter/16, 10*time.Millisecond) }

func (s *Server) sweepLocked(after time.Duration) {
	if !s.sweeping && !s.closed && !s.awake.empty() {
		s.sweeping = true
		s.wheel.Schedule(&s.sweep, after, wheel.Func(s.parkQuiet))
	}
}

// parkQuiet tells readers that have waited for long to park. The first time it
// takes little: most connections say hello and then nothing for long, and in a
// storm of them the stacks and buffers of the last seconds would be the peak
// that the process keeps.
func (s *Server) parkQuiet() {
	now := s.now()
	last, first := now-int64(s.cfg.ParkAfter), now-int64(s.cfg.ParkAfter/firstPark)
	after := s.sweepEvery()
	s.mu.Lock()
	s.victims = s.victims[:0]
	for n := s.awake.root.next; n != &s.awake.root; n = n.next {
		before := first
		if n.rested {
			before = last
		}
		if n.c.state.Load() == waiting && n.c.lastRead.Load() <= before {
			if len(s.victims) == maxVictims {
				after = time.Millisecond // the rest soon
				break
			}
			s.victims = append(s.victims, n.c)
		}
	}
	s.sweeping = false
	s.sweepLocked(after)
	s.mu.Unlock()
	for i, c := range s.victims {
		c.askPark()
		s.victims[i] = nil
	}
}

// expect cuts c unless it ends by itself within CloseTimeout.
func (s *Server) expect(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = append(s.leaving, leaving{c, s.now() + int64(s.cfg.CloseTimeout)})
	if len(s.leaving) == 1 {
		s.wheel.Schedule(&s.leave, s.cfg.CloseTimeout, wheel.Func(s.cutLate))
	}
}

// cutLate cuts those whose peer did not answer a close frame in time.
func (s *Server) cutLate() {
	now := s.now()
	s.mu.Lock()
	n := 0
	for n < len(s.leaving) && n < maxVictims && s.leaving[n].at <= now {
		n++
	}
	late := append([]leaving(nil), s.leaving[:n]...)
	s.leaving = s.leaving[:copy(s.leaving, s.leaving[n:])]
	clear(s.leaving[len(s.leaving) : len(s.leaving)+n])
	if len(s.leaving) == 0 {
		s.leaving = nil
	} else {
		s.wheel.Schedule(&s.leave, time.Duration(s.leaving[0].at-now), wheel.Func(s.cutLate))
	}
	s.mu.Unlock()
	for _, l := range late {
		if l.c.closeExpired(now) {
			s.expect(l.c)
		}
	}
}
