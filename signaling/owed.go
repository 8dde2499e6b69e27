package signaling

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxOwed bounds what waits for the store's return.
const maxOwed = 100_000

// owed is what has to become of calls while the store was away and could not be
// told: a device that vanished, a hang-up. It is done, in order, when the store
// is there again (P7).
type owed struct {
	mu    sync.Mutex
	order []string
	by    map[string]*debt
	paid  sync.Mutex // one at a time
}

// A debt is one piece of work.
type debt struct {
	pay func(context.Context, *turn) error
}

// owe puts a piece of work down; a newer one under the same name replaces it, also
// while that is being done. False: too much waits, and it is dropped.
func (sw *Switchboard) owe(name string, f func(context.Context, *turn) error) bool {
	o := &sw.owed
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil {
		o.by = map[string]*debt{}
	}
	if _, ok := o.by[name]; !ok {
		if len(o.order) >= maxOwed {
			sw.log.Error("too much waits for the store: dropped", "what", name)
			return false
		}
		o.order = append(o.order, name)
	}
	o.by[name] = &debt{f}
	return true
}

// payNow tries one piece of work at once.
func (sw *Switchboard) payNow(ctx context.Context, name string) {
	o := &sw.owed
	o.paid.Lock()
	defer o.paid.Unlock()
	sw.payOne(ctx, name)
}

// pay does what is owed, until something fails again.
func (sw *Switchboard) pay(ctx context.Context) {
	o := &sw.owed
	o.paid.Lock()
	defer o.paid.Unlock()
	for ctx.Err() == nil {
		o.mu.Lock()
		if len(o.order) == 0 {
			o.mu.Unlock()
			return
		}
		name := o.order[0]
		o.mu.Unlock()
		if !sw.payOne(ctx, name) {
			return
		}
	}
}

// payOne does one piece and reports whether it is done.
func (sw *Switchboard) payOne(ctx context.Context, name string) bool {
	o := &sw.owed
	o.mu.Lock()
	d := o.by[name]
	o.mu.Unlock()
	if d != nil {
		t := sw.newTurn()
		err := d.pay(ctx, t)
		t.end()
		if unavailable(err) {
			return false
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by[name] != d { // a newer one was put down meanwhile: it is still to be done
		return true
	}
	delete(o.by, name)
	if len(o.order) > 0 && o.order[0] == name {
		o.order = o.order[1:]
	} else if i := slices.Index(o.order, name); i > 0 {
		o.order = slices.Delete(o.order, i, i+1)
	}
	return true
}

// unavailable reports whether an error only says that the store is away.
func unavailable(err error) bool {
	if errors.Is(err, presence.ErrUnavailable) || errors.Is(err, presence.ErrLeaseLost) {
		return true
	}
	var p *wire.Problem
	return errors.As(err, &p) && p.Code == wire.CodeUnavailable
}

// soon runs f on a goroutine that Close waits for: for what must not hold the
// inbox up.
func (sw *Switchboard) soon(f func()) {
	sw.tasks.Lock()
	defer sw.tasks.Unlock()
	if sw.closed {
		return
	}
	sw.done.Go(f)
}
