package redis

import (
	"context"
	"fmt"
	"sync"

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
	record := encode(c)
	defer records.Put(record)
	save, err := s.saving(c, was, *record)
	if err != nil {
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
	if s.cluster && !c.Live() && call.State(state) != call.Ended {
		s.ended(c)
	}
	return nil
}

// records are buffers for calls on their way to Redis: a call is mostly the signal
// in it.
var records = sync.Pool{New: func() any { return new([]byte) }}

// encode writes a call into a buffer, which goes back once Redis has answered.
func encode(c *call.Call) *[]byte {
	b := records.Get().(*[]byte)
	*b = call.AppendCall((*b)[:0], c)
	return b
}

// saving sends what stores a version, and returns the command with the answer.
func (s *Store) saving(c *call.Call, was uint64, record []byte) (*goredis.Cmd, error) {
	if !c.Live() && !s.cluster {
		end := s.endAtOnce(c, was, record)
		return end, s.pipe.do(end)
	}
	// An earlier deadline is noted before the record has it, so that it can not
	// be missed; a later one is found when the one before has come. An ended
	// call is looked after by others from then on, if it is not settled.
	var before []goredis.Cmder
	if !c.Live() && len(c.Outbox) > 0 {
		before = []goredis.Cmder{s.noteUnsettled(c.ID)}
	} else if at := call.Deadline(c); !at.IsZero() {
		before = []goredis.Cmder{s.noteTimer(c.ID, at)}
	}
	save := saveScript.cmd([]string{s.keys.call(c.ID)}, s.deadline(), versionBytes(was), record, s.keep(c))
	return save, s.steps(before, []goredis.Cmder{save})
}

// endAtOnce stores a call that has ended and takes it from its users.
func (s *Store) endAtOnce(c *call.Call, was uint64, record []byte) *goredis.Cmd {
	a, b := c.Caller.User, c.Callee.User
	keys := append(make([]string, 0, 10), s.keys.call(c.ID), s.keys.due(shardOf(c.ID)), s.keys.unsettled(shardOf(c.ID)),
		s.keys.mark(a), s.keys.live(a), s.keys.last(a), s.keys.mark(b), s.keys.live(b), s.keys.last(b))
	if c.ClientID != "" {
		keys = append(keys, s.keys.byClient(a)+c.ClientID)
	}
	look := ""
	if len(c.Outbox) > 0 {
		look = score(s.Now().Add(settleAfter))
	}
	return endScript.cmd(keys, s.deadline(), versionBytes(was), record, s.keep(c), c.ID, look, pointerTo(c, a), pointerTo(c, b))
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

// Settled says that all effects of an ended call were handed over. There is time
// to tell Redis so (settleAfter): it is done for many calls at once.
func (s *Store) Settled(_ context.Context, id string) {
	if s.closed.Load() || s.alone.settledAlone(id) {
		return
	}
	s.handed.add(id)
}

// handed are ended calls whose effects were handed over, until Redis has heard
// so.
type handed struct {
	mu  sync.Mutex
	ids [dueShards][]any
}

// maxHanded is how many of one shard wait: what is forgotten is looked at once
// more, and found to have been told.
const maxHanded = 1 << 14

func (l *handed) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if shard := shardOf(id); len(l.ids[shard]) < maxHanded {
		l.ids[shard] = append(l.ids[shard], id)
	}
}

// tellHanded tells Redis. It is called every busTick.
func (s *Store) tellHanded() {
	if cmds := s.handedCmds(); len(cmds) > 0 {
		s.pipe.post(nil, cmds...)
	}
}

// handedCmds are what tells Redis.
func (s *Store) handedCmds() []goredis.Cmder {
	l := &s.handed
	l.mu.Lock()
	ids := l.ids
	l.ids = [dueShards][]any{}
	l.mu.Unlock()
	var cmds []goredis.Cmder
	for shard, list := range ids {
		if len(list) > 0 {
			args := append([]any{"zrem", s.keys.unsettled(shard)}, list...)
			cmds = append(cmds, goredis.NewIntCmd(context.Background(), args...))
		}
	}
	return cmds
}
