package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

var (
	undoScript = newScript("call_undo")
	openScript = newScript("call_open", "start")
)

// opening is one Open at work.
type opening struct {
	s     *Store
	c     *call.Call
	users []string // in the order in which they are claimed
	marks []string // of whom a mark is wanted
	over  []string
}

// Open stores a new call and takes its marks.
//
// The users are claimed one after the other, in the order of their names, and
// the second only if the first was free: of two calls that want the same two
// users, or of any number that meet in a circle, one gets through.
func (s *Store) Open(_ context.Context, c *call.Call, marks []string, over ...string) error {
	alone, err := s.callsAlone()
	if err != nil {
		return err
	}
	if alone {
		return s.openAlone(c, marks, over)
	}
	buf := encode(c)
	defer records.Put(buf)
	record := *buf
	if !c.Live() {
		return s.openEnded(c, s.storing(c, record))
	}
	o := &opening{s: s, c: c, users: []string{c.Caller.User}, marks: marks, over: over}
	if c.Callee.User != c.Caller.User {
		o.users = append(o.users, c.Callee.User)
		slices.Sort(o.users)
	}
	if !s.cluster {
		return o.atOnce(record)
	}
	at, _ := s.timer(c)
	store := s.storing(c, record)
	before := [][]goredis.Cmder{{s.noteTimer(c.ID, at)}, {store}}
	if err := o.claim(0, before); err != nil {
		return o.failed(0, err)
	}
	switch err := store.Err(); {
	case errors.Is(err, goredis.Nil):
		return presence.ErrConflict // there is one with this id: it keeps its users
	case err != nil:
		o.undo(o.users[:1])
		return fmt.Errorf("redis: open: %w", err)
	}
	return o.claimFrom(1)
}

// storing stores the record of a call that is not there yet.
func (s *Store) storing(c *call.Call, record []byte) *goredis.Cmd {
	return s.fenced(s.keys.call(c.ID), "SET", record, "NX", "PX", s.keep(c))
}

// atOnce opens the call with one script. Where another mark is in the way it is
// looked at as in a Cluster, and the rest is claimed after it.
func (o *opening) atOnce(record []byte) error {
	s, c := o.s, o.c
	at, _ := s.timer(c)
	keys := append(make([]string, 0, 7), s.keys.call(c.ID), s.keys.due(shardOf(c.ID)))
	args := append(make([]any, 0, 10), s.deadline(), record, s.keep(c), score(at), c.ID, len(o.users))
	for _, user := range o.users {
		wanted := "0"
		if slices.Contains(o.marks, user) {
			wanted = "1"
		}
		keys = append(keys, s.keys.mark(user), s.keys.live(user))
		args = append(args, pointerTo(c, user), wanted)
	}
	if c.ClientID != "" {
		keys = append(keys, s.keys.byClient(c.Caller.User)+c.ClientID)
	}
	open := openScript.cmd(keys, args...)
	if err := s.pipe.do(open); err != nil {
		s.alone.doubt(c)
		return fmt.Errorf("redis: open: %w", err)
	}
	v, err := open.Result()
	if err != nil {
		return fmt.Errorf("redis: open: %w", err)
	}
	got, seen := v, ""
	if list, ok := v.([]any); ok && len(list) == 2 {
		got = list[0]
		seen, _ = list[1].(string)
	}
	n, ok := got.(int64)
	switch {
	case !ok || int(n) > len(o.users):
		return fmt.Errorf("redis: open: odd answer %v", v)
	case n < 0:
		return presence.ErrConflict
	case int(n) == len(o.users):
		return nil
	}
	user := o.users[n]
	if err := o.contend(user, seen, pointerTo(c, user)); err != nil {
		return o.failed(int(n), err)
	}
	if int(n) == len(o.users)-1 && c.ClientID != "" {
		s.pipe.post(nil, s.nameByClient(c))
	}
	return o.claimFrom(int(n) + 1)
}

// claimFrom claims the users from this one on, each after the one before.
func (o *opening) claimFrom(i int) error {
	for ; i < len(o.users); i++ {
		if err := o.claim(i, nil); err != nil {
			return o.failed(i, err)
		}
	}
	return nil
}

// failed takes back what the call has got when it did not get this user.
func (o *opening) failed(i int, err error) error {
	if errors.Is(err, presence.ErrUnavailable) {
		o.s.alone.doubt(o.c) // it may be there all the same
	} else {
		o.undo(o.users[:i+1])
	}
	return err
}

