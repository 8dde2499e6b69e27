package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// Save stores c over version was.
func (s *Store) Save(_ context.Context, c *call.Call, was uint64) error {
	alone, err := s.callsAlone()
	if err != nil {
		return err
	}
	if alone {
		return s.saveAlone(c, was)
	}
	record, err := call.Encode(*c)
	if err != nil {
		return err
	}
	// An earlier deadline is noted before the record has it, so that it can not
	// be missed; a later one is found when the one before has come. An ended
	// call is looked after by others from then on, if it is not settled.
	var before []goredis.Cmder
	unsettled := !c.Live() && len(c.Outbox) > 0
	if unsettled {
		before = []goredis.Cmder{s.noteUnsettled(c.ID)}
	} else if at := call.Deadline(c); !at.IsZero() {
		before = []goredis.Cmder{s.noteTimer(c.ID, at)}
	}
	save := saveScript.cmd([]string{s.keys.call(c.ID)}, s.deadline(), versionBytes(was), record, s.keep(c))
	if err := s.steps(before, []goredis.Cmder{save}); err != nil {
		return fmt.Errorf("redis: save: %w", err)
	}
	state, err := save.Int()
	switch {
	case err != nil:
		return fmt.Errorf("redis: save: %w", err)
	case state < 0:
		return presence.ErrConflict
	case state == 0:
		return s.missing()
	}
	if !c.Live() && call.State(state) != call.Ended {
		s.ended(c)
	}
	return nil
}

// ended takes a call that has just ended from its users. If that fails nothing
// is wrong: pointers to it count for nothing, and Due finds what is left.
func (s *Store) ended(c *call.Call) { _ = s.pipe.do(s.endCmds(c)...) }

func (s *Store) endCmds(c *call.Call) []goredis.Cmder {
	cmds := []goredis.Cmder{
		s.release(c, c.Caller.User, true),
		s.release(c, c.Callee.User, true),
		goredis.NewIntCmd(context.Background(), "zrem", s.keys.due(shardOf(c.ID)), c.ID),
	}
	if c.ClientID != "" {
		cmds = append(cmds, goredis.NewBoolCmd(context.Background(), "pexpire",
			s.keys.byClient(c.Caller.User)+c.ClientID, s.cfg.EndedKeep.Milliseconds()))
	}
	return cmds
}

// Settled says that all effects of an ended call were handed over.
func (s *Store) Settled(_ context.Context, id string) {
	if s.closed.Load() || s.alone.settledAlone(id) {
		return
	}
	s.pipe.post(nil, goredis.NewIntCmd(context.Background(), "zrem", s.keys.unsettled(shardOf(id)), id))
}
