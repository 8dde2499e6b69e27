package call

import "encoding/binary"

// decoder reads what encoder wrote. After the first thing that makes no sense
// bad is set and everything reads as zero.
type decoder struct {
	b    []byte
	bad  bool
	raws [maxRaws][]byte
	n    int
	// known are strings met lately: ids come again and again in one record.
	known  [maxKnown]string
	nKnown uint8
	depth  uint8
}

const (
	maxKnown = 8
	maxDepth = 8 // of groups that are skipped
)

func (d *decoder) fail() {
	d.bad, d.b = true, nil
}

// next reads a key. ok is false at the end of the group.
func (d *decoder) next() (field, wire byte, ok bool) {
	if len(d.b) == 0 {
		d.fail() // a group ends with its mark
		return 0, 0, false
	}
	k := d.b[0]
	d.b = d.b[1:]
	if k == endMark {
		return 0, 0, false
	}
	if k>>wireBits == 0 {
		d.fail()
		return 0, 0, false
	}
	return k >> wireBits, k & wireMask, true
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// take reads n bytes, with no room behind them.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) num(wire byte) uint64 {
	if wire != asVarint {
		d.skip(wire)
		return 0
	}
	return d.uvarint()
}

func (d *decoder) flag(wire byte) bool { return d.num(wire) != 0 }

func (d *decoder) fixed(wire byte) uint64 {
	if wire != asFixed {
		d.skip(wire)
		return 0
	}
	p := d.take(8)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(p)
}

func (d *decoder) bytes(wire byte) []byte {
	if wire != asBytes {
		d.skip(wire)
		return nil
	}
	return d.take(d.uvarint())
}

func (d *decoder) str(wire byte) string {
	p := d.bytes(wire)
	if len(p) == 0 {
		return ""
	}
	for _, s := range d.known[:min(d.nKnown, maxKnown)] {
		if s == string(p) {
			return s
		}
	}
	s := string(p)
	d.known[d.nKnown%maxKnown] = s
	if d.nKnown++; d.nKnown == 2*maxKnown {
		d.nKnown = maxKnown
	}
	return s
}

// reason reads a string that mostly is one of the reasons.
func (d *decoder) reason(wire byte) Reason {
	p := d.bytes(wire)
	for _, r := range [...]Reason{Hangup, Cancelled, Rejected, Busy, Offline, NoAnswer, AnsweredElsewhere, Lost, Glare,
		Superseded, Transferred, Forbidden, Failed} {
		if string(r) == string(p) {
			return r
		}
	}
	return Reason(p)
}

func (d *decoder) raw(wire byte) []byte {
	if wire == asVarint {
		i := d.uvarint()
		if i >= uint64(d.n) {
			d.fail()
			return nil
		}
		return d.raws[i]
	}
	p := d.bytes(wire)
	if len(p) == 0 {
		return nil
	}
	if len(p) >= longRaw && d.n < maxRaws {
		d.raws[d.n] = p
		d.n++
	}
	return p
}

// skip passes over a value of a field that is not known.
func (d *decoder) skip(wire byte) {
	switch wire {
	case asVarint:
		d.uvarint()
	case asBytes:
		d.take(d.uvarint())
	case asFixed:
		d.take(8)
	case asGroup:
		if d.depth++; d.depth > maxDepth {
			d.fail()
			return
		}
		for {
			_, w, ok := d.next()
			if !ok {
				break
			}
			d.skip(w)
		}
		d.depth--
	}
}

// entry makes room for a list of so many and says whether an entry follows.
func entry[T any](d *decoder, wire, want byte, list *[]T) bool {
	if wire == want {
		return true
	}
	if wire != asVarint {
		d.skip(wire)
		return false
	}
	// An entry is two bytes at least.
	if n := d.uvarint(); *list == nil && n > 0 && n <= uint64(len(d.b)/2) {
		*list = make([]T, 0, n)
	}
	return false
}

