package redis

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// peerKey is how sets and entries name a peer: names and epochs have no '|'.
func peerKey(p presence.Peer) string { return p.Name + "|" + p.Epoch }

func parsePeer(s string) presence.Peer {
	name, epoch, _ := strings.Cut(s, "|")
	return presence.Peer{Name: name, Epoch: epoch}
}

// nodeEntry is what stands for a node among the leases.
func nodeEntry(n presence.Node) string {
	return n.Name + "|" + n.Epoch + "|" + n.Tag + "|" + n.Addr
}

func parseNode(s string) (presence.Node, bool) {
	f := strings.SplitN(s, "|", 4)
	if len(f) != 4 || f[0] == "" || f[1] == "" {
		return presence.Node{}, false
	}
	return presence.Node{Peer: presence.Peer{Name: f[0], Epoch: f[1]}, Tag: f[2], Addr: f[3]}, true
}

var tagText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// tagOf is short. A node has that of its first epoch.
func tagOf(p presence.Peer) string {
	sum := sha256.Sum256([]byte(peerKey(p)))
	return tagText.EncodeToString(sum[:])[:6]
}

// nodes is what this node knows of all that hold a lease. It is read about once
// a second, with Renew, and when an unknown one is met.
type nodes struct {
	known atomic.Pointer[nodeList]

	mu    sync.Mutex // one refresh at a time; guards asked
	asked map[presence.Peer]time.Time
}

// nodeList is one reading. It is not changed once it is made.
type nodeList struct {
	asked time.Time // of this machine's clock
	read  time.Time
	nodes map[presence.Peer]member
	// live lists those that held a lease when it was read.
	live []presence.Node
}

// member is one node as last read.
type member struct {
	presence.Node
	until int64 // end of the lease, ms of Redis' clock
	// asserted: what it has is all in Redis.
	asserted bool
	// replaced: its name has gone to another one.
	replaced bool
	// missed: it was there before Redis was emptied, and is not yet again.
	missed bool
}

func (n *nodes) list() *nodeList {
	if l := n.known.Load(); l != nil {
		return l
	}
	return &nodeList{}
}

// Nodes are all nodes that hold a lease, as this node knows.
func (s *Store) Nodes() []presence.Node { return s.nodes.list().live }

// counts reports whether what belongs to the peer counts: it holds a lease as
// far as this node knows, or this node may not say that it does not (P1).
func (s *Store) counts(p presence.Peer) bool {
	m, ok := s.nodes.list().nodes[p]
	if !ok {
		return p == s.peer()
	}
	return !m.replaced && (s.Now().UnixMilli() < m.until || !s.settled()) || p == s.peer()
}

// incomplete reports whether what Redis has may be less than there is: it was
// emptied, and some node has not told again what it has.
func (s *Store) incomplete() bool {
	if !s.lease.emptied.Load() || s.settled() {
		return false
	}
	for _, m := range s.nodes.list().nodes {
		if m.missed || !m.asserted {
			return true
		}
	}
	return false
}

// learn takes a reading in and reports who has gone since the last one. Several may
// be on their way at once: one that was asked for before the last one is nothing new.
func (s *Store) learn(r *leaseReply) (gone []member) {
	old := s.nodes.list()
	if r.asked.Before(old.asked) {
		return nil
	}
	now := r.now.UnixMilli()
	l := &nodeList{asked: r.asked, read: time.Now(), nodes: make(map[presence.Peer]member, len(r.nodes))}
	names := make(map[string]bool, len(r.nodes))
	for _, m := range r.nodes {
		if now < m.until {
			l.live = append(l.live, m.Node)
			names[m.Name] = true
		}
	}
	for _, m := range r.nodes {
		m.replaced = now >= m.until && names[m.Name]
		l.nodes[m.Peer] = m
	}
	for p, m := range old.nodes {
		if _, ok := l.nodes[p]; ok || p == s.peer() {
			continue
		}
		if s.lease.emptied.Load() && !s.settled() {
			m.missed = true // it may only not be back yet
			l.nodes[p] = m
			if !names[m.Name] { // else it is, under another epoch
				l.live = append(l.live, m.Node)
			}
			continue
		}
		gone = append(gone, m)
	}
	slices.SortFunc(l.live, func(a, b presence.Node) int { return strings.Compare(nodeEntry(a), nodeEntry(b)) })
	s.nodes.known.Store(l)
	return gone
}

// refresh reads the list of nodes, unless that was done since.
func (s *Store) refresh(since time.Time) error {
	gone, err := s.readNodes(since)
	s.buried(gone)
	return err
}

func (s *Store) readNodes(since time.Time) (gone []member, err error) {
	s.nodes.mu.Lock()
	defer s.nodes.mu.Unlock()
	if s.nodes.list().read.After(since) {
		return nil, nil
	}
	r, err := s.pipeLease(s.leaseCall("list", s.Self(), "", ""))
	if err != nil {
		return nil, err
	}
	return s.learn(r), nil
}

// buried takes note of nodes that are no more.
func (s *Store) buried(gone []member) {
	for _, m := range gone {
		// Who gives its lease back before it ends has left; of who died the sweep
		// of some node finds an old one.
		left := s.Now().UnixMilli() < m.until
		s.cfg.Logger.Info("a node is gone", "node", m.Name, "epoch", m.Epoch, "left", left)
		s.bus.nodeGone(m.Peer, left)
		s.owed.forgive(m.Peer)
		if m.missed {
			// It died while Redis was away, and Redis was emptied: nobody knows
			// what it had. What is remembered is better than nothing.
			s.mourn.add(func() {
				for _, one := range s.routes.on(m.Peer) {
					guard(s.cfg.Logger, func() { s.handler.Lost(one) })
				}
			})
		}
	}
}

// meet makes sure that this node knows what can be known of peers that it has
// met in an entry and that do not count as far as it knows. Redis is asked at
// most a few times a second for the same one.
func (s *Store) meet(peers []presence.Peer) {
	if len(peers) == 0 || s.health.isDown() {
		return
	}
	now := time.Now()
	ask := false
	s.nodes.mu.Lock()
	for _, p := range peers {
		if last, ok := s.nodes.asked[p]; !ok || now.Sub(last) > 250*time.Millisecond {
			ask = true
			if s.nodes.asked == nil || len(s.nodes.asked) > 1000 {
				s.nodes.asked = map[presence.Peer]time.Time{}
			}
			s.nodes.asked[p] = now
		}
	}
	s.nodes.mu.Unlock()
	if ask {
		_ = s.refresh(now) // what stays unknown does not count
	}
}
