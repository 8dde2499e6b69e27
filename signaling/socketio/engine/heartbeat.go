package engine

import "time"

// beat is a Socket whose timer has expired: its ping is due, or its pong
// overdue, or it has waited long enough for the poll that takes its last
// packets.
type beat Socket

// lag is how late a timer may be before the client gets the time back.
const lag = 100 * time.Millisecond

// Expire runs on the wheel's goroutine.
func (b *beat) Expire() {
	s := (*Socket)(b)
	s.mu.Lock()
	state, now := s.state.Load(), s.srv.now()
	switch {
	case state == closed:
		s.mu.Unlock()
	case now < s.due:
		s.srv.wheel.Schedule(&s.timer, s.due-now, b)
		s.mu.Unlock()
	case state == closing:
		s.finish(Close{Reason: ReasonForced}, 0)
	case s.awaiting:
		s.finish(Close{Reason: ReasonPingTimeout, Code: CodePingTimeout}, CodePingTimeout)
	default:
		s.pingLocked(now)
		conn := s.conn
		s.mu.Unlock()
		if conn != nil {
			conn.Flush()
		}
	}
}

// pingLocked sends a ping and expects the pong in time, counted from when the
// ping was due, however coarse the wheel is.
func (s *Socket) pingLocked(now time.Duration) {
	if h, ok := s.handler.(Heartbeater); ok {
		h.OnPing(s)
	}
	s.awaiting = true
	if now-s.due > lag {
		s.due = now
	}
	s.due += s.timeout
	s.srv.wheel.Schedule(&s.timer, s.due-now, (*beat)(s))
	if s.conn != nil {
		s.conn.Queue(MustArrive, false, pingPacket)
		return
	}
	s.poll.queue.add(false, pingPacket)
	s.flushPollLocked()
}

// pong handles the answer; recv is held.
func (s *Socket) pong() {
	s.mu.Lock()
	if !s.awaiting {
		s.mu.Unlock()
		return
	}
	s.awaiting = false
	// The timer stays where it is, on the pong's deadline; it finds out that it
	// is early if that comes before the next ping.
	s.due = s.srv.now() + s.interval
	if s.interval < s.timeout {
		s.srv.wheel.Schedule(&s.timer, s.interval, (*beat)(s))
	}
	s.mu.Unlock()
	if h, ok := s.handler.(Heartbeater); ok {
		h.OnPong(s)
	}
}

// SetHeartbeat changes the heartbeat of this session; the client is not told, so
// pings may come more often than Config.PingInterval but not less often. 0 means
// what Config says.
func (s *Socket) SetHeartbeat(interval, timeout time.Duration) {
	if interval <= 0 || interval > s.srv.cfg.PingInterval {
		interval = s.srv.cfg.PingInterval
	}
	if timeout <= 0 {
		timeout = s.srv.cfg.PingTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interval, s.timeout = interval, timeout
	if s.state.Load() != open {
		return
	}
	now := s.srv.now()
	due := now + interval
	if s.awaiting {
		due = now + timeout
	}
	if due >= s.due { // the timer comes early enough
		return
	}
	s.due = due
	s.srv.wheel.Schedule(&s.timer, s.due-now, (*beat)(s))
}

// expiredLocked reports whether the pong is overdue, though the wheel may not
// have noticed yet.
func (s *Socket) expiredLocked() bool {
	return s.state.Load() == open && s.awaiting && s.srv.now() >= s.due
}
