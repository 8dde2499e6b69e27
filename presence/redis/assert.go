package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// wentAway runs when Redis has gone.
func (s *Store) wentAway(why string) {
	s.cfg.Logger.Warn("redis is away: this node works alone", "why", why)
	s.interrupted()
	s.routes.doubt() // nobody tells of changes now
}

// isBack runs when Redis answers, before anything else is sent to it. An error
// means that it can not be worked with yet.
func (s *Store) isBack(ctx context.Context) error {
	if err := s.readClock(ctx); err != nil {
		return err
	}
	if s.me.Load() == nil || s.lease.lost.Load() {
		return nil
	}
	sent, self := s.clock.here(), s.Self()
	r, err := s.askLease(ctx, s.leaseCall("renew", self, newRun(), s.knownRun()))
	if err != nil {
		return err
	}
	s.routes.doubt()
	if r.status == "emptied" {
		s.cfg.Logger.Warn("redis has come back empty: this node tells again what it has")
		s.lease.emptied.Store(true)
		s.tally.emptied.Add(1)
		s.lease.mu.Lock()
		s.lease.run = r.run
		s.lease.mu.Unlock()
		r.status = "ok"
	}
	_ = s.renewed(r, sent, self.Peer) // a lost lease is reported by Renew
	s.lease.mu.Lock()
	s.lease.upSince = sent // from here on a full lease (P1)
	s.lease.mu.Unlock()
	return nil
}

// startAssert runs once commands pass again.
func (s *Store) startAssert() {
	s.tasks.Go(func() {
		s.lease.asserting.Lock()
		defer s.lease.asserting.Unlock()
		start := time.Now()
		if err := s.assert(s.ctx); err != nil {
			// Redis has gone again, and there is a next time; or the lease is
			// lost, and all is registered anew.
			s.cfg.Logger.Warn("could not tell redis again all that is here", "err", err)
			return
		}
		s.cfg.Logger.Info("redis is back and knows all that is here", "after", time.Since(start).Round(time.Millisecond))
	})
}

// assert tells Redis all that is here, whatever it knows of it.
func (s *Store) assert(ctx context.Context) error {
	if s.me.Load() == nil {
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	s.pipe.post(nil, s.leaseKey("renew", s.peer()))
	if err := s.assertEnds(); err != nil {
		return err
	}
	if err := s.assertSessions(ctx); err != nil {
		return err
	}
	if err := s.assertCalls(ctx); err != nil {
		return err
	}
	// Nodes that have not noticed the outage may remember what has changed in it.
	for p := range s.nodes.list().nodes {
		if p != s.peer() {
			s.owed.forget(s, p, "", 0)
		}
	}
	if err := s.pipe.do(s.fenced(s.keys.asserted(), "SADD", nodeEntry(s.Self()))); err != nil {
		return err
	}
	s.watch.again(s)
	return s.refresh(time.Now())
}

// assertEnds tells of sessions that ended meanwhile.
func (s *Store) assertEnds() error {
	ended := s.own.takeEnded()
	for len(ended) > 0 {
		part := ended[:min(len(ended), maxBatch)]
		cmds := make([]goredis.Cmder, 0, len(part))
		users := make([]string, 0, len(part))
		done := make(chan struct{})
		s.own.mu.Lock()
		for _, e := range part {
			if _, back := s.own.users[e.user][e.id]; !back {
				users = append(users, e.user)
				cmds = append(cmds, s.userCall(e.user, "remove", e.id, digit(e.how == presence.Clean), e.at.UnixMilli()))
			}
		}
		s.pipe.post(func() { close(done) }, cmds...)
		s.own.mu.Unlock()
		<-done
		err := s.followAll(users, cmds, nil)
		if err != nil {
			for _, e := range ended {
				s.own.ends(e)
			}
			return err
		}
		for _, u := range users {
			s.untrack(u)
		}
		ended = ended[len(part):]
	}
	return nil
}

// assertSessions tells of the sessions that are here.
func (s *Store) assertSessions(ctx context.Context) error {
	for part := range chunks(s.own.everybody(), maxBatch/4) {
		if err := ctx.Err(); err != nil {
			return err
		}
		var cmds, tracks []goredis.Cmder
		var users []string
		var known []bool
		done := make(chan struct{})
		s.own.mu.Lock()
		for _, u := range part {
			for id, one := range s.own.users[u] {
				one.unheard = false
				s.own.users[u][id] = one
				users = append(users, u)
				cmds, known = append(cmds, s.userCall(u, "put", putArgs(one)...)), append(known, one.since > 0)
			}
			if len(s.own.users[u]) > 0 {
				tracks = append(tracks, s.tracks(u))
			}
		}
		s.pipe.post(nil, tracks...)
		s.pipe.post(func() { close(done) }, cmds...)
		s.own.mu.Unlock()
		<-done
		if err := s.followAll(users, cmds, known); err != nil {
			return err
		}
	}
	return nil
}

// followAll reads the answers of commands of users, one each, and does what
// follows.
// known, if not nil, says of which Redis was told before: an emptied one that
// hears of them again makes no news.
func (s *Store) followAll(users []string, cmds []goredis.Cmder, known []bool) error {
	if err := s.pipe.away(cmds); err != nil {
		return err
	}
	replies := make([]*userReply, 0, len(cmds))
	for i, c := range cmds {
		r, err := parseUser(users[i], c.(*goredis.Cmd))
		if err != nil {
			return fmt.Errorf("redis: assert: %w", err)
		}
		if known == nil || !known[i] {
			s.flips(r)
		}
		for _, have := range r.sessions {
			if have.Owner() == s.peer() {
				s.own.registered(r.user, have.ID, have.since)
			}
		}
		replies = append(replies, r)
	}
	return s.follow(replies)
}
