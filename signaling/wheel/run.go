package wheel

import (
	"math/bits"
	"time"
)

func (w *Wheel) run() {
	defer close(w.ended)
	for {
		select {
		case <-w.quit:
			return
		case <-w.alarm.C:
			w.expire()
		}
	}
}

// expire calls what is due and sets the alarm for what comes next.
func (w *Wheel) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.collectLocked(int64(time.Since(w.start) / w.tick))
	for !w.closed && w.ready.next != &w.ready {
		t := w.ready.next
		e := t.e
		t.e = nil
		w.removeLocked(t)
		w.mu.Unlock()
		e.Expire()
		w.mu.Lock()
	}
	w.armed = 0
	if w.count == 0 || w.closed {
		return
	}
	w.armLocked(w.nextLocked(), time.Since(w.start))
}

// collectLocked moves all timers that are due at tick now to the ready list, in
// the order of their ticks.
func (w *Wheel) collectLocked(now int64) {
	if now <= w.done {
		return
	}
	from := w.done + 1
	if now-from > w.mask { // late by more than a turn: each slot once
		from = now - w.mask
	}
	for tick := from; tick <= now; tick++ {
		i := tick & w.mask
		if w.filled[i>>6] == 0 {
			tick |= 63 // nothing in the whole word; slots and words are aligned
			continue
		}
		if w.filled[i>>6]&(1<<(i&63)) == 0 {
			continue
		}
		head := &w.slots[i]
		for t := head.next; t != head; {
			next := t.next
			if t.due <= now {
				t.unlink()
				w.ready.push(t)
			}
			t = next
		}
		if head.next == head {
			w.filled[i>>6] &^= 1 << (i & 63)
		}
	}
	w.done = now
}

// nextLocked returns the tick of the first slot after the current one that is
// not empty. Its timers may be due a turn or more later: then the wheel wakes
// once per turn for nothing.
func (w *Wheel) nextLocked() int64 {
	from := w.done + 1
	for tick := from; tick <= from+w.mask+64; {
		i := tick & w.mask
		if word := w.filled[i>>6] >> (i & 63); word != 0 {
			return tick + int64(bits.TrailingZeros64(word))
		}
		tick = (tick | 63) + 1
	}
	return from // not reached while something is scheduled
}

// armLocked sets the alarm for a tick.
func (w *Wheel) armLocked(tick int64, elapsed time.Duration) {
	w.armed = tick
	w.alarm.Reset(time.Duration(tick)*w.tick - elapsed)
}

// removeLocked takes a timer out of whichever list it is in.
func (w *Wheel) removeLocked(t *Timer) bool {
	if t.next == nil {
		return false
	}
	t.unlink()
	w.count--
	if i := t.due & w.mask; w.slots[i].next == &w.slots[i] {
		w.filled[i>>6] &^= 1 << (i & 63)
	}
	return true
}

func (t *Timer) init() { t.next, t.prev = t, t }

// push puts t at the end of the list whose head is the receiver.
func (t *Timer) push(n *Timer) {
	n.prev, n.next = t.prev, t
	t.prev.next = n
	t.prev = n
}

func (t *Timer) unlink() {
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev = nil, nil
}
