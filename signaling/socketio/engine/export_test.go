package engine

// Polls reports whether a poll of the session waits.
func (srv *Server) Polls(sid string) bool {
	s := srv.lookup(sid)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poll != nil && s.poll.get != nil
}

// Unconfirmed is the number of sessions that count for Config.MaxHandshakes.
func (srv *Server) Unconfirmed() int { return srv.waiting.len() }

// Probing reports whether a WebSocket probes for the session.
func (srv *Server) Probing(sid string) bool {
	s := srv.lookup(sid)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probe != nil
}
