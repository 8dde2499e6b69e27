package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/call"
)

var (
	assertCallScript = newScript("call_assert")
	assertMarkScript = newScript("mark_assert", "start")
)

// assertMost is how many calls are asserted in one go.
const assertMost = 256

// claimed is a call that this node knows, on its way to a Redis that may have
// lost it, or have another version.
type claimed struct {
	c       *call.Call
	alone   *aloneCall // it was opened or changed while Redis was away
	settled bool
	set     *goredis.Cmd
}

// assertCalls tells Redis of all calls that are known here, once after each
// outage, and of those that were opened or changed while it was away (P7).
// Where two versions of a call meet, ended beats live, then the higher version;
// if that is Redis' one, the handler is told to look at the call again. So it is if
// this node was taken for dead meanwhile, and Redis has not got the call any more:
// others ended it, and it is forgotten.
func (s *Store) assertCalls(ctx context.Context) error {
	a := &s.alone
	a.one.Lock()
	defer a.one.Unlock()
	trips := s.health.trips.Load()
	if err := s.undoDoubts(); err != nil {
		return err
	}
	var list []claimed
	if a.asserted.Load() != trips {
		for _, c := range s.knownCalls() {
			list = append(list, claimed{c: c})
		}
	}
	for {
		list = a.claim(list)
		if len(list) == 0 {
			break
		}
		for len(list) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(len(list), assertMost)
			if err := s.assertSome(list[:n]); err != nil {
				return err
			}
			list = list[n:]
		}
		list = nil
	}
	a.asserted.Store(trips)
	return nil
}

// claim adds what was opened or changed here, in place of what is known besides.
func (a *alone) claim(known []claimed) []claimed {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := known[:0]
	for _, k := range known {
		if a.calls[k.c.ID] == nil {
			list = append(list, k)
		}
	}
	for _, e := range a.calls {
		if e.fresh && e.settled {
			a.dropLocked(e) // it began and ended here: it is nobody else's concern
			continue
		}
		list = append(list, claimed{c: e.c, alone: e, settled: e.settled})
	}
	return list
}

// assertSome asserts a few calls: first the records, behind their timers, then
// the pointers to those that are there.
func (s *Store) assertSome(list []claimed) error {
	var timers, records, pointers, rest []goredis.Cmder
	dead := s.lease.lost.Load() && !s.lease.emptied.Load()
	for i := range list {
		k := &list[i]
		record := call.AppendCall(nil, k.c)
		if k.c.Live() {
			at, _ := s.timer(k.c)
			timers = append(timers, s.noteTimer(k.c.ID, at))
		} else if k.alone != nil && !k.settled && len(k.c.Outbox) > 0 {
			timers = append(timers, s.noteUnsettled(k.c.ID))
		}
		newer, there := k.alone != nil, dead && k.alone == nil && k.c.Live()
		k.set = assertCallScript.cmd([]string{s.keys.call(k.c.ID)}, s.deadline(), record, s.keep(k.c), int(call.Ended), digit(newer), digit(there))
		records = append(records, k.set)
	}
	if err := s.steps(timers, records); err != nil {
		return fmt.Errorf("redis: assert calls: %w", err)
	}
	for i := range list {
		k := &list[i]
		ours, err := k.set.Int()
		if err != nil {
			return fmt.Errorf("redis: assert call %s: %w", k.c.ID, err)
		}
		switch {
		case ours == 0:
			s.recheck(k.c.ID)
		case k.c.Live():
			for _, user := range [...]string{k.c.Caller.User, k.c.Callee.User} {
				pointers = append(pointers, assertMarkScript.cmd([]string{s.keys.mark(user), s.keys.live(user)}, pointerTo(k.c, user)))
			}
			if k.c.ClientID != "" {
				pointers = append(pointers, s.nameByClient(k.c))
			}
		default:
			rest = append(rest, s.endCmds(k.c)...)
		}
	}
	if err := s.steps(pointers, append(rest, s.movedMarks(list)...)); err != nil {
		return fmt.Errorf("redis: assert pointers to calls: %w", err)
	}
	s.alone.settle(list)
	return nil
}

// movedMarks sets the marks that were moved while Redis was away.
func (s *Store) movedMarks(list []claimed) (cmds []goredis.Cmder) {
	a := &s.alone
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range list {
		c := list[i].c
		for _, user := range [...]string{c.Caller.User, c.Callee.User} {
			if a.marks[user] == c.ID {
				delete(a.marks, user)
				cmds = append(cmds, goredis.NewStatusCmd(context.Background(), "set", s.keys.mark(user), pointerTo(c, user)))
			}
		}
	}
	return cmds
}

// settle forgets what Redis has now, unless it has changed meanwhile.
func (a *alone) settle(list []claimed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range list {
		e := list[i].alone
		if e == nil {
			continue
		}
		if a.calls[e.c.ID] == e {
			a.dropLocked(e)
		}
	}
}

// undoDoubts takes away what Redis may have of calls that were never told of.
func (s *Store) undoDoubts() error {
	a := &s.alone
	a.mu.Lock()
	list := make([]*call.Call, 0, len(a.doubts))
	for _, c := range a.doubts {
		list = append(list, c)
	}
	a.mu.Unlock()
	for _, c := range list {
		if err := s.steps(s.undoCmds(c, []string{c.Caller.User, c.Callee.User})...); err != nil {
			return fmt.Errorf("redis: undo calls: %w", err)
		}
		a.mu.Lock()
		if a.doubts[c.ID] == c {
			delete(a.doubts, c.ID)
			a.countLocked()
		}
		a.mu.Unlock()
	}
	return nil
}

// recheck has the handler look at a call again.
func (s *Store) recheck(id string) {
	if s.handler != nil {
		s.alone.rechecks.add(func() { s.handler.Recheck(id) })
	}
}
