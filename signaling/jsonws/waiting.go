package jsonws

import (
	"container/list"
	"sync"
)

// waiting holds the guests in the order in which they came. There is always room
// for one more: whoever has waited longest gives way, so that sockets that never
// say who they are can not keep out those that do.
type waiting struct {
	mu     sync.Mutex
	guests list.List
}

// add seats a guest, unless it has finished already, and returns the one that
// has to go for it, if any.
func (w *waiting) add(g *guest, limit int) (oldest *guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.done.Load() {
		return nil
	}
	if w.guests.Len() >= limit {
		oldest = w.guests.Remove(w.guests.Front()).(*guest)
		oldest.seat = nil
	}
	g.seat = w.guests.PushBack(g)
	return oldest
}

// remove is for a guest that has finished.
func (w *waiting) remove(g *guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.seat != nil {
		w.guests.Remove(g.seat)
		g.seat = nil
	}
}

func (w *waiting) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.guests.Len()
}
