package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// Calls in Redis (presence.Calls):
//
//   - the record, a string under compare-and-set (calls_save.go);
//   - of each of its users the mark and, where a user has several, the set of
//     live calls. They are pointers: who follows one looks at the head of the
//     record, and one that leads to a call that is not live counts for nothing.
//     So nobody stays busy with a call that never happened, whoever died in the
//     middle (C4);
//   - its deadline in one of a few sorted sets, which any node works off
//     (calls_due.go). It is written before the record: a call without a timer
//     can not be, a timer without a call is dropped.
//
// In a Cluster that is several keys in several slots: commands one after the
// other, in the order in which a crash between two of them leaves nothing that
// sticks. What is one pointer to one call is plain commands there where these
// can do it. A single Redis does all of it in one script, the beginning of a call
// (calls_open.go) as its end (calls_save.go).

const (
	// auditEvery is how often a call without a deadline is looked at.
	auditEvery = 10 * time.Minute
	// recordExtra is how long a live record stays after its next deadline. It is
	// renewed with every look, and ends only what nobody looks at any more.
	recordExtra = 10 * time.Minute
	// settleAfter is how long a node has to hand over the effects of a call that
	// it ended before others look after it.
	settleAfter = 2 * time.Second
	// unsettledKeep is how long after its end an unsettled call is kept at most: as
	// long as somebody looks at it at least once in EndedKeep.
	unsettledKeep = 24 * time.Hour
	// lookAgain is after what time a call that was handed out by Due and not
	// dealt with comes again.
	lookAgain = time.Second
)

var (
	saveScript    = newScript("call_save", "save")
	releaseScript = newScript("call_release", "release")
	endScript     = newScript("call_end", "save", "release")
	replaceScript = newScript("mark_replace", "start")
)

// Shared is true: other nodes work on the same records.
func (*Store) Shared() bool { return true }

// Load returns the record as last saved.
func (s *Store) Load(_ context.Context, id string) (*call.Call, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return nil, err
	}
	if alone {
		return s.loadAlone(id)
	}
	get := goredis.NewStringCmd(context.Background(), "get", s.keys.call(id))
	if err := s.pipe.do(get); err != nil {
		return nil, fmt.Errorf("redis: load: %w", err)
	}
	return s.record(get)
}

// record decodes the answer of a GET.
func (s *Store) record(get *goredis.StringCmd) (*call.Call, error) {
	b, err := get.Bytes()
	switch {
	case errors.Is(err, goredis.Nil):
		return nil, s.missing()
	case err != nil:
		return nil, fmt.Errorf("redis: load: %w", err)
	}
	c, err := call.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("redis: load: %w", err)
	}
	return &c, nil
}

// missing is the error for a call that is not in Redis: after that was emptied,
// not every node may have told what it has.
func (s *Store) missing() error {
	if s.incomplete() {
		return fmt.Errorf("redis: %w: the nodes have not told all yet", presence.ErrUnavailable)
	}
	return presence.ErrNotFound
}

// Mark returns the id of the live call that holds the user's mark.
func (s *Store) Mark(_ context.Context, user string) (string, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return "", err
	}
	if alone {
		return s.markAlone(user), nil
	}
	get := goredis.NewStringCmd(context.Background(), "get", s.keys.mark(user))
	if err := s.pipe.do(get); err != nil {
		return "", fmt.Errorf("redis: mark: %w", err)
	}
	pointer, err := get.Result()
	switch {
	case errors.Is(err, goredis.Nil):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("redis: mark: %w", err)
	}
	live, err := s.areLive(pointer)
	if err != nil {
		return "", err
	}
	if live[0] {
		return idOf(pointer), nil
	}
	// Its call ended, or never was, without the mark being handed on.
	others, err := s.liveOf(user)
	if err != nil || len(others) == 0 {
		return "", err
	}
	s.pipe.post(nil, s.replace(user, pointer, others[0]))
	return idOf(others[0]), nil
}

// Move makes the user's mark point to a live call.
func (s *Store) Move(ctx context.Context, user, id string) error {
	alone, err := s.callsAlone()
	if err != nil {
		return err
	}
	if alone {
		return s.moveAlone(user, id)
	}
	c, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	if !c.Live() || c.RoleOf(user) == 0 {
		return presence.ErrNotFound
	}
	set := goredis.NewStatusCmd(context.Background(), "set", s.keys.mark(user), pointerTo(c, user))
	if err := s.pipe.do(set); err != nil {
		return fmt.Errorf("redis: move: %w", err)
	}
	return set.Err()
}

// LastOf returns the user's call that ended last.
func (s *Store) LastOf(_ context.Context, user string) (string, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return "", err
	}
	if alone {
		return s.lastAlone(user), nil
	}
	return s.text("last call of a user", s.keys.last(user))
}

