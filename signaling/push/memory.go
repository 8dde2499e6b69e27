package push

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a Store for one process that keeps nothing on disk: what it knows is
// gone with it, and told again by pages that are opened.
type Memory struct {
	mu    sync.Mutex
	users map[string][]Subscription // newest first
	owner map[string]string         // by endpoint
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{users: map[string][]Subscription{}, owner: map[string]string{}}
}

// Put implements Store.
func (m *Memory) Put(_ context.Context, user string, s Subscription) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.owner[s.Endpoint]; ok {
		m.dropLocked(old, func(o Subscription) bool { return o.Endpoint == s.Endpoint })
	}
	m.dropLocked(user, func(o Subscription) bool { return o.Device == s.Device })
	s.Since = time.Now()
	m.users[user] = slices.Insert(m.users[user], 0, s)
	m.owner[s.Endpoint] = user
	if list := m.users[user]; len(list) > MaxPerUser {
		oldest := list[len(list)-1].Endpoint
		m.dropLocked(user, func(o Subscription) bool { return o.Endpoint == oldest })
	}
	return nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, user string) ([]Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.users[user]), nil
}

// Remove implements Store.
func (m *Memory) Remove(_ context.Context, user, endpoint string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.users[user])
	m.dropLocked(user, func(o Subscription) bool { return o.Endpoint == endpoint })
	return len(m.users[user]) < before, nil
}

// Any implements Store.
func (m *Memory) Any(context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.users) > 0, nil
}

func (m *Memory) dropLocked(user string, which func(Subscription) bool) {
	list := slices.DeleteFunc(slices.Clone(m.users[user]), func(o Subscription) bool {
		if !which(o) {
			return false
		}
		delete(m.owner, o.Endpoint)
		return true
	})
	if len(list) == 0 {
		delete(m.users, user)
		return
	}
	m.users[user] = list
}
