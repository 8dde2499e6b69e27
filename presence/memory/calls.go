package memory

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// calls is the map of active calls. Records are immutable: Save replaces the
// pointer, so a reader needs the lock only to get it.
type calls struct {
	cfg *Config

	mu       sync.Mutex
	records  map[string]*record
	marks    map[string]string   // user -> call id
	byUser   map[string][]string // user -> ids of live calls; the slices are never changed in place
	last     map[string]string   // user -> call that ended last
	byClient map[clientKey]string
	due      dueHeap
	ended    []*record // oldest first
	live     int
}

type clientKey struct{ user, clientID string }

// record holds the newest version of one call.
type record struct {
	c     *call.Call
	due   time.Time // zero: not in the heap
	index int       // in the heap
	ended time.Time
}

func (cs *calls) init(cfg *Config) {
	cs.cfg = cfg
	cs.records = map[string]*record{}
	cs.marks = map[string]string{}
	cs.byUser = map[string][]string{}
	cs.last = map[string]string{}
	cs.byClient = map[clientKey]string{}
}

// Shared is false but in tests that play a cluster: what is in this process
// dies with it.
func (cs *calls) Shared() bool { return cs.cfg.Shared }

// Settled does nothing: who ends a call tells of it before it can die.
func (cs *calls) Settled(context.Context, string) {}

// Open stores a new call and takes its marks.
func (cs *calls) Open(_ context.Context, c *call.Call, marks []string, over ...string) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.records[c.ID] != nil {
		return presence.ErrConflict
	}
	for _, u := range marks {
		if held := cs.markLocked(u); held != "" && !slices.Contains(over, held) {
			return &presence.Held{User: u, Call: held}
		}
	}
	for _, u := range marks {
		cs.marks[u] = c.ID
	}
	r := &record{c: c, index: -1}
	cs.records[c.ID] = r
	if c.ClientID != "" {
		cs.byClient[clientKey{c.Caller.User, c.ClientID}] = c.ID
	}
	if !c.Live() { // refused: nobody had a part in it
		cs.keepLocked(r)
		return nil
	}
	cs.live++
	cs.linkLocked(c.Caller.User, c.ID)
	cs.linkLocked(c.Callee.User, c.ID)
	cs.timeLocked(r)
	return nil
}

// Load returns the record as last saved.
func (cs *calls) Load(_ context.Context, id string) (*call.Call, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	r := cs.records[id]
	if r == nil {
		return nil, presence.ErrNotFound
	}
	return r.c, nil
}

// Save stores c over version was.
func (cs *calls) Save(_ context.Context, c *call.Call, was uint64) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	r := cs.records[c.ID]
	switch {
	case r == nil:
		return presence.ErrNotFound
	case r.c.Version != was:
		return presence.ErrConflict
	}
	wasLive := r.c.Live()
	r.c = c
	if wasLive && !c.Live() {
		cs.live--
		cs.unlinkLocked(c.Caller.User, c.ID)
		cs.unlinkLocked(c.Callee.User, c.ID)
		for _, u := range []string{c.Caller.User, c.Callee.User} {
			if cs.marks[u] != c.ID {
				continue
			}
			delete(cs.marks, u)
			if left := cs.byUser[u]; len(left) > 0 {
				cs.marks[u] = left[0]
			}
		}
		cs.endLocked(r)
	}
	cs.timeLocked(r)
	return nil
}

// markLocked is the live call that holds the user's mark. Save releases marks
// with the same lock, so one that points to an ended call is not met here.
func (cs *calls) markLocked(user string) string { return cs.marks[user] }

// Mark returns the id of the call that holds the user's mark.
func (cs *calls) Mark(_ context.Context, user string) (string, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.markLocked(user), nil
}

// Move makes the user's mark point to a live call.
func (cs *calls) Move(_ context.Context, user, id string) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if r := cs.records[id]; r == nil || !r.c.Live() {
		return presence.ErrNotFound
	}
	cs.marks[user] = id
	return nil
}

