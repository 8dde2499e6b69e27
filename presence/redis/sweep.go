package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// Sweep buries nodes whose lease has run out, and ends graces.
func (s *Store) Sweep(ctx context.Context) error {
	switch {
	case s.closed.Load():
		return presence.ErrClosed
	case s.health.isDown():
		return fmt.Errorf("redis: sweep: %w", presence.ErrUnavailable)
	case s.lease.lost.Load():
		return fmt.Errorf("redis: sweep: %w", presence.ErrLeaseLost)
	}
	if s.settled() {
		if err := s.refresh(time.Now()); err != nil {
			return fmt.Errorf("redis: sweep: %w", err)
		}
		now := s.Now().UnixMilli()
		for p, m := range s.nodes.list().nodes {
			if p == s.peer() || m.missed || now < m.until {
				continue
			}
			if err := s.bury(ctx, m); err != nil {
				return fmt.Errorf("redis: bury %s: %w", p.Name, err)
			}
		}
	}
	if err := s.endGraces(); err != nil {
		return fmt.Errorf("redis: sweep: %w", err)
	}
	s.forgetTombstones()
	return nil
}

// bury makes the sessions of a dead node vanished and tells of each. The node's
// entry goes last: if this node dies meanwhile, another one begins again, and
// what nobody was told of is told then.
func (s *Store) bury(ctx context.Context, dead member) error {
	claim := s.leaseCall("claim", s.Self(), "", nodeEntry(dead.Node))
	if !s.mourned.begin(dead.Peer) { // all that is left to do is being done
		s.pipe.post(nil, claim)
		return nil
	}
	told := false
	defer func() {
		if !told {
			s.mourned.end(dead.Peer)
		}
	}()
	r, err := s.pipeLease(claim)
	if err != nil {
		return err
	}
	if r.status != "ok" { // somebody else is at it, or it is back, or it is done
		return nil
	}
	s.tally.buried.Add(1)
	s.cfg.Logger.Warn("a node's lease has run out", "node", dead.Name, "epoch", dead.Epoch)
	users, err := s.usersOf(dead.Peer)
	if err != nil {
		return err
	}
	lost := make(map[string][]presence.Session, len(users))
	for part := range chunks(users, maxBatch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		replies, err := s.buryUsers(dead.Peer, part, dead.until, true)
		if err != nil {
			return err
		}
		for _, r := range replies {
			if len(r.lost) > 0 {
				lost[r.user] = r.lost
			}
		}
	}
	told = true
	s.mourn.add(func() {
		defer s.mourned.end(dead.Peer)
		s.mournNode(dead.Node, lost)
	})
	return nil
}

// mourned are dead nodes that this one is burying: it may take longer to tell of
// their sessions than until the next sweep.
type mourned struct {
	mu    sync.Mutex
	nodes map[presence.Peer]bool
}

// begin reports whether nobody is at it.
func (m *mourned) begin(p presence.Peer) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.nodes[p] {
		return false
	}
	if m.nodes == nil {
		m.nodes = map[presence.Peer]bool{}
	}
	m.nodes[p] = true
	return true
}

func (m *mourned) end(p presence.Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.nodes, p)
}

// mournNode tells the handler of what a node has lost, and drops the node.
func (s *Store) mournNode(dead presence.Node, lost map[string][]presence.Session) {
	claimed := time.Now()
	for user, list := range lost {
		var cmds []goredis.Cmder
		for _, one := range list {
			if s.ctx.Err() != nil || s.health.isDown() {
				return // whoever comes next begins again
			}
			guard(s.cfg.Logger, func() { s.handler.Lost(one) })
			cmds = append(cmds, command("hdel", s.keys.lost(user), one.ID))
		}
		s.pipe.post(nil, cmds...)
		if time.Since(claimed) > s.cfg.Lease/4 {
			claimed = time.Now()
			s.pipe.post(nil, s.leaseCall("claim", s.Self(), "", nodeEntry(dead)))
		}
	}
	if err := s.drop(dead); err != nil {
		s.cfg.Logger.Warn("can not drop a dead node yet", "node", dead.Name, "err", err)
	}
}

