package signaling

import "slices"

// What a session knows of calls.

// heardOf is what a session was told of a call, by the numbers of effects.
type heardOf struct {
	call string
	told window
}

// maxHeardOf bounds the calls of which a session knows that.
const maxHeardOf = 4

// hears notes that a session is told of an effect, and reports whether for the
// first time.
func (s *Session) hears(call string, seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.heard, func(h heardOf) bool { return h.call == call })
	if i < 0 {
		if len(s.heard) >= maxHeardOf {
			s.heard = slices.Delete(s.heard, 0, 1)
		}
		s.heard = append(s.heard, heardOf{call: call})
		i = len(s.heard) - 1
	}
	return s.heard[i].told.add(seq)
}

// hold and unhold note the live calls of the session's device: while there is
// one the client is pinged more often (C9). The link hears of it in the same
// order, also if one call ends while another begins.
func (s *Session) hold(call string) {
	s.holding.Lock()
	defer s.holding.Unlock()
	if slices.Contains(s.holders, call) {
		return
	}
	s.holders = append(s.holders, call)
	if len(s.holders) == 1 {
		s.link.Heartbeat(s.sw.cfg.CallPing, s.sw.cfg.CallPingTimeout)
	}
}

func (s *Session) unhold(call string) {
	s.holding.Lock()
	defer s.holding.Unlock()
	i := slices.Index(s.holders, call)
	if i < 0 {
		return
	}
	s.holders = slices.Delete(s.holders, i, i+1)
	if len(s.holders) == 0 {
		s.holders = nil
		s.link.Heartbeat(0, 0)
	}
}
