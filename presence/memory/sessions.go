package memory

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// Add registers a session of this member.
func (m *Member) Add(_ context.Context, s presence.Session) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	if m.gone {
		return presence.ErrLeaseLost
	}
	s.Node, s.Epoch, s.Away = m.name, m.epoch, false
	u := c.userLocked(s.User)
	list := make([]presence.Session, 0, len(u.sessions)+1) // Routes has given the old one out
	for _, have := range u.sessions {
		if have == s {
			return nil
		}
		if have.ID != s.ID {
			list = append(list, have)
		}
	}
	list = append(list, s)
	u.sessions = list
	if !u.until.IsZero() {
		u.until = time.Time{}
		delete(c.lingering, u)
	}
	came := !u.online
	if came {
		u.online = true
		c.nOnline++
		c.nOffline--
		c.changedSetLocked()
	}
	u.lastSeen = time.Time{}
	c.tellLocked(u)
	if came {
		c.flippedLocked(m, u)
	}
	return nil
}

// Remove takes a session of this member away.
func (m *Member) Remove(_ context.Context, userID, id string, how presence.End) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	u := c.users[userID]
	if u == nil {
		return nil
	}
	if i := m.ownLocked(u, id); i >= 0 {
		away := u.sessions[i].Away
		u.sessions = slices.Delete(slices.Clone(u.sessions), i, i+1)
		switch {
		case !away:
			c.lostLocked(m, u, how, c.cfg.Now())
		case how == presence.Clean && !u.connected():
			c.offlineLocked(m, u)
		}
	}
	return nil
}

// Suspend says that a session of this member is away.
func (m *Member) Suspend(_ context.Context, userID, id string) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	u := c.users[userID]
	if u == nil {
		return nil
	}
	if i := m.ownLocked(u, id); i >= 0 && !u.sessions[i].Away {
		u.sessions = slices.Clone(u.sessions)
		u.sessions[i].Away = true
		c.lostLocked(m, u, presence.Vanished, c.cfg.Now())
	}
	return nil
}

// ownLocked finds a session of this member, or -1.
func (m *Member) ownLocked(u *user, id string) int {
	return slices.IndexFunc(u.sessions, func(s presence.Session) bool {
		return s.ID == id && s.Node == m.name && s.Epoch == m.epoch
	})
}

// connected reports whether the user has a session that is not away.
func (u *user) connected() bool {
	return slices.ContainsFunc(u.sessions, func(s presence.Session) bool { return !s.Away })
}

// lostLocked settles a user that has just lost sessions.
func (c *Cluster) lostLocked(by *Member, u *user, how presence.End, at time.Time) {
	if u.connected() {
		c.tellLocked(u)
		return
	}
	u.lastSeen = at
	if how == presence.Vanished && c.cfg.OfflineGrace > 0 {
		u.until = at.Add(c.cfg.OfflineGrace)
		c.lingering[u] = struct{}{}
		c.tellLocked(u)
		return
	}
	c.offlineLocked(by, u)
}

func (c *Cluster) offlineLocked(by *Member, u *user) {
	u.until = time.Time{}
	delete(c.lingering, u)
	if !u.online {
		return
	}
	u.online = false
	c.nOnline--
	c.nOffline++
	c.changedSetLocked()
	c.tellLocked(u)
	c.flippedLocked(by, u)
	if c.nOffline > c.cfg.MaxLastSeen {
		c.evictLocked(u)
	}
}

// evictLocked forgets one offline user that nobody watches, other than u.
func (c *Cluster) evictLocked(u *user) {
	for id, other := range c.users { // a random one: map order
		if other != u && !other.online && len(other.watchers) == 0 && len(other.sessions) == 0 {
			delete(c.users, id)
			c.nOffline--
			return
		}
	}
}

// userLocked finds or makes a user; a new one is offline and never seen.
func (c *Cluster) userLocked(id string) *user {
	u := c.users[id]
	if u == nil {
		u = &user{id: id}
		c.users[id] = u
		c.nOffline++
	}
	return u
}

// dropIfIdleLocked forgets a user of whom nothing is known.
func (c *Cluster) dropIfIdleLocked(u *user) {
	if !u.online && u.lastSeen.IsZero() && len(u.watchers) == 0 && len(u.sessions) == 0 {
		delete(c.users, u.id)
		c.nOffline--
	}
}

func (c *Cluster) changedSetLocked() {
	c.version++
	c.sorted = false
}

