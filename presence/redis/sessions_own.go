package redis

import (
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// own is what this node has registered, or would have if Redis were there: it is
// what is told again after an outage (P7).
//
// Commands about a session are queued (pipe.post) with mu held, or after the
// table was changed with it: so a session that is told again is never one that
// was removed meanwhile.
type own struct {
	mu    sync.Mutex
	users map[string]map[string]ownSession // user -> session id
	// ended are sessions that ended while Redis was away, or perhaps did not
	// hear of it.
	ended []ownEnd
}

type ownSession struct {
	presence.Session
	since int64     // µs, when it was registered; 0: Redis has not said yet
	left  time.Time // since when it is away
	// unheard: Redis was away when it came, and has not been told since.
	unheard bool
}

type ownEnd struct {
	user, id string
	how      presence.End
	at       time.Time
}

func (o *own) init() { o.users = map[string]map[string]ownSession{} }

func (o *own) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users, o.ended = map[string]map[string]ownSession{}, nil
}

// put notes a session that is connected, and reports whether it is a new one.
func (o *own) put(s presence.Session) (fresh bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.users[s.User]
	if m == nil {
		m = map[string]ownSession{}
		o.users[s.User] = m
	}
	old, ok := m[s.ID]
	next := ownSession{Session: s}
	if old.Session == s {
		next.since = old.since
	}
	m[s.ID] = next
	return !ok
}

// unheard notes that Redis can not have heard of a session yet, if it is still away.
func (o *own) unheard(user, id string, away func() bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s, ok := o.users[user][id]; ok && away() {
		s.unheard = true
		o.users[user][id] = s
	}
}

// registered notes when Redis has registered a session.
func (o *own) registered(user, id string, since int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s, ok := o.users[user][id]; ok {
		s.since = since
		o.users[user][id] = s
	}
}

// suspend notes that a session is away; false if it is not here.
func (o *own) suspend(user, id string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.users[user][id]
	if ok && !s.Away {
		s.Away, s.left = true, now
		o.users[user][id] = s
	}
	return ok
}

// remove forgets a session; false if it is not here.
func (o *own) remove(user, id string) (ownSession, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.users[user]
	s, ok := m[id]
	if !ok {
		return s, false
	}
	delete(m, id)
	if len(m) == 0 {
		delete(o.users, user)
	}
	return s, true
}

// ends notes the end of a session of which Redis is to be told later.
func (o *own) ends(e ownEnd) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = append(o.ended, e)
}

// takeEnded returns the ends that are to be told.
func (o *own) takeEnded() []ownEnd {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.ended
	o.ended = nil
	return list
}

// of lists the user's sessions here.
func (o *own) of(user string) []presence.Session {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.users[user]
	if len(m) == 0 {
		return nil
	}
	list := make([]presence.Session, 0, len(m))
	for _, s := range m {
		list = append(list, s.Session)
	}
	return list
}

// has reports whether the user has a session here.
func (o *own) has(user string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.users[user]) > 0
}

// everybody lists the users who have sessions here.
func (o *own) everybody() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]string, 0, len(o.users))
	for u := range o.users {
		list = append(list, u)
	}
	return list
}