// CallsOf lists the user's live calls.
func (cs *calls) CallsOf(_ context.Context, user string) ([]string, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.byUser[user], nil
}

// LastOf returns the user's call that ended last.
func (cs *calls) LastOf(_ context.Context, user string) (string, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.last[user], nil
}

// ByClientID finds a call by its caller's own id for it.
func (cs *calls) ByClientID(_ context.Context, user, clientID string) (string, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.byClient[clientKey{user, clientID}], nil
}

// Due lists calls whose deadline has come, the longest due first.
func (cs *calls) Due(_ context.Context, limit int) ([]string, error) {
	now := cs.cfg.Now()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var ids []string
	for len(cs.due) > 0 && len(ids) < limit && !now.Before(cs.due[0].due) {
		// Out of the heap until the step that is about to come saves it; if
		// that fails the call is due again after a second.
		r := cs.due[0]
		r.due = now.Add(time.Second)
		heap.Fix(&cs.due, 0)
		ids = append(ids, r.c.ID)
	}
	return ids, nil
}

// LiveCalls counts the calls that have not ended.
func (cs *calls) LiveCalls(context.Context) (int, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.live, nil
}

func (cs *calls) linkLocked(user, id string) {
	old := cs.byUser[user]
	cs.byUser[user] = append(old[:len(old):len(old)], id)
}

func (cs *calls) unlinkLocked(user, id string) {
	old := cs.byUser[user]
	if len(old) == 1 && old[0] == id {
		delete(cs.byUser, user)
		return
	}
	list := make([]string, 0, len(old))
	for _, o := range old {
		if o != id {
			list = append(list, o)
		}
	}
	cs.byUser[user] = list
}

// endLocked notes that a call of its users has ended.
func (cs *calls) endLocked(r *record) {
	cs.last[r.c.Caller.User], cs.last[r.c.Callee.User] = r.c.ID, r.c.ID
	cs.keepLocked(r)
}

// keepLocked keeps an ended call for a while.
func (cs *calls) keepLocked(r *record) {
	r.ended = cs.cfg.Now()
	cs.ended = append(cs.ended, r)
	for len(cs.ended) > cs.cfg.EndedMax {
		cs.forgetLocked()
	}
}

// forget drops the ended calls that were kept long enough.
func (cs *calls) forget(now time.Time) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for len(cs.ended) > 0 && now.Sub(cs.ended[0].ended) >= cs.cfg.EndedKeep {
		cs.forgetLocked()
	}
}

func (cs *calls) forgetLocked() {
	r := cs.ended[0]
	cs.ended[0] = nil
	cs.ended = cs.ended[1:]
	delete(cs.records, r.c.ID)
	if r.index >= 0 {
		heap.Remove(&cs.due, r.index)
	}
	for _, u := range []string{r.c.Caller.User, r.c.Callee.User} {
		if cs.last[u] == r.c.ID {
			delete(cs.last, u)
		}
	}
	key := clientKey{r.c.Caller.User, r.c.ClientID}
	if r.c.ClientID != "" && cs.byClient[key] == r.c.ID {
		delete(cs.byClient, key)
	}
}

// timeLocked brings the record's place among the timers up to date.
func (cs *calls) timeLocked(r *record) {
	r.due = call.Deadline(r.c)
	switch {
	case r.due.IsZero() && r.index >= 0:
		heap.Remove(&cs.due, r.index)
	case r.due.IsZero():
	case r.index >= 0:
		heap.Fix(&cs.due, r.index)
	default:
		heap.Push(&cs.due, r)
	}
}

// dueHeap orders records by their deadline.
type dueHeap []*record

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *dueHeap) Push(x any) {
	r := x.(*record)
	r.index = len(*h)
	*h = append(*h, r)
}

func (h *dueHeap) Pop() any {
	old := *h
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	r.index = -1
	return r
}

// Live lists the calls that have not ended.
func (cs *calls) Live() []*call.Call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	list := make([]*call.Call, 0, cs.live)
	for _, r := range cs.records {
		if r.c.Live() {
			list = append(list, r.c)
		}
	}
	return list
}