func (c *Cluster) tellLocked(u *user) {
	if len(u.watchers) == 0 {
		return
	}
	st := c.stateLocked(u)
	for m := range u.watchers {
		if m.handler != nil {
			c.events = append(c.events, event{to: m, state: st})
		}
	}
}

// flippedLocked tells the member who has seen to it that a user is online or
// offline now.
func (c *Cluster) flippedLocked(by *Member, u *user) {
	if by.handler == nil {
		return
	}
	c.flips = max(c.flips+1, c.cfg.Now().UnixMicro())
	c.events = append(c.events, event{to: by, state: c.stateLocked(u), flip: c.flips})
}

func (c *Cluster) stateLocked(u *user) presence.State {
	st := presence.State{User: u.id, Online: u.online, LastSeen: u.lastSeen}
	for i, s := range u.sessions {
		seen := false
		for _, before := range u.sessions[:i] {
			seen = seen || (!before.Away && before.Device == s.Device)
		}
		if !seen && !s.Away {
			st.Devices++
		}
	}
	return st
}

// liveLocked reports whether the session's node holds its lease.
func (c *Cluster) liveLocked(s presence.Session, now time.Time) bool {
	m := c.members[s.Node]
	return m != nil && m.epoch == s.Epoch && now.Before(m.until)
}

// Sessions lists the user's sessions that count.
func (m *Member) Sessions(_ context.Context, userID string) ([]presence.Session, error) {
	c := m.c
	c.mu.RLock()
	defer c.mu.RUnlock()
	u := c.users[userID]
	if u == nil {
		return nil, nil
	}
	now := c.cfg.Now()
	out := make([]presence.Session, 0, len(u.sessions))
	for _, s := range u.sessions {
		if !s.Away && c.liveLocked(s, now) {
			out = append(out, s)
		}
	}
	return out, nil
}

// Routes lists the user's sessions, those that are away included.
func (m *Member) Routes(_ context.Context, userID string) ([]presence.Session, error) {
	c := m.c
	c.mu.RLock()
	defer c.mu.RUnlock()
	u := c.users[userID]
	if u == nil {
		return nil, nil
	}
	now := c.cfg.Now()
	for _, s := range u.sessions {
		if !c.liveLocked(s, now) {
			return slices.DeleteFunc(slices.Clone(u.sessions), func(s presence.Session) bool { return !c.liveLocked(s, now) }), nil
		}
	}
	return u.sessions, nil
}

// States returns the state of each user asked for.
func (m *Member) States(_ context.Context, users []string) ([]presence.State, error) {
	c := m.c
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]presence.State, len(users))
	for i, id := range users {
		if u := c.users[id]; u != nil {
			out[i] = c.stateLocked(u)
		} else {
			out[i].User = id
		}
	}
	return out, nil
}

// Online lists a page of online users.
func (m *Member) Online(_ context.Context, cursor string, limit int) (presence.Page, error) {
	c := m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sorted {
		c.online = c.online[:0:0] // pages handed out before keep their array
		for id, u := range c.users {
			if u.online {
				c.online = append(c.online, id)
			}
		}
		sort.Strings(c.online)
		c.sorted = true
	}
	from := 0
	if cursor != "" {
		from = sort.SearchStrings(c.online, cursor)
		if from < len(c.online) && c.online[from] == cursor {
			from++
		}
	}
	to := min(from+max(limit, 0), len(c.online))
	p := presence.Page{Users: c.online[from:to:to]}
	if to < len(c.online) && to > from {
		p.Next = c.online[to-1]
	}
	return p, nil
}

// OnlineCount is the number of online users and the version of their set.
func (m *Member) OnlineCount(context.Context) (int, uint64, error) {
	m.c.mu.RLock()
	defer m.c.mu.RUnlock()
	return m.c.nOnline, m.c.version, nil
}

// Watch adds this member's interest in the users.
func (m *Member) Watch(_ context.Context, users []string) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	if m.gone {
		return presence.ErrLeaseLost
	}
	for _, id := range users {
		u := c.userLocked(id)
		if u.watchers == nil {
			u.watchers = map[*Member]int{}
		}
		u.watchers[m]++
	}
	return nil
}

// Unwatch takes interest away.
func (m *Member) Unwatch(_ context.Context, users []string) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	for _, id := range users {
		u := c.users[id]
		if u == nil || u.watchers[m] == 0 {
			continue
		}
		if u.watchers[m]--; u.watchers[m] == 0 {
			delete(u.watchers, m)
			c.dropIfIdleLocked(u)
		}
	}
	return nil
}
