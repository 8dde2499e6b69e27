package jsonws

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A replay keeps the numbered events that a client may have missed. The zero
// value is empty and costs nothing while nothing is sent.
type replay struct {
	seq     uint64 // of the newest event
	dropped uint64 // of the newest event that is not kept any more
	bytes   int
	kept    []kept // oldest first
}

type kept struct {
	seq   uint64
	at    int64 // seconds
	frame []byte
}

// add numbers an event, keeps its frame and returns it.
func (r *replay) add(ev *wire.Event, now time.Time, cfg *Config) []byte {
	r.seq++
	frame := appendEvent(make([]byte, 0, len(ev.Args)+len(ev.Name)+48), ev, r.seq)
	sec := now.Unix()
	// What is older than the longest time in which a lost client is noticed
	// and may come back has arrived.
	tooOld := sec - int64((cfg.PingInterval+cfg.PingTimeout+cfg.ResumeWindow)/time.Second) - 1
	n := 0
	for n < len(r.kept) && (r.kept[n].at < tooOld || r.bytes+len(frame) > cfg.ReplayBytes || len(r.kept)-n >= cfg.ReplayEvents) {
		r.bytes -= len(r.kept[n].frame)
		r.dropped = r.kept[n].seq
		n++
	}
	r.discard(n)
	if len(frame) > cfg.ReplayBytes {
		r.dropped = r.seq
		return frame
	}
	r.kept = append(r.kept, kept{r.seq, sec, frame})
	r.bytes += len(frame)
	return frame
}

// discard removes the oldest n.
func (r *replay) discard(n int) {
	if n == 0 {
		return
	}
	if n == len(r.kept) {
		r.kept = nil
		return
	}
	clear(r.kept[:n])
	r.kept = r.kept[n:] // append moves to a new array once in a while
}

// confirm forgets the events up to seq.
func (r *replay) confirm(seq uint64) {
	n := 0
	for n < len(r.kept) && r.kept[n].seq <= seq {
		r.bytes -= len(r.kept[n].frame)
		r.dropped = r.kept[n].seq
		n++
	}
	r.discard(n)
}

// after returns what came after seq; false if some of it is lost or seq never
// was.
func (r *replay) after(seq uint64) ([]kept, bool) {
	if seq < r.dropped || seq > r.seq {
		return nil, false
	}
	for i, k := range r.kept {
		if k.seq > seq {
			return r.kept[i:], true
		}
	}
	return nil, true
}
