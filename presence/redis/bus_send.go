package redis

import (
	"errors"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

const (
	// batchBytes is from how many bytes on a batch takes no further letter.
	batchBytes = 256 << 10
	// letterCost is what a waiting letter costs beside its payload.
	letterCost = 64
	// fullPause and deadPause are how long an inbox that refused is left alone.
	fullPause = 20 * time.Millisecond
	deadPause = 200 * time.Millisecond
)

var inboxAppend = newScript("inbox_append")

// A letter is one payload on its way.
type letter struct {
	kind    presence.Kind
	lane    presence.Lane
	seq     uint64 // on the Must lane, once it is in a batch
	payload []byte
	done    func(error)
}

func (l *letter) cost() int { return letterCost + len(l.payload) }

// must reports whether the letter is on the Must lane.
func (l *letter) must() bool { return l.lane == presence.Must || l.lane == presence.Awaited }

// outlet is what this node sends to one epoch of another. One batch is in flight
// at a time, and what is sent meanwhile fills the next.
type outlet struct {
	bus      *bus
	to       presence.Peer
	keys     []string
	onAnswer func()

	mu    sync.Mutex
	gen   uint64
	queue []letter // not in a batch yet
	spare []letter // a former queue, to be used again
	kept  []letter // in the inbox, or perhaps; not confirmed; numbered without a gap
	first uint64   // number of kept[0], or of the next letter
	again uint64   // from which one on kept letters are to be sent again
	bytes int      // cost of all of them
	// number counts batches.
	number uint64

	// The batch in flight.
	busy      bool
	buf       []byte
	cmd       *goredis.Cmd
	urgent    bool     // somebody waits for its confirmation
	fresh     []letter // those that were never sent before
	againFrom uint64   // what again was before it
	confirmed uint64   // letters before this one are confirmed, perhaps before the batch has its answer
	restart   bool     // begin a new generation after it

	refuse    error // why nothing is taken, until:
	until     time.Time
	deadSince time.Time // first of the answers in a row that the node has no lease
	deadTrips uint64    // health.trips then: an outage does not count (P1)
	asked     time.Time // when a confirmation came last, or was asked for
	gone      bool      // buried

	trunk      *trunk    // nil: there is none
	rush       rush      // of letters over it
	laying     bool      // there may be one soon
	trunkAfter time.Time // none before that
	trunkFails int       // times that there was none to be had, lately
	quiet      time.Time // since when nothing has answered what went over it; zero: nothing need
	probed     bool      // it was asked for an answer since
	waiting    time.Time // since when somebody waits for what went over it, zero: nobody does,
	waitSeq    uint64    // and the last letter of that
}

func newOutlet(b *bus, to presence.Peer) *outlet {
	o := &outlet{
		bus: b, to: to, keys: []string{b.keys.lease(to.Name), b.keys.inbox(to.Name, to.Epoch)},
		gen: b.gens.Add(1), first: 1, again: 1,
	}
	o.onAnswer = o.answered
	return o
}

func (b *bus) send(to presence.Peer, kind presence.Kind, lane presence.Lane, payload []byte, done func(error)) error {
	if b.closed.Load() {
		return presence.ErrClosed
	}
	err := errAway
	if !b.health.isDown() {
		err = b.outlet(to).send(letter{kind: kind, lane: lane, payload: payload, done: done})
	}
	if err != nil {
		b.stats.refused.Add(1)
	}
	return err
}

// send queues a letter.
func (o *outlet) send(l letter) error {
	o.mu.Lock()
	switch {
	case o.gone:
		o.mu.Unlock()
		return errDead
	case o.refuse != nil && time.Now().Before(o.until):
		err := o.refuse
		o.mu.Unlock()
		return err
	case o.bytes+l.cost() > o.bus.cfg.KeepBytes:
		o.mu.Unlock()
		return errKept
	}
	o.queue = append(o.queue, l)
	o.bytes += l.cost()
	if o.busy {
		o.mu.Unlock()
		return nil
	}
	o.goLocked()
	return nil
}

// goLocked sends the next batch if there is something to send, and releases mu.
func (o *outlet) goLocked() {
	if o.busy || o.gone || o.refuse != nil && time.Now().Before(o.until) || o.emptyLocked() {
		o.mu.Unlock()
		return
	}
	o.busy = true
	o.bus.flightBegins()
	if t := o.trunk; t != nil {
		o.mu.Unlock()
		go o.drive(t) // it is a flight
		return
	}
	o.fillLocked()
	cmd := inboxAppend.cmd(o.keys, o.to.Epoch, o.bus.cfg.InboxMax, inboxKeep.Milliseconds(), o.buf)
	o.cmd = cmd
	o.mu.Unlock()
	o.bus.pipe.post(o.onAnswer, cmd)
}

// keptEnd is the number behind the last kept letter.
func (o *outlet) keptEnd() uint64 { return o.first + uint64(len(o.kept)) }

// emptyLocked reports whether there is nothing to send.
func (o *outlet) emptyLocked() bool { return len(o.queue) == 0 && o.again >= o.keptEnd() }

// fillLocked makes the next batch: what has to be sent again, then what is new.
func (o *outlet) fillLocked() bool {
	if o.emptyLocked() {
		return false
	}
	end := o.keptEnd()
	o.number++
	b := appendHead(o.buf[:0], o.bus.self(), o.bus.origin, o.gen, o.number)
	o.againFrom, o.urgent = o.again, false
	for ; o.again < end && len(b) < batchBytes; o.again++ {
		l := &o.kept[o.again-o.first]
		o.urgent = o.urgent || l.lane == presence.Awaited && l.done != nil
		b = appendLetter(b, l)
	}
	o.bus.stats.again.Add(o.again - o.againFrom)
	n, seq := 0, end
	for o.again == end && n < len(o.queue) && len(b) < batchBytes {
		l := &o.queue[n]
		if l.must() {
			l.seq = seq
			seq++
		}
		o.urgent = o.urgent || l.lane == presence.Awaited
		b = appendLetter(b, l)
		n++
	}
	if n == len(o.queue) {
		o.fresh, o.queue, o.spare = o.queue, o.spare, nil
	} else {
		o.fresh, o.queue = o.queue[:n:n], o.queue[n:]
	}
	o.buf = b
	return true
}

// answered is called when Redis has taken the batch in flight or has not.
func (o *outlet) answered() {
	b := o.bus
	code, err := o.cmd.Int()
	var calls []func(error) // of letters that have their answer
	o.mu.Lock()
	switch {
	case err == nil && code == 1:
		o.refuse, o.deadSince = nil, time.Time{}
		b.stats.batches.Add(1)
		b.stats.letters.Add(uint64(len(o.fresh)))
		calls = o.keepLocked(o.againLocked(calls), false)
	case err == nil || isRefusal(err):
		switch {
		case err != nil:
			err = errAway
			o.until = time.Now().Add(busTick)
		case code == 0:
			err = errFull
			o.until = time.Now().Add(fullPause)
		default:
			err = errDead
			o.until = time.Now().Add(deadPause)
		}
		o.refuse = err
		calls = o.refuseLocked(calls)
	default: // perhaps it is in, perhaps not
		err = errAway
		o.refuse, o.until = err, time.Now().Add(busTick)
		end := o.keptEnd()
		calls = o.keepLocked(calls, false)
		o.backLocked(min(o.againFrom, end))
	}
	o.landLocked()
	o.cmd, o.busy = nil, false
	b.tell(calls, err)
	if o.gone || errors.Is(err, errDead) && o.deadLocked() {
		o.mu.Unlock()
		b.remove(o.to, o)
		o.bury(false)
	} else {
		o.goLocked()
	}
	b.flightEnds()
}

// landLocked gives back what the batch was made of.
func (o *outlet) landLocked() {
	clear(o.fresh)
	if o.spare == nil && cap(o.fresh) <= 4096 {
		o.spare = o.fresh[:0]
	}
	o.fresh = nil
	if cap(o.buf) > 2*batchBytes {
		o.buf = nil
	}
	if o.restart {
		o.restartLocked()
	}
}

// againLocked returns whom to tell of letters that went again, into an inbox
// this time.
func (o *outlet) againLocked(calls []func(error)) []func(error) {
	for i := max(o.againFrom, o.first); i < min(o.again, o.keptEnd()); i++ {
		if l := &o.kept[i-o.first]; l.done != nil {
			calls = append(calls, l.done)
			l.done = nil
		}
	}
	return calls
}

// tell answers those who sent.
func (b *bus) tell(calls []func(error), err error) {
	if len(calls) == 0 {
		return
	}
	b.dones.add(func() {
		for _, f := range calls {
			guard(b.cfg.Logger, func() { f(err) })
		}
	})
}

// keepLocked keeps the new letters of the batch until they are confirmed, and
// returns whom to tell now; who sent over a trunk is told with the confirmation.
func (o *outlet) keepLocked(calls []func(error), trunk bool) []func(error) {
	if len(o.kept) == 0 {
		o.asked = time.Now()
	}
	idle := o.again == o.keptEnd()
	for i := range o.fresh {
		l := &o.fresh[i]
		if l.done != nil && (!trunk || !l.must()) {
			calls = append(calls, l.done)
			l.done = nil
		}
		if !l.must() {
			o.bytes -= l.cost()
			continue
		}
		o.kept = append(o.kept, *l)
	}
	if idle {
		o.again = o.keptEnd()
	}
	return o.dropLocked(calls)
}

// refuseLocked gives back what was not taken. Must letters that nobody is told
// about wait; all others are dropped, with those that have queued up behind.
func (o *outlet) refuseLocked(calls []func(error)) []func(error) {
	o.backLocked(o.againFrom)
	var waiting []letter
	for _, list := range [2][]letter{o.fresh, o.queue} {
		for _, l := range list {
			if l.must() && l.done == nil {
				l.seq = 0
				waiting = append(waiting, l)
				continue
			}
			if l.done != nil {
				calls = append(calls, l.done)
			}
			o.bytes -= l.cost()
			o.bus.stats.refused.Add(1)
		}
	}
	clear(o.queue)
	o.queue = waiting
	return calls
}

// deadLocked reports whether the node has been without a lease for so long that
// it does not come back under this epoch.
func (o *outlet) deadLocked() bool {
	now, trips := time.Now(), o.bus.health.trips.Load()
	if o.deadSince.IsZero() || o.deadTrips != trips {
		o.deadSince, o.deadTrips = now, trips
	}
	return now.Sub(o.deadSince) > o.bus.cfg.Lease
}

// bury gives back what the node has not confirmed. What is in flight follows
// when it has its answer.
func (o *outlet) bury(left bool) {
	o.mu.Lock()
	o.gone = true
	var list []letter
	var calls []func(error)
	var sent []func(error)
	for _, l := range o.kept {
		if l.done != nil { // given back, as what a dead node's inbox had
			sent = append(sent, l.done)
		}
		list = append(list, l)
	}
	for _, l := range o.queue {
		switch {
		case l.done != nil:
			calls = append(calls, l.done)
		case l.must():
			list = append(list, l)
		}
	}
	o.first, o.again = o.keptEnd(), o.keptEnd()
	o.kept, o.queue, o.bytes = nil, nil, 0
	o.cutLocked(o.trunk)
	o.mu.Unlock()
	o.bus.tell(sent, nil)
	o.bus.tell(calls, errDead)
	if len(list) > 0 {
		o.bus.undelivered(o.to, list, left)
	}
}

// isRefusal reports whether an error says that a command was not carried out;
// after others it may have been, or may still be.
func isRefusal(err error) bool {
	if errors.Is(err, presence.ErrUnavailable) || errors.Is(err, goredis.ErrPoolTimeout) {
		return true
	}
	var said goredis.Error
	if errors.As(err, &said) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