func (d *decoder) call(c *Call) {
	for {
		f, w, ok := d.next()
		if !ok {
			break
		}
		switch f {
		case 1:
			c.ID = d.str(w)
		case 2:
			c.ClientID = d.str(w)
		case 3:
			c.Reason = d.reason(w)
		case 4:
			d.party(w, &c.Caller)
		case 5:
			d.party(w, &c.Callee)
		case 6:
			d.rung(w, &c.Rung)
		case 7:
			d.rung(w, &c.Left)
		case 8:
			c.Info.From = d.raw(w)
		case 9:
			c.Info.CallerName = d.str(w)
		case 10:
			c.Info.Video = d.flag(w)
		case 11:
			c.Info.Metadata = d.raw(w)
		case 12:
			c.Offline = d.flag(w)
		case 13:
			c.Waiting = d.flag(w)
		case 14:
			c.Told = d.flag(w)
		case 15:
			c.Started = Stamp(d.num(w))
		case 16:
			c.AnswerAt = Stamp(d.num(w))
		case 17:
			c.EndAt = Stamp(d.num(w))
		case 18:
			c.RingUntil = Stamp(d.num(w))
		case 19:
			c.Next = d.str(w)
		case 20:
			d.kept(w, &c.Offers)
		case 21:
			d.kept(w, &c.Kept)
		case 22:
			c.KeptBytes = int(d.num(w))
		case 23:
			c.Limits.Ring = int64(d.num(w))
		case 24:
			c.Limits.Window = int64(d.num(w))
		case 25:
			c.Limits.Keep = int(d.num(w))
		case 26:
			c.Limits.Bytes = int(d.num(w))
		case 27:
			c.Seq = d.num(w)
		case 28:
			if entry(d, w, asGroup, &c.Outbox) {
				c.Outbox = append(c.Outbox, Effect{})
				d.effect(&c.Outbox[len(c.Outbox)-1])
			}
		default:
			d.skip(w)
		}
	}
}

func (d *decoder) party(wire byte, p *Party) {
	if wire != asGroup {
		d.skip(wire)
		return
	}
	for {
		f, w, ok := d.next()
		if !ok {
			return
		}
		switch f {
		case 1:
			p.User = d.str(w)
		case 2:
			p.Device = d.str(w)
		case 3:
			p.Session = d.str(w)
		case 4:
			p.Extended = d.flag(w)
		case 5:
			p.AwayUntil = Stamp(d.num(w))
		case 6:
			p.Heard = d.flag(w)
		case 7:
			p.SDP = d.fixed(w)
		case 8:
			p.Satisfied = d.flag(w)
		case 9:
			p.Seen = d.hashes(w)
		default:
			d.skip(w)
		}
	}
}

func (d *decoder) hashes(wire byte) hashes {
	p := d.bytes(wire)
	if len(p)%8 != 0 {
		d.fail()
		return nil
	}
	if len(p) == 0 {
		return nil
	}
	h := make(hashes, 0, len(p)/8+1) // mostly one more follows
	for ; len(p) > 0; p = p[8:] {
		h = append(h, binary.LittleEndian.Uint64(p))
	}
	return h
}

func (d *decoder) rung(wire byte, list *[]Rung) {
	if !entry(d, wire, asGroup, list) {
		return
	}
	var r Rung
	for {
		f, w, ok := d.next()
		if !ok {
			break
		}
		switch f {
		case 1:
			r.Device = d.str(w)
		case 2:
			r.Session = d.str(w)
		case 3:
			r.Extended = d.flag(w)
		case 4:
			r.Away = d.flag(w)
		case 5:
			r.Silent = d.flag(w)
		case 6:
			r.Heard = d.flag(w)
		case 7:
			r.Glare = d.flag(w)
		default:
			d.skip(w)
		}
	}
	*list = append(*list, r)
}

func (d *decoder) kept(wire byte, list *[]Kept) {
	if !entry(d, wire, asGroup, list) {
		return
	}
	var k Kept
	for {
		f, w, ok := d.next()
		if !ok {
			break
		}
		switch f {
		case 1:
			k.To = Role(d.num(w))
		case 2:
			k.From = d.str(w)
		case 3:
			k.Kind = KeptKind(d.num(w))
		case 4:
			k.Hash = d.fixed(w)
		case 5:
			k.Signal = d.raw(w)
		case 6:
			k.Again = d.flag(w)
		default:
			d.skip(w)
		}
	}
	*list = append(*list, k)
}

func (d *decoder) effect(e *Effect) {
	for {
		f, w, ok := d.next()
		if !ok {
			return
		}
		switch f {
		case 1:
			e.Seq = d.num(w)
		case 2:
			e.Kind = EffectKind(d.num(w))
		case 3:
			e.To.User = d.str(w)
		case 4:
			e.To.Scope = Scope(d.num(w))
		case 5:
			e.To.Device = d.str(w)
		case 6:
			if entry(d, w, asBytes, &e.To.Devices) {
				e.To.Devices = append(e.To.Devices, d.str(w))
			}
		case 7:
			e.State = State(d.num(w))
		case 8:
			e.Glare = d.flag(w)
		case 9:
			e.Again = d.flag(w)
		case 10:
			e.Away = d.flag(w)
		case 11:
			e.BaseSilent = d.flag(w)
		case 12:
			e.Resumed = d.flag(w)
		case 13:
			e.Count = int(d.num(w))
		case 14:
			e.Reason = d.reason(w)
		case 15:
			e.Next = d.str(w)
		case 16:
			e.By = d.str(w)
		case 17:
			e.Role = Role(d.num(w))
		case 18:
			e.Signal = d.raw(w)
		case 19:
			d.kept(w, &e.Items)
		default:
			d.skip(w)
		}
	}
}
