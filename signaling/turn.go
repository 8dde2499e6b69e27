package signaling

import (
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// A turn is one batch of work: the events that were read together from one
// client, or what a timer made due. It gathers the links that got something
// queued, so that each is flushed once, when the batch is through.
type turn struct {
	now   time.Time
	dirty []Link
	// answer: the event being handled asked for an acknowledgement.
	answer  bool
	effects [8]call.Effect
	// waits is for what the event being handled has put on its way to other
	// nodes.
	waits []chan error
	// granted: the event being handled has waited for a permission.
	granted *granted
}

// awaits returns a function that takes n outcomes; await waits for them.
func (t *turn) awaits(n int) func(error) {
	ch := make(chan error, n)
	for range n {
		t.waits = append(t.waits, ch)
	}
	return func(err error) { ch <- err }
}

// await waits until what was put on its way has arrived, or not. Clients of
// this node do not wait with it.
func (t *turn) await() (err error) {
	if len(t.waits) == 0 {
		return nil
	}
	t.flush()
	for _, ch := range t.waits {
		if got := <-ch; got != nil {
			err = got
		}
	}
	clear(t.waits)
	t.waits = t.waits[:0]
	return err
}

// room is where a step of this turn puts its effects, unless they outlive the
// turn because other nodes may have to hand them over.
func (t *turn) room(shared bool) []call.Effect {
	if shared {
		return nil
	}
	return t.effects[:0]
}

var turns = sync.Pool{New: func() any { return &turn{dirty: make([]Link, 0, 8)} }}

func (sw *Switchboard) newTurn() *turn {
	t := turns.Get().(*turn)
	t.now = sw.now()
	t.answer, t.granted = false, nil
	return t
}

// end flushes what was gathered.
func (t *turn) end() {
	t.flush()
	clear(t.effects[:])
	turns.Put(t)
}

func (t *turn) flush() {
	for i, l := range t.dirty {
		l.Flush()
		t.dirty[i] = nil
	}
	if cap(t.dirty) > 1024 {
		t.dirty = make([]Link, 0, 8)
	}
	t.dirty = t.dirty[:0]
}

// touch notes that l has something queued.
func (t *turn) touch(l Link) {
	n := len(t.dirty)
	for i := n - 1; i >= 0 && i >= n-4; i-- { // mostly the same few
		if t.dirty[i] == l {
			return
		}
	}
	t.dirty = append(t.dirty, l)
}
