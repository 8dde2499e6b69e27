package redis

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// ready says why this node can not register anything, or nil.
func (s *Store) ready() error {
	switch {
	case s.closed.Load():
		return presence.ErrClosed
	case s.lease.lost.Load():
		return fmt.Errorf("redis: %w", presence.ErrLeaseLost)
	}
	return nil
}

// Add registers a session of this node. While Redis is away it is noted here, and
// told when Redis is back.
func (s *Store) Add(_ context.Context, session presence.Session) error {
	if err := s.ready(); err != nil {
		return err
	}
	self := s.Self()
	session.Node, session.Epoch, session.Away = self.Name, self.Epoch, false
	outage := s.health.outage()
	fresh := s.own.put(session)
	r, err := s.change(session.User, s.tracks(session.User), nil, "put", putArgs(ownSession{Session: session})...)
	if r != nil {
		s.noteSince(r, session.ID)
	}
	if errors.Is(err, presence.ErrUnavailable) {
		if fresh && outage > 0 {
			s.own.unheard(session.User, session.ID, func() bool { return s.health.outage() == outage })
		}
		return nil
	}
	return err
}

// noteSince remembers when Redis has registered a session of this node.
func (s *Store) noteSince(r *userReply, id string) {
	for _, have := range r.sessions {
		if have.ID == id && have.Owner() == s.peer() {
			s.own.registered(r.user, id, have.since)
		}
	}
}

// tracks writes that the user has sessions here, in front of the first: whoever
// buries this node goes by it.
func (s *Store) tracks(user string) *goredis.Cmd {
	self := s.Self()
	return s.fenced(s.keys.users(self.Name, self.Epoch), "SADD", user)
}

func putArgs(o ownSession) []any {
	left := int64(0)
	if o.Away {
		left = o.left.UnixMilli()
	}
	return []any{o.ID, digit(o.Extended), digit(o.Away), o.since, left, o.Device}
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Suspend says that a session of this node is away.
func (s *Store) Suspend(_ context.Context, user, id string) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	if !s.own.suspend(user, id, s.Now()) {
		return nil
	}
	_, err := s.change(user, nil, nil, "suspend", id)
	if errors.Is(err, presence.ErrUnavailable) {
		return nil // told later, by what the session is then
	}
	return err
}

// Remove takes a session of this node away.
func (s *Store) Remove(_ context.Context, user, id string, how presence.End) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	one, ok := s.own.remove(user, id)
	if !ok {
		return nil
	}
	at := s.Now()
	later := func() {
		if !one.unheard {
			s.own.ends(ownEnd{user, id, how, at})
		}
	}
	r, err := s.change(user, nil, later, "remove", id, digit(how == presence.Clean), 0)
	if errors.Is(err, presence.ErrUnavailable) {
		later()
		return nil
	}
	if r != nil {
		s.untrack(user)
	}
	return err
}

// untrack takes the user from those with sessions here, unless there is one again:
// its own command then comes behind this one.
func (s *Store) untrack(user string) {
	self := s.Self()
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if len(s.own.users[user]) == 0 {
		s.pipe.post(nil, s.fenced(s.keys.users(self.Name, self.Epoch), "SREM", user))
	}
}

// Sessions lists the user's connected sessions on nodes that hold a lease.
func (s *Store) Sessions(_ context.Context, user string) ([]presence.Session, error) {
	if s.closed.Load() {
		return nil, presence.ErrClosed
	}
	list, err := s.askSessions(user)
	if err != nil {
		return nil, err
	}
	out := list[:0:0]
	for _, one := range list {
		if !one.Away && s.counts(one.Owner()) {
			out = append(out, one)
		}
	}
	return out, nil
}

// askSessions reads the user's sessions, whoever has them, and makes sure that
// their nodes are known.
func (s *Store) askSessions(user string) ([]presence.Session, error) {
	c := command("hgetall", s.keys.sessions(user))
	if err := s.pipe.do(c); err != nil {
		if s.onlyLocal(user) {
			return s.own.of(user), nil
		}
		return nil, fmt.Errorf("redis: sessions: %w", err)
	}
	// With RESP3 the answer is a map, with RESP2 a list.
	var flat []any
	switch v := c.Val().(type) {
	case []any:
		flat = v
	case map[any]any:
		for k, e := range v {
			flat = append(flat, k, e)
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("redis: sessions: %w", err)
	}
	list := (&userReply{sessions: userSessions(user, flat)}).list()
	s.meetAll(list)
	return list, nil
}

// meetAll makes sure that the nodes of these sessions are known.
func (s *Store) meetAll(list []presence.Session) {
	var unknown []presence.Peer
	for i := range list {
		if p := list[i].Owner(); !s.counts(p) {
			unknown = append(unknown, p)
		}
	}
	s.meet(unknown)
}
