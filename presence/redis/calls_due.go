package redis

import (
	"context"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

var (
	takeDueScript = newScript("due_take")
	dropDueScript = newScript("due_drop")
)

// taken is a call that was handed out.
type taken struct {
	id    string
	again string // when it comes again, as Redis wrote it
	timer bool   // its deadline was noted; else it was to be looked at again
	get   *goredis.StringCmd
}

// Due lists calls whose deadline has come, and ended ones that nobody has
// settled. What is found on the way is put right: timers that were too early,
// ended calls that were not taken from their users.
func (s *Store) Due(_ context.Context, limit int) ([]string, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return nil, err
	}
	if alone {
		return s.dueAlone(limit), nil
	}
	list, err := s.takeDue(max((limit+dueShards-1)/dueShards, 1))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	cmds := make([]goredis.Cmder, len(list))
	for i := range list {
		list[i].get = goredis.NewStringCmd(context.Background(), "get", s.keys.call(list[i].id))
		cmds[i] = list[i].get
	}
	if err := s.pipe.do(cmds...); err != nil {
		return nil, fmt.Errorf("redis: due: %w", err)
	}
	var ids []string
	for i := range list {
		if s.isDue(&list[i]) && len(ids) < limit { // else it comes again
			ids = append(ids, list[i].id)
		}
	}
	return ids, nil
}

// takeDue takes up to so many of each shard.
func (s *Store) takeDue(most int) ([]taken, error) {
	cmds := make([]goredis.Cmder, dueShards)
	for i := range cmds {
		cmds[i] = takeDueScript.cmd([]string{s.keys.due(i), s.keys.unsettled(i)}, most, lookAgain.Milliseconds())
	}
	// Told first, those that are settled are not found.
	if err := s.pipe.do(append(s.handedCmds(), cmds...)...); err != nil {
		return nil, fmt.Errorf("redis: due: %w", err)
	}
	var list []taken
	for _, c := range cmds {
		v, err := c.(*goredis.Cmd).Slice()
		if err != nil || len(v) != 3 {
			return nil, fmt.Errorf("redis: due: odd answer: %w", err)
		}
		again, _ := v[0].(string)
		for j, ids := range [][]any{slice(v[1]), slice(v[2])} {
			for _, id := range ids {
				text, _ := id.(string)
				list = append(list, taken{id: text, again: again, timer: j == 0})
			}
		}
	}
	return list, nil
}

// isDue looks at one call, whose record has been read.
func (s *Store) isDue(t *taken) bool {
	c, err := s.record(t.get)
	switch {
	case err != nil:
		if t.get.Err() != nil && !s.incomplete() {
			s.dropDue(t, "") // there is no such call
		}
		return false
	case !c.Live():
		if t.timer {
			s.pipe.post(nil, s.endCmds(c)...) // who ended it died before it could
		}
		if len(c.Outbox) == 0 {
			s.dropDue(t, "")
			return false
		}
		// It is kept while somebody may still be told, or its record be stored.
		if s.Now().Sub(c.EndAt.Time()) < unsettledKeep {
			s.pipe.post(nil, goredis.NewBoolCmd(context.Background(), "pexpire", s.keys.call(c.ID), s.keep(c)))
		}
		return true
	}
	ms, _ := strconv.ParseInt(t.again, 10, 64)
	now := ms - lookAgain.Milliseconds() // Redis' own, when it was taken
	at, own := s.timer(c)
	if own && at.UnixMilli() <= now {
		return true
	}
	s.dropDue(t, score(at))
	if !own {
		s.pipe.post(nil, goredis.NewBoolCmd(context.Background(), "pexpire", s.keys.call(c.ID), s.keep(c)))
	}
	return false
}

// dropDue says that nobody need look at the call before its deadline.
func (s *Store) dropDue(t *taken, deadline string) {
	shard := shardOf(t.id)
	s.pipe.post(nil, dropDueScript.cmd([]string{s.keys.due(shard), s.keys.unsettled(shard)}, t.id, t.again, deadline))
}
