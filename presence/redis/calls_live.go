package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// CallsOf lists the user's live calls, the earliest first.
func (s *Store) CallsOf(_ context.Context, user string) ([]string, error) {
	alone, err := s.callsAlone()
	if err != nil {
		return nil, err
	}
	if alone {
		return s.callsOfAlone(user), nil
	}
	list, err := s.liveOf(user)
	for i, p := range list {
		list[i] = idOf(p)
	}
	return list, err
}

// liveOf lists pointers to the user's live calls, and forgets the others.
func (s *Store) liveOf(user string) ([]string, error) {
	get := goredis.NewStringSliceCmd(context.Background(), "zrange", s.keys.live(user), 0, -1)
	mark := goredis.NewStringCmd(context.Background(), "get", s.keys.mark(user))
	if err := s.pipe.do(get, mark); err != nil {
		return nil, fmt.Errorf("redis: calls of a user: %w", err)
	}
	list, err := get.Result()
	if err != nil {
		return nil, fmt.Errorf("redis: calls of a user: %w", err)
	}
	switch p, err := mark.Result(); {
	case err == nil && !slices.Contains(list, p):
		i := sort.Search(len(list), func(i int) bool { return startOf(list[i]) > startOf(p) })
		list = slices.Insert(list, i, p)
	case err != nil && !errors.Is(err, goredis.Nil):
		return nil, fmt.Errorf("redis: calls of a user: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	live, err := s.areLive(list...)
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for i, p := range list {
		if live[i] {
			out = append(out, p)
			continue
		}
		// A record is there before the pointers to it, so this one is dead for
		// good.
		s.pipe.post(nil, goredis.NewIntCmd(context.Background(), "zrem", s.keys.live(user), p))
	}
	return out, nil
}

// areLive looks at the heads of the calls that pointers lead to.
func (s *Store) areLive(pointers ...string) ([]bool, error) {
	cmds := make([]goredis.Cmder, len(pointers))
	for i, p := range pointers {
		cmds[i] = s.head(idOf(p))
	}
	if err := s.pipe.do(cmds...); err != nil {
		return nil, fmt.Errorf("redis: heads of calls: %w", err)
	}
	live := make([]bool, len(pointers))
	for i, c := range cmds {
		live[i] = isLive(c.(*goredis.StringCmd))
	}
	return live, nil
}

func (s *Store) head(id string) *goredis.StringCmd {
	return goredis.NewStringCmd(context.Background(), "getrange", s.keys.call(id), 0, call.HeadLen-1)
}

func isLive(head *goredis.StringCmd) bool {
	b, _ := head.Bytes()
	_, st, ok := call.Head(b)
	return ok && st != call.Ended
}
