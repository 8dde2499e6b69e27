package signaling

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

const hubShards = 64

// hub is the registry of this node's sessions by user. The slices in it are
// never changed in place: readers iterate without a lock.
type hub struct {
	seed   maphash.Seed
	shards [hubShards]hubShard
	// ids are the sessions by their ids, if somebody asks for those.
	ids atomic.Pointer[sync.Map]
}

type hubShard struct {
	mu    sync.RWMutex
	users map[string][]*Session
}

func newHub() *hub {
	h := &hub{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].users = map[string][]*Session{}
	}
	return h
}

func (h *hub) shard(user string) *hubShard {
	return &h.shards[maphash.String(h.seed, user)%hubShards]
}

// of returns the user's sessions on this node, those that are away included.
// The slice is shared: it must not be changed.
func (h *hub) of(user string) []*Session {
	sh := h.shard(user)
	sh.mu.RLock()
	list := sh.users[user]
	sh.mu.RUnlock()
	return list
}

// device returns the user's session of a device on this node, or nil.
func (h *hub) device(user, device string) *Session {
	for _, s := range h.of(user) {
		if s.device == device {
			return s
		}
	}
	return nil
}

// session returns the user's session of an id on this node, or nil.
func (h *hub) session(user, id string) *Session {
	for _, s := range h.of(user) {
		if s.id == id {
			return s
		}
	}
	return nil
}

// add registers s, unless its user has limit sessions already. A session of the
// same device is taken out and returned: s replaces it.
func (h *hub) add(s *Session, limit int) (replaced *Session, ok bool) {
	sh := h.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.users[s.user]
	list := make([]*Session, 0, len(old)+1)
	for _, o := range old {
		if o.device == s.device {
			replaced = o
			continue
		}
		list = append(list, o)
	}
	if len(list) >= limit {
		return nil, false
	}
	sh.users[s.user] = append(list, s)
	if ids := h.ids.Load(); ids != nil {
		ids.Store(s.id, s)
		if replaced != nil {
			ids.CompareAndDelete(replaced.id, replaced)
		}
	}
	return replaced, true
}

// remove takes s out and reports whether it was in.
func (h *hub) remove(s *Session) bool {
	sh := h.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.users[s.user]
	for i, o := range old {
		if o != s {
			continue
		}
		if ids := h.ids.Load(); ids != nil {
			ids.CompareAndDelete(s.id, s)
		}
		if len(old) == 1 {
			delete(sh.users, s.user)
			return true
		}
		list := make([]*Session, 0, len(old)-1)
		list = append(list, old[:i]...)
		sh.users[s.user] = append(list, old[i+1:]...)
		return true
	}
	return false
}

// index begins to keep the sessions by their ids; those that are there count, too.
func (h *hub) index() {
	if !h.ids.CompareAndSwap(nil, new(sync.Map)) {
		return
	}
	h.all(func(s *Session) {
		sh := h.shard(s.user)
		sh.mu.Lock()
		defer sh.mu.Unlock()
		if slices.Contains(sh.users[s.user], s) {
			h.ids.Load().Store(s.id, s)
		}
	})
}

// withID returns the session of an id, or nil. It finds none without index.
func (h *hub) withID(id string) *Session {
	if ids := h.ids.Load(); ids != nil {
		if s, ok := ids.Load(id); ok {
			return s.(*Session)
		}
	}
	return nil
}

// all calls f for every session of the node, in no order.
func (h *hub) all(f func(*Session)) {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.RLock()
		lists := make([][]*Session, 0, len(sh.users))
		for _, l := range sh.users {
			lists = append(lists, l)
		}
		sh.mu.RUnlock()
		for _, l := range lists {
			for _, s := range l {
				f(s)
			}
		}
	}
}
