package engine

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// probe is a WebSocket that wants to take over from polling. The client sends
// "2probe" and gets "3probe"; it then stops polling, for which its waiting poll
// must be answered, and sends "5": from then on everything goes over the
// WebSocket. Until then the session lives on polling, and a probe that fails or
// takes too long changes nothing.
type probe struct {
	s     *Socket
	conn  *wsconn.Conn
	timer wheel.Timer
	until time.Duration // end of UpgradeTimeout
	ready bool          // was asked and has answered; guarded by s.mu
	over  chan struct{} // closed at the end, if somebody waits for it; guarded by s.mu
}

// endLocked takes the probe off its session.
func (pr *probe) endLocked() {
	pr.s.srv.wheel.Stop(&pr.timer)
	if pr.s.probe == pr {
		pr.s.probe = nil
	}
	if pr.over != nil {
		close(pr.over)
		pr.over = nil
	}
}

// noopEvery is how often a waiting poll is answered during a probe.
const noopEvery = 100 * time.Millisecond

// newProbe attaches a WebSocket to a polling session; false if it makes no
// sense there.
func (s *Socket) newProbe(conn *wsconn.Conn) (*probe, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == closed || s.conn != nil || s.probe != nil || s.expiredLocked() {
		return nil, false
	}
	pr := &probe{s: s, conn: conn, until: s.srv.now() + s.srv.cfg.UpgradeTimeout}
	s.probe = pr
	s.srv.wheel.Schedule(&pr.timer, s.srv.cfg.UpgradeTimeout, pr)
	return pr, true
}

// OnMessage gets what the client sends before the upgrade is done.
func (pr *probe) OnMessage(c *wsconn.Conn, binary bool, data []byte) {
	switch {
	case !binary && string(data) == "2probe":
		pr.answer()
	case !binary && len(data) > 0 && data[0] == typeUpgrade:
		pr.complete(c)
	default:
		pr.fail(CodeParseError, "probe expected")
	}
}

// OnIdle does nothing: the probe's answer is flushed at once.
func (pr *probe) OnIdle(*wsconn.Conn) {}

// OnClose leaves the session to polling.
func (pr *probe) OnClose(*wsconn.Conn, wsconn.Cause) { pr.detach() }

// answer sends "3probe" and from then on keeps the client's polls short.
func (pr *probe) answer() {
	s := pr.s
	s.mu.Lock()
	pr.ready = true // before the client can know
	s.mu.Unlock()
	pr.conn.Queue(MustArrive, false, probeAnswer)
	pr.conn.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == pr {
		pr.noopLocked()
	}
}

// noopLocked answers a waiting poll and comes back soon.
func (pr *probe) noopLocked() {
	s := pr.s
	if p := s.poll; p != nil && p.get != nil {
		p.answer(noopPayload)
	}
	next := min(noopEvery, pr.until-s.srv.now())
	s.srv.wheel.Schedule(&pr.timer, next, pr)
}

// Expire is the time for the next noop, or the end of UpgradeTimeout.
func (pr *probe) Expire() {
	s := pr.s
	s.mu.Lock()
	if s.probe != pr {
		s.mu.Unlock()
		return
	}
	if s.srv.now() < pr.until {
		if pr.ready {
			pr.noopLocked()
		} else {
			s.srv.wheel.Schedule(&pr.timer, pr.until-s.srv.now(), pr)
		}
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	pr.fail(CodeForbidden, "upgrade timeout")
}

// complete makes the WebSocket the session's transport: what waited for a poll
// goes there first, so order is kept.
func (pr *probe) complete(c *wsconn.Conn) {
	s := pr.s
	// A POST that is still being handled comes first.
	s.recv.Lock()
	defer s.recv.Unlock()
	s.mu.Lock()
	if s.probe != pr || s.state.Load() == closed {
		s.mu.Unlock()
		c.Close(CodeForbidden, "session is over")
		return
	}
	p := s.poll
	pr.endLocked()
	s.poll, s.conn = nil, c
	if p.get != nil {
		p.answer(noopPayload)
	}
	p.queue.each(func(binary bool, data []byte) { c.Queue(MustArrive, binary, data) })
	p.queue = queue{}
	c.SetHandler((*wsHandler)(s))
	if s.state.Load() == closing {
		s.finish(Close{Reason: ReasonForced, Code: CodeNormal}, CodeNormal)
		return
	}
	s.mu.Unlock()
	c.Flush()
}

// detach takes the probe off its session.
func (pr *probe) detach() {
	s := pr.s
	s.mu.Lock()
	defer s.mu.Unlock()
	pr.endLocked()
}

func (pr *probe) fail(code int, why string) {
	pr.detach()
	pr.conn.Close(code, why)
}
