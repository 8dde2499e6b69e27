package sio

import (
	"context"
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// allow refuses handshakes while the node goes away, in a way after which
// clients try again: their next try is another node's (O2).
func (s *Server) allow(*http.Request) (status int, message string) {
	if s.sw.Draining() {
		return http.StatusServiceUnavailable, "This server is going away"
	}
	return 0, ""
}

// Drain closes the transports of all clients, spread over the time given, so
// that they come back, to another node: their sessions are away until that node
// takes them. It returns how many are still connected when ctx ends, else 0. The
// switchboard has to be draining.
func (s *Server) Drain(ctx context.Context, within time.Duration) (left int) {
	root := s.io.Of("/")
	return signaling.Spread(ctx, within, func() []*socketio.Socket {
		all := root.Sockets()
		here := all[:0]
		for _, so := range all {
			if so.Connected() {
				here = append(here, so)
			}
		}
		return here
	}, (*socketio.Socket).Cut)
}
