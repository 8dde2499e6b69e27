package redis

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// The Must lane: a sender numbers its letters, keeps them until the receiver has
// confirmed them, and sends from the first missing one on again. The receiver
// confirms now and then, and asks for what is missing when it sees a gap. A gap
// at the end is found by the sender, who asks when a confirmation does not come:
// as the question stands in the inbox behind all letters before it, a receiver
// that has read it knows what was lost.

// Payloads of kindConfirm, kindWant and kindWhere: the generation and a number,
// two uvarints.
func count(gen, seq uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(make([]byte, 0, 10), gen), seq)
}

func parseCount(b []byte) (gen, seq uint64, ok bool) {
	gen, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, false
	}
	seq, m := binary.Uvarint(b[n:])
	return gen, seq, m > 0
}

// The sender's side.

// counts reports whether a receiver's count is that of this outlet.
func (o *outlet) counts(gen uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gen == gen
}

// confirm says that the receiver has all letters before this number.
func (o *outlet) confirm(gen, next uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gen == gen && next > o.keptEnd() && next > o.sentLocked() {
		o.bus.cfg.Logger.Error("a node confirms what it was not sent", "node", o.to.Name, "next", next)
		return
	}
	if o.gen == gen && !o.quiet.IsZero() {
		if o.probed = false; next >= o.keptEnd() {
			o.quiet = time.Time{} // it has all
		} else {
			o.quiet = time.Now()
		}
	}
	if o.gen == gen && next > o.confirmed {
		o.confirmed = next
		o.asked = time.Now()
		if !o.waiting.IsZero() {
			o.waiting = o.asked // what is not confirmed yet may take as long again
		}
		if next > o.waitSeq {
			o.waiting = time.Time{}
		}
		o.bus.tell(o.dropLocked(nil), nil)
	}
}

// sentLocked is the number behind the last letter that the receiver may have.
func (o *outlet) sentLocked() uint64 {
	end := o.keptEnd()
	for i := range o.fresh {
		if o.fresh[i].must() {
			end++
		}
	}
	return end
}

// dropLocked forgets the letters that are confirmed, and returns whom to tell.
func (o *outlet) dropLocked(calls []func(error)) []func(error) {
	if o.confirmed <= o.first {
		return calls
	}
	n := min(int(o.confirmed-o.first), len(o.kept))
	for i := range n {
		l := &o.kept[i]
		o.bytes -= l.cost()
		if l.done != nil {
			calls = append(calls, l.done)
		}
	}
	clear(o.kept[:n])
	o.first += uint64(n)
	if o.kept = o.kept[n:]; len(o.kept) == 0 {
		o.kept = nil
	}
	o.again = max(o.again, o.first)
	return calls
}

// backLocked makes kept letters from this number on be sent again.
func (o *outlet) backLocked(seq uint64) { o.again = max(o.first, min(o.again, seq)) }

// want says that the receiver lacks the letter of this number, and has those
// before it.
func (o *outlet) want(gen, seq uint64) {
	o.confirm(gen, seq)
	o.mu.Lock()
	if o.gen != gen {
		o.mu.Unlock()
		return
	}
	if seq < o.first { // a receiver that does not remember us: it was told that we died
		if o.restart = true; !o.busy {
			o.restartLocked()
		}
	}
	o.backLocked(seq)
	o.goLocked()
}

// restartLocked numbers what is not confirmed from 1 on, in a new generation.
func (o *outlet) restartLocked() {
	o.restart = false
	o.gen = o.bus.gens.Add(1)
	o.first, o.again, o.confirmed = 1, 1, 0
	for i := range o.kept {
		o.kept[i].seq = uint64(i) + 1
	}
	o.waitSeq = uint64(len(o.kept))
}

// ask makes the receiver say what it has, if letters are unconfirmed.
func (o *outlet) ask() {
	o.mu.Lock()
	o.refuse = nil
	o.askLocked(time.Now())
	o.goLocked()
}

func (o *outlet) askLocked(now time.Time) {
	if end := o.keptEnd(); o.again == end && len(o.kept) > 0 && !o.gone {
		l := letter{kind: kindWhere, lane: presence.BestEffort, payload: count(o.gen, end-1)}
		o.queue = append(o.queue, l)
		o.bytes += l.cost()
		o.asked = now
	}
}

