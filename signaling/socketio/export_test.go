package socketio

// Backlog is how many bytes are kept for recovery.
func (s *Socket) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec.bytes
}
