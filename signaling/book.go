package signaling

import (
	"bytes"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// bookKeep is how long an ended call stays in the book: as long as late effects
// of it may come.
const bookKeep = 30 * time.Second

// book is what this node knows of the calls that its sessions have a part in,
// where calls are shared with other nodes: their newest versions as far as it
// has heard, so that a step need not ask the store first (its compare-and-set
// finds out), and which effects were handed over here, so that repeated ones
// are dropped.
type book struct {
	mu     sync.Mutex
	byID   map[string]*noted
	byUser map[string][]*noted // live ones
	ended  []*noted            // oldest first
	buf    []byte              // to pack into
}

// noted is one call; guarded by the book's mu. There are thousands of ended ones
// on a busy node, and seldom anybody asks: they are kept as small as they are in
// the store.
type noted struct {
	live    *call.Call // nil once it has ended
	packed  []byte     // the ended call
	id      string
	version uint64
	told    window
	until   time.Time // once it has ended
}

// call is what is known of it.
func (n *noted) call() *call.Call {
	if n.live != nil {
		return n.live
	}
	c, err := call.Decode(n.packed) // pieces of it may stay: nobody writes to them
	if err != nil {
		panic("signaling: an ended call can not be unpacked: " + err.Error()) // it was packed here
	}
	return &c
}

func newBook() *book {
	return &book{byID: map[string]*noted{}, byUser: map[string][]*noted{}}
}

// get returns the newest version known, or nil.
func (b *book) get(id string) *call.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byID[id]; n != nil {
		return n.call()
	}
	return nil
}

// liveOf lists the live calls of a user that are known here.
func (b *book) liveOf(user string) []*call.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.byUser[user]
	if len(list) == 0 {
		return nil
	}
	out := make([]*call.Call, len(list))
	for i, n := range list {
		out[i] = n.live
	}
	return out
}

// all lists every call known, live or lately ended.
func (b *book) all() []*call.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*call.Call, 0, len(b.byID))
	for _, n := range b.byID {
		out = append(out, n.call())
	}
	return out
}

// put takes a version, if it is at least as new as the one that is known; it
// returns the one that was known before, and whether c was taken.
func (b *book) put(c *call.Call, now time.Time) (old *call.Call, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.byID[c.ID]
	if n == nil {
		n = &noted{id: c.ID}
		b.byID[c.ID] = n
	} else {
		old = n.call()
		if c.Version < n.version {
			return old, false
		}
	}
	was := n.live != nil
	n.version = c.Version
	if c.Live() {
		n.live, n.packed = c, nil
		if !was {
			b.byUser[c.Caller.User] = append(b.byUser[c.Caller.User], n)
			b.byUser[c.Callee.User] = append(b.byUser[c.Callee.User], n)
		}
		return old, true
	}
	b.packLocked(n, c)
	if was || old == nil {
		b.unlinkLocked(c.Caller.User, n)
		b.unlinkLocked(c.Callee.User, n)
		n.until = now.Add(bookKeep)
		b.ended = append(b.ended, n)
	}
	return old, true
}

// packLocked keeps an ended call, without what its callee was shown.
func (b *book) packLocked(n *noted, c *call.Call) {
	lean := *c
	lean.Info.From, lean.Info.Metadata = nil, nil
	b.buf = call.AppendCall(b.buf[:0], &lean)
	n.live, n.packed = nil, bytes.Clone(b.buf)
}

func (b *book) unlinkLocked(user string, n *noted) {
	list := b.byUser[user]
	for i, o := range list {
		if o == n {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(b.byUser, user)
		return
	}
	b.byUser[user] = list
}

// drop forgets a call.
func (b *book) drop(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropLocked(id)
}

func (b *book) dropLocked(id string) {
	n := b.byID[id]
	if n == nil {
		return
	}
	delete(b.byID, id)
	if c := n.live; c != nil {
		b.unlinkLocked(c.Caller.User, n)
		b.unlinkLocked(c.Callee.User, n)
	}
}

// tidy forgets what ended long ago, and live calls that keep is false for: no
// session here has a part in them any more.
func (b *book) tidy(now time.Time, keep func(*call.Call) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(b.ended) && now.After(b.ended[n].until) {
		e := b.ended[n]
		if b.byID[e.id] == e {
			delete(b.byID, e.id)
		}
		b.ended[n] = nil
		n++
	}
	b.ended = b.ended[n:]
	for id, n := range b.byID {
		if n.live != nil && !keep(n.live) {
			b.dropLocked(id)
		}
	}
}

// fresh returns the effects that were not told here before, and notes them.
func (b *book) fresh(id string, fx []call.Effect) []call.Effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.byID[id]
	if n == nil {
		return fx
	}
	out := fx[:0:0]
	for i := range fx {
		if n.told.add(fx[i].Seq) {
			out = append(out, fx[i])
		}
	}
	return out
}

// note marks effects as told here.
func (b *book) note(id string, fx []call.Effect) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byID[id]; n != nil {
		for i := range fx {
			n.told.add(fx[i].Seq)
		}
	}
}

// window remembers which of the last 64 numbers it has seen.
type window struct{ top, seen uint64 }

// add reports whether a number is new; one that is too old counts as seen.
func (w *window) add(n uint64) bool {
	switch {
	case n > w.top:
		if d := n - w.top; d < 64 {
			w.seen = w.seen<<d | 1
		} else {
			w.seen = 1
		}
		w.top = n
		return true
	case w.top-n >= 64:
		return false
	}
	bit := uint64(1) << (w.top - n)
	if w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}