// tend does what time has made due.
func (o *outlet) tend(now time.Time) {
	o.mu.Lock()
	idle := !o.busy && len(o.queue) == 0 && len(o.kept) == 0 && o.trunk == nil
	if idle && errors.Is(o.refuse, errDead) && now.Sub(o.until) > o.bus.cfg.Lease {
		o.gone = true
		o.mu.Unlock()
		o.bus.remove(o.to, o)
		return
	}
	if len(o.kept) > 0 && now.Sub(o.asked) > askAfter {
		o.askLocked(now)
	}
	o.probeLocked(now)
	o.goLocked()
}

// The receiver's side.

// inlet is what one run of another node sends to this one. It belongs to the
// reader's goroutine.
type inlet struct {
	from     presence.Peer
	gen      uint64
	number   uint64    // of the newest batch
	next     uint64    // the first letter that was not delivered
	bytes    int       // delivered since the last confirmation
	due      time.Time // when the sender has to know next; zero: it does
	wanted   uint64    // what was asked for last, and when
	wantedAt time.Time
	heard    time.Time
}

// inletKey finds the inlet of a batch.
type inletKey struct {
	name   string
	origin uint64
}

// inletKeep is how long an inlet stays after its last batch. Should the sender
// be heard again after it, it starts a new generation.
const inletKeep = 15 * time.Minute

// meet brings an inlet up to a batch's head, and reports whether the batch is a
// new one. A batch of a former generation is none of it.
func (in *inlet) meet(h *head, now time.Time) (fresh, ok bool) {
	in.heard = now
	if h.gen < in.gen {
		return false, false
	}
	if h.gen > in.gen {
		in.gen, in.number, in.next, in.wanted = h.gen, 0, 1, 0
		in.bytes, in.due = 0, time.Time{}
	}
	if h.number <= in.number {
		return false, true
	}
	in.number = h.number
	if string(h.epoch) != in.from.Epoch { // it has rejoined
		in.from.Epoch = string(h.epoch)
	}
	return true, true
}

// take reports whether a Must letter is the next one.
func (in *inlet) take(l *letter, b *bus, now time.Time) bool {
	switch {
	case l.seq < in.next:
		b.stats.repeated.Add(1)
		in.owe(now)
		return false
	case l.seq > in.next:
		b.stats.gaps.Add(1)
		in.want(b, now)
		return false
	}
	in.next++
	in.bytes += l.cost()
	in.owe(now)
	return true
}

// want asks for the next letter, but not at every letter behind the gap.
func (in *inlet) want(b *bus, now time.Time) {
	if in.wanted == in.next && now.Sub(in.wantedAt) < busTick {
		return
	}
	in.wanted, in.wantedAt = in.next, now
	in.say(b, kindWant, now)
}

// where answers the sender's question.
func (in *inlet) where(b *bus, gen, last uint64, now time.Time) {
	switch {
	case gen != in.gen:
	case in.next <= last:
		in.wanted, in.wantedAt = in.next, now
		in.say(b, kindWant, now)
	default:
		in.say(b, kindConfirm, now)
	}
}

// owe notes that the sender has to hear what arrived.
func (in *inlet) owe(now time.Time) {
	if in.due.IsZero() {
		in.due = now.Add(confirmAfter)
	}
}

// confirm confirms if it is time for that, and reports whether it will be.
func (in *inlet) confirm(b *bus, now time.Time) (later bool) {
	if in.due.IsZero() {
		return false
	}
	if in.bytes < confirmBytes && now.Before(in.due) {
		return true
	}
	in.say(b, kindConfirm, now)
	return !in.due.IsZero()
}

// say sends a confirmation or a wish; both tell what has arrived.
func (in *inlet) say(b *bus, kind presence.Kind, now time.Time) {
	in.bytes = 0
	if err := b.send(in.from, kind, presence.BestEffort, count(in.gen, in.next), nil); err != nil {
		in.due = now.Add(confirmAfter)
		return
	}
	in.due = time.Time{}
}
