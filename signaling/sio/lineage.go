package sio

import (
	"sync"
	"time"
)

// maxLineages bounds how many devices are remembered.
const maxLineages = 10_000

// A lineage remembers, for a while after a session's window has ended, which
// device it was: a client that comes back too late still shows the session's
// pid, gets a new session, and is told as the same device that its call is over
// (C9, C13). pids are secrets of the client (128 bits and more).
type lineage struct {
	keep time.Duration
	now  func() time.Time

	mu    sync.Mutex
	byPID map[string]ancestor
	order []aged // oldest first
}

type ancestor struct{ user, device string }

type aged struct {
	pid string
	at  time.Time
}

func newLineage(keep time.Duration, now func() time.Time) *lineage {
	return &lineage{keep: keep, now: now, byPID: map[string]ancestor{}}
}

// add remembers a session that ended.
func (l *lineage) add(pid, user, device string) {
	if pid == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.forgetLocked(now)
	if _, ok := l.byPID[pid]; !ok {
		l.order = append(l.order, aged{pid, now})
	}
	l.byPID[pid] = ancestor{user, device}
}

// device returns the device whose session had that pid, if it was the user's.
func (l *lineage) device(pid, user string) string {
	if pid == "" {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetLocked(l.now())
	if a := l.byPID[pid]; a.user == user {
		return a.device
	}
	return ""
}

func (l *lineage) forgetLocked(now time.Time) {
	n := 0
	for n < len(l.order) && (now.Sub(l.order[n].at) > l.keep || len(l.order)-n >= maxLineages) {
		delete(l.byPID, l.order[n].pid)
		n++
	}
	clear(l.order[:n])
	l.order = l.order[n:]
}