// openEnded stores a call that was refused: nobody has a part in it.
func (s *Store) openEnded(c *call.Call, store *goredis.Cmd) error {
	cmds := make([]goredis.Cmder, 0, 3)
	if len(c.Outbox) > 0 {
		cmds = append(cmds, s.noteUnsettled(c.ID))
	}
	cmds = append(cmds, store)
	if c.ClientID != "" {
		cmds = append(cmds, s.nameByClient(c))
	}
	if err := s.pipe.do(cmds...); err != nil {
		return fmt.Errorf("redis: open: %w", err)
	}
	if err := store.Err(); errors.Is(err, goredis.Nil) {
		return presence.ErrConflict
	} else if err != nil {
		return fmt.Errorf("redis: open: %w", err)
	}
	return nil
}

func (s *Store) nameByClient(c *call.Call) *goredis.StatusCmd {
	return goredis.NewStatusCmd(context.Background(), "set", s.keys.byClient(c.Caller.User)+c.ClientID, c.ID, "px", s.keep(c))
}

// claim takes one of the users for the call, after what goes before it.
func (o *opening) claim(i int, before [][]goredis.Cmder) error {
	s, user := o.s, o.users[i]
	pointer := pointerTo(o.c, user)
	// A user who is not to be marked is, if there is no other mark: no mark means
	// no call.
	mark := goredis.NewStringCmd(context.Background(), "set", s.keys.mark(user), pointer, "nx", "get")
	claims := []goredis.Cmder{
		mark,
		goredis.NewIntCmd(context.Background(), "zadd", s.keys.live(user), int64(o.c.Started), pointer),
	}
	if i == len(o.users)-1 && o.c.ClientID != "" {
		claims = append(claims, s.nameByClient(o.c))
	}
	if err := s.steps(append(before, claims)...); err != nil {
		return fmt.Errorf("redis: open: %w", err)
	}
	seen, err := mark.Result()
	if errors.Is(err, goredis.Nil) || (err == nil && !slices.Contains(o.marks, user)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("redis: open: %w", err)
	}
	return o.contend(user, seen, pointer)
}

// contend deals with a mark that was there.
func (o *opening) contend(user, seen, pointer string) error {
	s := o.s
	for range 16 {
		held, take := idOf(seen), s.overtake(user, seen, pointer)
		switch {
		case held == o.c.ID:
			return nil
		case !slices.Contains(o.over, held):
			holder, err := o.holder(user, seen)
			if err != nil {
				return err
			}
			if holder != "" {
				if holder != seen {
					s.pipe.post(nil, s.replace(user, seen, holder))
				}
				return &presence.Held{User: user, Call: idOf(holder)}
			}
			take = s.replace(user, seen, pointer)
		}
		if err := s.pipe.do(take); err != nil {
			return fmt.Errorf("redis: open: %w", err)
		}
		now, err := take.Text()
		if err != nil {
			return fmt.Errorf("redis: open: %w", err)
		}
		if now == "" {
			return nil
		}
		seen = now
	}
	return &presence.Held{User: user, Call: idOf(seen)}
}

// holder is a pointer to the live call that is in the way: the one that holds the
// mark, or, if that is dead, another one of the user.
func (o *opening) holder(user, seen string) (string, error) {
	live, err := o.s.areLive(seen)
	if err != nil || live[0] {
		return seen, err
	}
	others, err := o.s.liveOf(user)
	for _, p := range others {
		if id := idOf(p); id != o.c.ID && !slices.Contains(o.over, id) {
			return p, err
		}
	}
	return "", err
}

// undo takes back what the call has got. The pointers go first: they never lead
// to what is not there yet, or not any more.
func (o *opening) undo(users []string) {
	if o.s.steps(o.s.undoCmds(o.c, users)...) != nil {
		o.s.alone.doubt(o.c)
	}
}

func (s *Store) undoCmds(c *call.Call, users []string) [][]goredis.Cmder {
	pointers := make([]goredis.Cmder, 0, 3)
	for _, user := range users {
		pointers = append(pointers, s.release(c, user, false))
	}
	if c.ClientID != "" {
		pointers = append(pointers, replaceScript.cmd([]string{s.keys.byClient(c.Caller.User) + c.ClientID}, c.ID, ""))
	}
	return [][]goredis.Cmder{
		pointers,
		{undoScript.cmd([]string{s.keys.call(c.ID)}, versionBytes(c.Version))},
		{goredis.NewIntCmd(context.Background(), "zrem", s.keys.due(shardOf(c.ID)), c.ID)},
	}
}
