package jsonws

import (
	"context"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Drain closes the sockets of all clients, spread over the time given, so that
// they come back, to another node: their sessions are away until that node takes
// them. It returns how many are still connected when ctx ends, else 0. The
// switchboard has to be draining.
func (s *Server) Drain(ctx context.Context, within time.Duration) (left int) {
	return signaling.Spread(ctx, within, s.connected, func(l *link) { l.Close(wire.CloseGoingAway) })
}

// connected lists the links that have a socket.
func (s *Server) connected() []*link {
	s.mu.Lock()
	all := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		all = append(all, l)
	}
	s.mu.Unlock()
	here := all[:0]
	for _, l := range all {
		if l.socket() != nil {
			here = append(here, l)
		}
	}
	return here
}
