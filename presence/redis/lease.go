package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

var (
	leaseScript    = newScript("lease")
	leaseKeyScript = newScript("leasekey")
)

// errEmptied is noticed with a renewal, where no connection broke.
var errEmptied = errors.New("redis: everything in it is gone")

// lease is this node's own.
type lease struct {
	lost    atomic.Bool // what was registered does not count any more
	emptied atomic.Bool // Redis was, and not all nodes have told again what they have

	asserting sync.Mutex // one assertion at a time

	mu      sync.Mutex
	run     string    // of Redis, as known
	tried   time.Time // last Renew, whatever came of it
	held    time.Time // last renewal that Redis took
	upSince time.Time // it was renewed without interruption since; zero: it is interrupted
}

// leaseReply is what lease.lua returns.
type leaseReply struct {
	asked  time.Time // of this machine's clock
	status string
	now    time.Time
	run    string
	nodes  []member
}

// leaseCall makes a call of lease.lua. The key of who buries is used by few
// operations only.
func (s *Store) leaseCall(op string, n presence.Node, arg5, arg6 string) *goredis.Cmd {
	buried := arg6
	if op == "renew" {
		buried = nodeEntry(n)
	}
	return leaseScript.cmd(
		[]string{s.keys.nodes(), s.keys.run(), s.keys.asserted(), s.keys.burying(buried)},
		op, s.deadline(), nodeEntry(n), s.cfg.Lease.Milliseconds(), arg5, arg6)
}

func parseLease(c *goredis.Cmd) (*leaseReply, error) {
	v, err := c.Slice()
	if err != nil {
		return nil, err
	}
	if len(v) != 5 {
		return nil, errors.New("redis: lease: odd answer")
	}
	r := &leaseReply{}
	r.status, _ = v[0].(string)
	us, _ := v[1].(int64)
	r.now = time.UnixMicro(us)
	r.run, _ = v[2].(string)
	asserted := map[string]bool{}
	for _, e := range slice(v[3]) {
		text, _ := e.(string)
		asserted[text] = true
	}
	list := slice(v[4])
	for i := 0; i+1 < len(list); i += 2 {
		text, _ := list[i].(string)
		end, _ := list[i+1].(string)
		ms, err := strconv.ParseFloat(end, 64)
		if n, ok := parseNode(text); ok && err == nil {
			r.nodes = append(r.nodes, member{Node: n, until: int64(ms), asserted: asserted[text]})
		}
	}
	return r, nil
}

func slice(v any) []any {
	list, _ := v.([]any)
	return list
}

// askLease sends one call past the pipe: it has to wait for nothing.
func (s *Store) askLease(ctx context.Context, c *goredis.Cmd) (*leaseReply, error) {
	sent := s.clock.here()
	_ = s.rdb.Process(ctx, c) // the command has the error
	s.pipe.settle(ctx, c)
	if err := s.pipe.away([]goredis.Cmder{c}); err != nil {
		return nil, err
	}
	return s.readLease(c, sent)
}

// pipeLease sends one call through the pipe.
func (s *Store) pipeLease(c *goredis.Cmd) (*leaseReply, error) {
	sent := s.clock.here()
	if err := s.pipe.do(c); err != nil {
		return nil, err
	}
	return s.readLease(c, sent)
}

// readLease reads an answer, and the clock from it.
func (s *Store) readLease(c *goredis.Cmd, sent time.Time) (*leaseReply, error) {
	r, err := parseLease(c)
	if err == nil {
		r.asked = sent
		s.clock.set(sent, s.clock.here(), r.now)
	}
	return r, err
}

// newEpoch names one start of a node: later ones sort behind, and no two are the
// same.
func newEpoch(now time.Time) string {
	return strconv.FormatInt(now.UnixMilli(), 36) + strings.ToLower(rand.Text()[:7])
}

// takeLease enters this node under a new epoch. old is what it was before, if it
// was: it keeps its tag, which its sessions' ids begin with, unless another node
// has come to the same meanwhile.
func (s *Store) takeLease(ctx context.Context, name string, old *presence.Node) error {
	follows, tag := "", ""
	if old != nil {
		follows, tag = nodeEntry(*old), old.Tag
	}
	for range 10 {
		n := presence.Node{Peer: presence.Peer{Name: name, Epoch: newEpoch(s.Now())}, Tag: tag, Addr: s.cfg.Addr}
		if tag == "" {
			n.Tag = tagOf(n.Peer)
		}
		tag = ""
		started := s.clock.here()
		r, err := s.askLease(ctx, s.leaseCall("take", n, newRun(), follows))
		if err != nil {
			return fmt.Errorf("redis: take the lease: %w", err)
		}
		switch r.status {
		case "taken":
			return fmt.Errorf("redis: %w: %s", presence.ErrNodeTaken, name)
		case "tag": // one in a thousand million
			continue
		}
		key := s.leaseKey("take", n.Peer)
		err = s.pipe.do(key)
		if err == nil {
			err = key.Err()
		}
		if err != nil {
			return fmt.Errorf("redis: take the inbox: %w", err)
		}
		s.lease.mu.Lock()
		s.me.Store(&n)
		s.lease.lost.Store(false)
		s.lease.run, s.lease.tried, s.lease.held, s.lease.upSince = r.run, started, started, started
		s.lease.mu.Unlock()
		s.nodes.mu.Lock()
		s.learn(r)
		s.nodes.mu.Unlock()
		return nil
	}
	return errors.New("redis: no free tag")
}