// drop removes the keys of a node, its entry last.
func (s *Store) drop(n presence.Node) error {
	s.dropInbox(n.Peer)
	keys := []goredis.Cmder{
		leaseKeyScript.cmd([]string{s.keys.lease(n.Name)}, s.deadline(), "drop", n.Epoch, 0),
		s.fenced(s.keys.users(n.Name, n.Epoch), "UNLINK"),
	}
	if err := s.pipe.do(keys...); err != nil {
		return err
	}
	r, err := s.pipeLease(s.leaseCall("done", s.Self(), "", nodeEntry(n)))
	if err != nil {
		return err
	}
	s.nodes.mu.Lock()
	gone := s.learn(r)
	s.nodes.mu.Unlock()
	s.buried(gone)
	return nil
}

// usersOf lists the users who had sessions on a node.
func (s *Store) usersOf(p presence.Peer) (users []string, err error) {
	key := s.keys.users(p.Name, p.Epoch)
	for cursor := uint64(0); ; {
		c := goredis.NewScanCmd(context.Background(), nil, "sscan", key, cursor, "count", 1000)
		if err := s.pipe.do(c); err != nil {
			return nil, err
		}
		var page []string
		if page, cursor, err = c.Result(); err != nil {
			return nil, err
		}
		users = append(users, page...)
		if cursor == 0 {
			return users, nil
		}
	}
}

// buryUsers takes a node's sessions from users, and keeps them where Lost is to
// be called.
func (s *Store) buryUsers(dead presence.Peer, users []string, at int64, keep bool) ([]*userReply, error) {
	cmds := make([]goredis.Cmder, len(users))
	for i, u := range users {
		cmds[i] = s.userCall(u, "bury", peerKey(dead), strconv.FormatInt(at, 10), digit(keep))
	}
	if err := s.pipe.do(cmds...); err != nil {
		return nil, err
	}
	replies := make([]*userReply, 0, len(users))
	for i, u := range users {
		r, err := parseUser(u, cmds[i].(*goredis.Cmd))
		if err != nil {
			return nil, err
		}
		replies = append(replies, r)
	}
	s.flips(replies...)
	// All: the dead node may have been in the middle of something.
	return replies, s.follow(replies)
}

// unregister gives up what an epoch of this node has registered.
func (s *Store) unregister(p presence.Peer, at time.Time) error {
	users, err := s.usersOf(p)
	if err != nil {
		return err
	}
	for part := range chunks(users, maxBatch) {
		if _, err := s.buryUsers(p, part, at.UnixMilli(), false); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends this node's membership. If sessions are left, the node only lets go
// of its lease: another one buries it at once and tells their calls (C13).
func (s *Store) giveUp(ctx context.Context, self presence.Node) error {
	users, err := s.usersOf(self.Peer)
	if err != nil {
		return err
	}
	left := false
	for part := range chunks(users, maxBatch) {
		replies, err := s.buryUsers(self.Peer, part, s.Now().UnixMilli(), true)
		if err != nil {
			return err
		}
		left = left || slices.ContainsFunc(replies, func(r *userReply) bool { return len(r.lost) > 0 })
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !left {
		return s.drop(self)
	}
	key := leaseKeyScript.cmd([]string{s.keys.lease(self.Name)}, s.deadline(), "drop", self.Epoch, 0)
	return s.pipe.do(key, s.leaseCall("leave", self, "", ""))
}

// vanish makes this node's sessions vanished and gives its name back.
func (s *Store) vanish(ctx context.Context) error {
	self := s.Self()
	var watching []string
	s.watch.mu.Lock()
	for u := range s.watch.users {
		watching = append(watching, u)
	}
	s.watch.users = map[string]*watched{}
	s.watch.mu.Unlock()
	for part := range chunks(watching, maxBatch) {
		cmds := make([]goredis.Cmder, len(part))
		for i, u := range part {
			cmds[i] = s.fenced(s.keys.watchers(u), "SREM", peerKey(self.Peer))
		}
		s.pipe.post(nil, cmds...)
	}
	err := s.giveUp(ctx, self)
	if err != nil && !errors.Is(err, presence.ErrUnavailable) {
		return fmt.Errorf("redis: leave: %w", err)
	}
	return nil
}
