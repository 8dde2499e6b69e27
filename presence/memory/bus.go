package memory

import (
	"sync"

	"github.com/tandem-rtc/tandem/presence"
)

// inbox is what other members have sent to one that was not read yet. A
// goroutine reads while there is something in it.
type inbox struct {
	mu      sync.Mutex
	queue   []letter
	reading bool
}

type letter struct {
	from    presence.Peer
	kind    presence.Kind
	payload []byte
}

// Send puts a payload into another member's inbox.
func (m *Member) Send(to presence.Peer, kind presence.Kind, _ presence.Lane, payload []byte, done func(error)) error {
	m.c.mu.RLock()
	from := presence.Peer{Name: m.name, Epoch: m.epoch}
	other := m.c.members[to.Name]
	if other == nil || other.epoch != to.Epoch || !m.c.cfg.Now().Before(other.until) {
		other = nil
	}
	m.c.mu.RUnlock()
	if other == nil || other.handler == nil {
		return presence.ErrUnavailable
	}
	in := &other.inbox
	in.mu.Lock()
	in.queue = append(in.queue, letter{from, kind, payload})
	start := !in.reading
	in.reading = true
	in.mu.Unlock()
	if start {
		go other.read()
	}
	if done != nil {
		done(nil)
	}
	return nil
}

func (m *Member) read() {
	in := &m.inbox
	for {
		in.mu.Lock()
		batch := in.queue
		in.queue = nil
		in.reading = len(batch) > 0
		in.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, l := range batch {
			m.handler.Receive(l.from, l.kind, l.payload)
		}
		m.handler.Drained()
	}
}

// Self is this member as others see it.
func (m *Member) Self() presence.Node {
	m.c.mu.RLock()
	defer m.c.mu.RUnlock()
	return presence.Node{Peer: presence.Peer{Name: m.name, Epoch: m.epoch}, Tag: m.tag}
}

// Nodes are all members that hold a lease.
func (m *Member) Nodes() []presence.Node {
	m.c.mu.RLock()
	defer m.c.mu.RUnlock()
	now := m.c.cfg.Now()
	list := make([]presence.Node, 0, len(m.c.members))
	for _, o := range m.c.members {
		if now.Before(o.until) {
			list = append(list, presence.Node{Peer: presence.Peer{Name: o.name, Epoch: o.epoch}, Tag: o.tag})
		}
	}
	return list
}