func newRun() string { return rand.Text() }

func (s *Store) leaseKey(op string, p presence.Peer) *goredis.Cmd {
	return leaseKeyScript.cmd([]string{s.keys.lease(p.Name)}, s.deadline(), op, p.Epoch, s.cfg.Lease.Milliseconds())
}

// settled reports whether this node has held its lease for a full one without
// interruption: only then may it say of others that they do not (P1).
func (s *Store) settled() bool {
	l := &s.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.clock.here()
	return !l.upSince.IsZero() && now.Sub(l.upSince) >= s.cfg.Lease && now.Sub(l.held) < s.cfg.Lease
}

// interrupted notes that the lease was not renewed.
func (s *Store) interrupted() {
	s.lease.mu.Lock()
	s.lease.upSince = time.Time{}
	s.lease.mu.Unlock()
}

// Renew prolongs the lease and reads what other nodes hold one. It goes past the
// pipe, and is called beside everything else that the node does: a lease that waits
// for other work is lost when there is much of it.
func (s *Store) Renew(ctx context.Context) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	sent, lost := s.tryRenew()
	switch {
	case lost:
		return fmt.Errorf("redis: %w", presence.ErrLeaseLost)
	case s.health.isDown():
		s.interrupted()
		return fmt.Errorf("redis: renew the lease: %w", presence.ErrUnavailable)
	}
	ctx = context.WithoutCancel(ctx) // or a node that ends would find that Redis is away
	self := s.Self()
	r, err := s.askLease(ctx, s.leaseCall("renew", self, newRun(), s.knownRun()))
	if err != nil {
		s.interrupted()
		return fmt.Errorf("redis: renew the lease: %w", err)
	}
	if err := s.renewed(r, sent, self.Peer); err != nil {
		return err
	}
	key := s.leaseKey("renew", self.Peer)
	_ = s.rdb.Process(ctx, key) // if it fails, that is noted
	s.pipe.settle(ctx, key)
	s.knock()
	s.owed.pay(s)
	if s.lease.emptied.Load() && !s.incomplete() {
		s.lease.emptied.Store(false)
		s.watch.again(s) // who is not there now is not there
	}
	return nil
}

// tryRenew notes that Renew was called, and when, and reports whether the lease is
// lost: because it was found so before, or because this node itself stood still for
// longer than a lease while nobody renewed it. Where Redis was away it is Redis
// that says.
func (s *Store) tryRenew() (now time.Time, lost bool) {
	now = s.clock.here()
	s.lease.mu.Lock()
	stood := now.Sub(s.lease.tried)
	s.lease.tried = now
	s.lease.mu.Unlock()
	if stood > s.cfg.Lease && !s.lease.lost.Swap(true) {
		s.cfg.Logger.Warn("this node stood still for longer than its lease", "for", stood)
	}
	return now, s.lease.lost.Load()
}

func (s *Store) knownRun() string {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	return s.lease.run
}

// renewed takes in what the renewal of one of this node's epochs has brought.
func (s *Store) renewed(r *leaseReply, sent time.Time, p presence.Peer) error {
	if r.status == "emptied" {
		// It was emptied without a connection that broke: all is to be told
		// again, as after an outage.
		s.health.trip(errEmptied, 0)
		return fmt.Errorf("redis: renew the lease: %w", presence.ErrUnavailable)
	}
	s.lease.mu.Lock()
	switch {
	case p != s.peer(): // it has joined again meanwhile
	case r.status == "lost":
		s.lease.upSince = time.Time{}
		first := !s.lease.lost.Swap(true)
		s.lease.mu.Unlock()
		if first {
			s.cfg.Logger.Warn("this node's lease was given up by another node")
		}
		return fmt.Errorf("redis: %w", presence.ErrLeaseLost)
	default:
		s.lease.held = sent
		if s.lease.upSince.IsZero() {
			s.lease.upSince = sent
		}
	}
	s.lease.mu.Unlock()
	s.bus.inbox.renewed()
	s.nodes.mu.Lock()
	gone := s.learn(r)
	s.nodes.mu.Unlock()
	s.buried(gone)
	return nil
}

// Rejoin takes a new epoch. What the old one had registered is given up; Lost is
// not called for it, since its sessions are here.
func (s *Store) Rejoin(ctx context.Context) error {
	// The calls are told while it is known that this node was taken for dead.
	alone, err := s.callsAlone()
	if err == nil && alone {
		err = presence.ErrUnavailable
	}
	if err != nil {
		return fmt.Errorf("redis: rejoin: %w", err)
	}
	old := s.Self()
	s.own.clear()
	s.routes.doubt()
	if err := s.takeLease(ctx, old.Name, &old); err != nil {
		return err
	}
	s.bus.rejoined(old.Peer)
	s.watch.again(s)
	if err = s.unregister(old.Peer, s.Now()); err == nil {
		err = s.drop(old)
	}
	if err != nil {
		// What is left is buried like any node whose lease has ended. This one is
		// there again, and its sessions have to be registered.
		s.cfg.Logger.Warn("the former epoch of this node could not be given up", "epoch", old.Epoch, "err", err)
	}
	return nil
}
