package signaling

import (
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Base devices send messages over REST and know them from its answer, which takes
// another way than what the socket says: a page that hears first how far a message
// has come knows none that it could be about. So what is said of that to base
// devices is held back for a moment (M1).

// maxLagging bounds what one session holds back: with more nothing waits.
const maxLagging = 256

// lagging is what a session holds back, in its order.
type lagging struct {
	s     *Session
	timer wheel.Timer

	mu     sync.Mutex // also while it is sent: order is kept
	events []lateEvent
}

type lateEvent struct {
	ev  *wire.Event
	due time.Time
}

// holds takes an event that the client is to hear a moment later.
func (s *Session) holds(t *turn, ev *wire.Event) bool {
	pause := s.sw.cfg.StatusPause
	if pause <= 0 || s.extended || ev.Name != wire.MessageStatusUpdated && ev.Name != wire.AllMessageStatusUpdated {
		return false
	}
	h := s.lagging.Load()
	if h == nil {
		s.lagging.CompareAndSwap(nil, &lagging{s: s})
		h = s.lagging.Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, lateEvent{ev, t.now.Add(pause)})
	switch len(h.events) {
	case 1:
		s.sw.wheel.Schedule(&h.timer, pause, h)
	case maxLagging:
		h.sendLocked(t, len(h.events))
	}
	return true
}

// Expire sends what has waited long enough.
func (h *lagging) Expire() {
	t := h.s.sw.newTurn()
	defer t.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for n < len(h.events) && !h.events[n].due.After(t.now) {
		n++
	}
	h.sendLocked(t, n)
	if len(h.events) > 0 {
		h.s.sw.wheel.Schedule(&h.timer, h.events[0].due.Sub(t.now), h)
	}
}

// letGo sends what is held back: the session moves, and what is told where it goes
// must not come before.
func (s *Session) letGo(t *turn) {
	h := s.lagging.Load()
	if h == nil {
		return
	}
	s.sw.wheel.Stop(&h.timer)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sendLocked(t, len(h.events))
}

func (h *lagging) sendLocked(t *turn, n int) {
	for _, e := range h.events[:n] {
		h.s.link.Send(e.ev)
	}
	if n > 0 {
		t.touch(h.s.link)
	}
	if h.events = h.events[n:]; len(h.events) == 0 {
		h.events = nil
	}
}
