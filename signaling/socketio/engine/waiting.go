package engine

import (
	"container/list"
	"sync"
)

// waiting holds the sessions that are not confirmed in the order in which they
// came. There is always room for one more: whoever has waited longest gives way,
// so that handshakes that are never finished can not keep out those that are.
type waiting struct {
	mu      sync.Mutex
	sockets list.List
}

// add seats a session, unless it has been confirmed or closed already, and
// returns the one that has to go for it, if any.
func (w *waiting) add(s *Socket, limit int) (oldest *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.unconfirmed.Load() {
		return nil
	}
	if w.sockets.Len() >= limit {
		oldest = w.sockets.Remove(w.sockets.Front()).(*Socket)
		oldest.seat = nil
	}
	s.seat = w.sockets.PushBack(s)
	return oldest
}

// remove is for a session that is not unconfirmed any more.
func (w *waiting) remove(s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.seat != nil {
		w.sockets.Remove(s.seat)
		s.seat = nil
	}
}

func (w *waiting) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sockets.Len()
}