// ByClientID finds a call by its caller's own id for it.
func (s *Store) ByClientID(_ context.Context, user, clientID string) (string, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return "", err
	}
	if alone {
		return s.byClientAlone(user, clientID), nil
	}
	return s.text("call by its client's id", s.keys.byClient(user)+clientID)
}

// text reads a string; "" if there is none.
func (s *Store) text(what, key string) (string, error) {
	get := goredis.NewStringCmd(context.Background(), "get", key)
	if err := s.pipe.do(get); err != nil {
		return "", fmt.Errorf("redis: %s: %w", what, err)
	}
	v, err := get.Result()
	if err != nil && !errors.Is(err, goredis.Nil) {
		return "", fmt.Errorf("redis: %s: %w", what, err)
	}
	return v, nil
}

// LiveCalls counts the calls that have not ended.
func (s *Store) LiveCalls(context.Context) (int, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return 0, err
	}
	if alone {
		return s.liveCallsAlone(), nil
	}
	cmds := make([]goredis.Cmder, dueShards)
	for i := range cmds {
		cmds[i] = goredis.NewIntCmd(context.Background(), "zcard", s.keys.due(i))
	}
	if err := s.pipe.do(cmds...); err != nil {
		return 0, fmt.Errorf("redis: count calls: %w", err)
	}
	n := 0
	for _, c := range cmds {
		v, err := c.(*goredis.IntCmd).Result()
		if err != nil {
			return 0, fmt.Errorf("redis: count calls: %w", err)
		}
		n += int(v)
	}
	return n, nil
}

// pointerTo is how a call stands in its users' marks and sets.
func pointerTo(c *call.Call, user string) string {
	return c.ID + " " + c.RoleOf(user).String() + " " + strconv.FormatInt(int64(c.Started), 10)
}

// startOf is the start in a pointer, ms.
func startOf(pointer string) int64 {
	ms, _ := strconv.ParseInt(pointer[strings.LastIndexByte(pointer, ' ')+1:], 10, 64)
	return ms
}

// idOf is the id in a pointer.
func idOf(pointer string) string {
	id, _, _ := strings.Cut(pointer, " ")
	return id
}

// replace takes a mark over, if it is what was seen.
func (s *Store) replace(user, seen, pointer string) *goredis.Cmd {
	return replaceScript.cmd([]string{s.keys.mark(user)}, seen, pointer)
}

// overtake is replace where what was seen is a live call, which remains one.
func (s *Store) overtake(user, seen, pointer string) *goredis.Cmd {
	return replaceScript.cmd([]string{s.keys.mark(user), s.keys.live(user)}, seen, pointer)
}

// release takes a call from one of its users. ended: it was one.
func (s *Store) release(c *call.Call, user string, ended bool) *goredis.Cmd {
	id := ""
	if ended {
		id = c.ID
	}
	return releaseScript.cmd([]string{s.keys.mark(user), s.keys.live(user), s.keys.last(user)},
		pointerTo(c, user), id, s.cfg.EndedKeep.Milliseconds())
}

// timer is when somebody is to look at a live call, and whether that is a
// deadline of its own.
func (s *Store) timer(c *call.Call) (at time.Time, own bool) {
	if at = call.Deadline(c); !at.IsZero() {
		return at, true
	}
	return s.Now().Add(auditEvery), false
}

// noteTimer writes a call's deadline, unless an earlier one is noted.
func (s *Store) noteTimer(id string, at time.Time) *goredis.IntCmd {
	return goredis.NewIntCmd(context.Background(), "zadd", s.keys.due(shardOf(id)), "lt", score(at), id)
}

// noteUnsettled has other nodes look at an ended call if nobody settles it.
func (s *Store) noteUnsettled(id string) *goredis.IntCmd {
	return goredis.NewIntCmd(context.Background(), "zadd", s.keys.unsettled(shardOf(id)), score(s.Now().Add(settleAfter)), id)
}

func score(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// keep is how long a record stays, in ms.
func (s *Store) keep(c *call.Call) int64 {
	if !c.Live() {
		return s.cfg.EndedKeep.Milliseconds()
	}
	at, _ := s.timer(c)
	return (max(at.Sub(s.Now()), 0) + recordExtra).Milliseconds()
}

// versionBytes is a version as it stands in records.
func versionBytes(v uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	return string(b[:])
}

// steps sends groups of commands, each after the one before. In one Redis a
// pipeline keeps that order; a Cluster has one for each of its nodes.
func (s *Store) steps(groups ...[]goredis.Cmder) error {
	if !s.cluster {
		n := 0
		for _, g := range groups {
			n += len(g)
		}
		all := make([]goredis.Cmder, 0, n)
		for _, g := range groups {
			all = append(all, g...)
		}
		return s.pipe.do(all...)
	}
	for _, g := range groups {
		if len(g) == 0 {
			continue
		}
		if err := s.pipe.do(g...); err != nil {
			return err
		}
	}
	return nil
}
