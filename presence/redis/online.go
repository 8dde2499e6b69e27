package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

var (
	versionedScript = newScript("versioned")
	gracesScript    = newScript("graces")
)

// versionedChunk is how many users one call of versioned.lua takes.
const versionedChunk = 250

// derived makes the commands that keep what is derived of these users right: the
// set of online users, the ends of graces, and what operators look at. All but
// the last only where it has changed, unless all is set.
func (s *Store) derived(list []*userReply, all bool) []goredis.Cmder {
	var online []any
	var cmds []goredis.Cmder
	for _, r := range list {
		if r.ver == 0 {
			continue // nothing is known of the user
		}
		if all || r.flipped {
			online = append(online, r.user, strconv.FormatInt(r.ver, 10), onlineValue(r))
		}
		if r.online && r.until > 0 && (all || r.changed) {
			cmds = append(cmds, command("zadd", s.keys.graces(), r.until, r.user))
		}
	}
	k := s.keys
	for part := range chunks(online, 3*versionedChunk) {
		cmds = append(cmds, versionedScript.cmd(
			[]string{k.online(), k.onlineVers(), k.onlineGone(), k.onlineCounter()}, append([]any{"zset"}, part...)...))
		if !s.cfg.NoMirrors {
			cmds = append(cmds, s.mirrorCall(mirrorOnline, "set", part))
		}
	}
	return append(cmds, s.mirrorSocketCalls(list)...)
}

func onlineValue(r *userReply) string {
	if r.online {
		return "1"
	}
	return ""
}

// chunks yields parts of a list, of at most n.
func chunks[T any](list []T, n int) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			k := min(n, len(list))
			if !yield(list[:k:k]) {
				return
			}
			list = list[k:]
		}
	}
}

// States returns the state of each user asked for.
func (s *Store) States(_ context.Context, users []string) ([]presence.State, error) {
	if s.closed.Load() {
		return nil, presence.ErrClosed
	}
	replies, err := s.askUsers("state", users)
	if err != nil {
		return s.localStates(users, err)
	}
	out := make([]presence.State, len(users))
	for i, r := range replies {
		out[i] = r.state()
	}
	return out, nil
}

// askUsers carries out an operation that changes nothing on many users.
func (s *Store) askUsers(op string, users []string) ([]*userReply, error) {
	out := make([]*userReply, 0, len(users))
	for part := range chunks(users, maxBatch) {
		cmds := make([]goredis.Cmder, len(part))
		for i, u := range part {
			cmds[i] = s.userCall(u, op)
		}
		if err := s.pipe.do(cmds...); err != nil {
			return nil, err
		}
		for i, u := range part {
			r, err := parseUser(u, cmds[i].(*goredis.Cmd))
			if err != nil {
				return nil, fmt.Errorf("redis: %s: %w", op, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// localStates answers while Redis is away, if all that is known of each user is
// here.
func (s *Store) localStates(users []string, why error) ([]presence.State, error) {
	out := make([]presence.State, len(users))
	for i, u := range users {
		if !s.onlyLocal(u) {
			return nil, fmt.Errorf("redis: states: %w", why)
		}
		r := &userReply{user: u}
		for _, one := range s.own.of(u) {
			r.sessions = append(r.sessions, userSession{Session: one})
			r.online = r.online || !one.Away
		}
		out[i] = r.state()
	}
	return out, nil
}

// errPart: Redis was emptied, and who is online is known in part only.
var errPart = fmt.Errorf("redis: online users: %w: the nodes have not told all yet", presence.ErrUnavailable)

// Online lists a page of online users.
func (s *Store) Online(_ context.Context, cursor string, limit int) (presence.Page, error) {
	if s.closed.Load() {
		return presence.Page{}, presence.ErrClosed
	}
	if s.incomplete() {
		return presence.Page{}, errPart
	}
	from := "-"
	if cursor != "" {
		from = "(" + cursor
	}
	limit = max(limit, 0)
	c := goredis.NewStringSliceCmd(context.Background(), "zrange", s.keys.online(), from, "+", "bylex", "limit", 0, limit+1)
	err := s.pipe.do(c)
	if err == nil {
		err = c.Err()
	}
	if err != nil {
		return presence.Page{}, fmt.Errorf("redis: online users: %w", err)
	}
	p := presence.Page{Users: c.Val()}
	if len(p.Users) > limit {
		p.Users = p.Users[:limit:limit]
		if limit > 0 {
			p.Next = p.Users[limit-1]
		}
	}
	return p, nil
}

// OnlineCount is the number of online users and the version of their set.
func (s *Store) OnlineCount(_ context.Context) (int, uint64, error) {
	if s.closed.Load() {
		return 0, 0, presence.ErrClosed
	}
	if s.incomplete() {
		return 0, 0, errPart
	}
	n := goredis.NewIntCmd(context.Background(), "zcard", s.keys.online())
	v := goredis.NewStringCmd(context.Background(), "get", s.keys.onlineCounter())
	err := s.pipe.do(n, v)
	if err == nil {
		err = n.Err()
	}
	if err == nil && !errors.Is(v.Err(), goredis.Nil) {
		err = v.Err()
	}
	if err != nil {
		return 0, 0, fmt.Errorf("redis: online users: %w", err)
	}
	version, _ := strconv.ParseUint(v.Val(), 10, 64)
	return int(n.Val()), version, nil
}

// endGraces makes those offline whose grace has ended.
func (s *Store) endGraces() error {
	for {
		take := gracesScript.cmd([]string{s.keys.graces()}, "take", maxBatch, (2 * time.Second).Milliseconds())
		if err := s.pipe.do(take); err != nil {
			return err
		}
		flat, err := take.Slice()
		if err != nil {
			return fmt.Errorf("redis: graces: %w", err)
		}
		if len(flat) == 0 {
			return nil
		}
		users := make([]string, 0, len(flat)/2)
		for i := 0; i+1 < len(flat); i += 2 {
			u, _ := flat[i].(string)
			users = append(users, u)
		}
		replies, err := s.askUsers("grace", users)
		if err != nil {
			return err
		}
		s.flips(replies...)
		// All: whoever took one before may have died with half of this done.
		if err := s.follow(replies); err != nil {
			return err
		}
		drop := gracesScript.cmd([]string{s.keys.graces()}, append([]any{"drop"}, flat...)...)
		if err := s.pipe.do(drop); err != nil {
			return err
		}
		if len(users) < maxBatch {
			return nil
		}
	}
}
