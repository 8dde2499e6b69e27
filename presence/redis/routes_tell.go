package redis

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// owed is what other nodes have yet to hear: that they must forget the routes of
// users. It is told at once; only what an inbox did not take waits here, and is
// told with the next Renew.
type owed struct {
	mu    sync.Mutex
	nodes map[presence.Peer]*debt
}

// debt is what one node has yet to hear.
type debt struct {
	since time.Time        // of this machine's clock
	users map[string]int64 // user -> version
}

// owedAll is from how many users on a node is told to ask anew for all.
const owedAll = 1000

func (o *owed) init() { o.nodes = map[presence.Peer]*debt{} }

// forget tells a node that what it remembers of a user is older than ver. An
// empty user means all.
func (o *owed) forget(s *Store, to presence.Peer, user string, ver int64) {
	payload := binary.AppendUvarint(make([]byte, 0, 10+len(user)), uint64(ver))
	payload = append(payload, user...)
	failed := func(err error) {
		if err != nil {
			o.add(to, user, ver, s.clock.here())
		}
	}
	if err := s.Send(to, kindForget, presence.Must, payload, failed); err != nil {
		failed(err)
	}
}

func (o *owed) add(to presence.Peer, user string, ver int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.nodes[to]
	if d == nil {
		d = &debt{now, map[string]int64{}}
		o.nodes[to] = d
	}
	if _, all := d.users[""]; all {
		return
	}
	if len(d.users) >= owedAll {
		clear(d.users)
		user = ""
	}
	d.users[user] = max(d.users[user], ver)
}

// pay tells what is owed, but to nodes that are no more. One that this node does not
// know may be so new that its list of nodes is older: it is no more only if a list that
// was asked for since does not have it either.
func (o *owed) pay(s *Store) {
	list := s.nodes.list()
	o.mu.Lock()
	due := o.nodes
	o.nodes = map[presence.Peer]*debt{}
	o.mu.Unlock()
	for to, d := range due {
		if _, known := list.nodes[to]; !known && list.asked.After(d.since) {
			continue
		}
		for u, ver := range d.users {
			o.forget(s, to, u, ver)
		}
	}
}

// forgive drops what is owed to a node that is no more.
func (o *owed) forgive(p presence.Peer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.nodes, p)
}

// gotForget is told by another node that a user's sessions are other ones.
func (s *Store) gotForget(_ presence.Peer, payload []byte) {
	ver, n := binary.Uvarint(payload)
	if n <= 0 {
		return
	}
	if len(payload) == n {
		elsewhere := s.routes.elsewhere()
		s.routes.doubt()
		for _, user := range elsewhere {
			s.handler.RoutesChanged(user)
		}
		return
	}
	if user := string(payload[n:]); s.routes.forget(user, int64(ver)) {
		s.handler.RoutesChanged(user)
	}
}
