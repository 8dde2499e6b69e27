package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

var (
	userScript   = newScript("user")
	fencedScript = newScript("fenced")
)

// userCall makes a call of user.lua.
func (s *Store) userCall(user, op string, args ...any) *goredis.Cmd {
	k := s.keys
	all := make([]any, 0, 5+len(args))
	all = append(all, op, peerKey(s.peer()), s.deadline(), s.cfg.OfflineGrace.Milliseconds(), s.cfg.LastSeenKeep.Milliseconds())
	return userScript.cmd([]string{k.sessions(user), k.info(user), k.cachers(user), k.watchers(user), k.lost(user)}, append(all, args...)...)
}

// fenced makes a plain write to one key that does nothing if it comes too late.
func (s *Store) fenced(key string, command ...any) *goredis.Cmd {
	return fencedScript.cmd([]string{key}, append([]any{s.deadline()}, command...)...)
}

// userReply is what user.lua returns: the user after the operation.
type userReply struct {
	user     string
	changed  bool // what others may know
	flipped  bool // online or offline
	ver      int64
	online   bool
	until    int64 // ms
	seen     int64 // ms
	sessions []userSession
	tell     []presence.Peer // nodes that remember the former routes
	watchers []presence.Peer
	lost     []presence.Session
}

type userSession struct {
	presence.Session
	since int64 // µs
}

var errOdd = errors.New("redis: user: odd answer")

func parseUser(user string, c *goredis.Cmd) (*userReply, error) {
	v, err := c.Slice()
	if err != nil {
		return nil, err
	}
	if len(v) != 10 {
		return nil, errOdd
	}
	r := &userReply{
		user: user, changed: number(v[0]) == 1, flipped: number(v[1]) == 1, ver: number(v[2]), online: number(v[3]) == 1,
		until: number(v[4]), seen: number(v[5]), tell: peers(v[7]), watchers: peers(v[8]),
	}
	r.sessions = userSessions(user, slice(v[6]))
	for _, s := range userSessions(user, slice(v[9])) {
		r.lost = append(r.lost, s.Session)
	}
	return r, nil
}

func userSessions(user string, flat []any) []userSession {
	if len(flat) == 0 {
		return nil
	}
	list := make([]userSession, 0, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		id, _ := flat[i].(string)
		entry, _ := flat[i+1].(string)
		if s, ok := parseSession(user, id, entry); ok {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b userSession) int { // as they came
		if a.since != b.since {
			return int(min(max(a.since-b.since, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// parseSession reads "name|epoch|extended|away|since|device".
func parseSession(user, id, entry string) (userSession, bool) {
	f := strings.SplitN(entry, "|", 6)
	if len(f) != 6 {
		return userSession{}, false
	}
	since, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil {
		return userSession{}, false
	}
	return userSession{presence.Session{
		ID: id, User: user, Device: f[5], Extended: f[2] == "1", Away: f[3] == "1", Node: f[0], Epoch: f[1],
	}, since}, true
}

func number(v any) int64 {
	n, _ := v.(int64)
	return n
}

func peers(v any) []presence.Peer {
	list := slice(v)
	if len(list) == 0 {
		return nil
	}
	out := make([]presence.Peer, 0, len(list))
	for _, p := range list {
		text, _ := p.(string)
		out = append(out, parsePeer(text))
	}
	return out
}

// state is what others may know of the user.
func (r *userReply) state() presence.State {
	st := presence.State{User: r.user, Online: r.online}
	for i, s := range r.sessions {
		if !s.Away && !slices.ContainsFunc(r.sessions[:i], func(o userSession) bool { return !o.Away && o.Device == s.Device }) {
			st.Devices++
		}
	}
	if r.seen > 0 {
		st.LastSeen = time.UnixMilli(r.seen)
	}
	return st
}

// newest is the id of the connected session that was registered last, or "".
func (r *userReply) newest() string {
	for _, s := range slices.Backward(r.sessions) {
		if !s.Away {
			return s.ID
		}
	}
	return ""
}

func (r *userReply) list() []presence.Session {
	if len(r.sessions) == 0 {
		return nil
	}
	list := make([]presence.Session, len(r.sessions))
	for i, s := range r.sessions {
		list[i] = s.Session
	}
	return list
}

// change carries out one operation on a user and all that follows from it.
// before is sent in front of it. missed, if not nil, is called if Redis went away
// before it had what nobody waits for.
func (s *Store) change(user string, before goredis.Cmder, missed func(), op string, args ...any) (*userReply, error) {
	c := s.userCall(user, op, args...)
	var err error
	if before != nil {
		err = s.pipe.do(before, c)
	} else {
		err = s.pipe.do(c)
	}
	if err != nil {
		return nil, err
	}
	r, err := parseUser(user, c)
	if err != nil {
		return nil, fmt.Errorf("redis: %s: %w", op, err)
	}
	s.flips(r)
	list := []*userReply{r}
	if r.flipped { // whoever asks next, here or elsewhere, is to see it
		return r, s.follow(list)
	}
	s.spread(list)
	if cmds := s.derived(list, false); len(cmds) > 0 {
		// Nobody waits for the end of a grace, and for what operators look at.
		s.pipe.post(func() {
			if missed != nil && s.pipe.away(cmds) != nil {
				missed()
			}
		}, cmds...)
	}
	return r, nil
}

// follow does what follows from changes of users: it tells the nodes that
// remember their routes and those that watch them, and keeps what is derived of
// the users right, also what has not changed.
func (s *Store) follow(list []*userReply) error {
	s.spread(list)
	cmds := s.derived(list, true)
	if len(cmds) == 0 {
		return nil
	}
	if err := s.pipe.do(cmds...); err != nil {
		return err
	}
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return fmt.Errorf("redis: online users: %w", err)
		}
	}
	return nil
}

// spread tells the nodes that remember the routes of users and those that watch
// them.
func (s *Store) spread(list []*userReply) {
	self := s.peer()
	for _, r := range list {
		s.routes.learn(r.user, r.ver, r.list(), self)
		for _, p := range r.tell {
			if p != self {
				s.owed.forget(s, p, r.user, r.ver)
			}
		}
		if r.changed {
			s.tellWatchers(r)
		}
	}
}

// flips tells of users who have come online or gone offline by what this node did.
func (s *Store) flips(list ...*userReply) {
	o, ok := s.handler.(presence.Observer)
	if !ok {
		return
	}
	for _, r := range list {
		if r.flipped {
			o.Flipped(r.state(), r.ver)
		}
	}
}

func command(args ...any) *goredis.Cmd { return goredis.NewCmd(context.Background(), args...) }
