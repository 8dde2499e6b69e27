package redis

import (
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// tombstones is how long it is known that a user was taken out of a set: longer
// than anything that was sent before can still be on its way.
const tombstones = time.Minute

// mirrorCall changes one of the keys that operators look at (P6).
func (s *Store) mirrorCall(mirror, kind string, changes []any) *goredis.Cmd {
	return versionedScript.cmd(
		[]string{mirror, s.keys.mirrorVers(mirror), s.keys.mirrorGone(mirror)}, append([]any{kind}, changes...)...)
}

// mirrorSocketCalls brings the newest session of each user up to date.
func (s *Store) mirrorSocketCalls(list []*userReply) (cmds []goredis.Cmder) {
	if s.cfg.NoMirrors {
		return nil
	}
	var changes []any
	for _, r := range list {
		if r.ver > 0 {
			changes = append(changes, r.user, strconv.FormatInt(r.ver, 10), r.newest())
		}
	}
	for part := range chunks(changes, 3*versionedChunk) {
		cmds = append(cmds, s.mirrorCall(mirrorSockets, "hash", part))
	}
	return cmds
}

// forgetTombstones drops those that nothing can come for any more.
func (s *Store) forgetTombstones() {
	until := s.Now().Add(-tombstones).UnixMicro()
	gone := []string{s.keys.onlineGone()}
	if !s.cfg.NoMirrors {
		gone = append(gone, s.keys.mirrorGone(mirrorOnline), s.keys.mirrorGone(mirrorSockets))
	}
	for _, key := range gone {
		s.pipe.post(nil, command("zremrangebyscore", key, "-inf", until))
	}
}
