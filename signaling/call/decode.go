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
