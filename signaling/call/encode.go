package call

import "encoding/binary"

// encoder writes fields; see codec.go for the format and decode.go for the
// other direction.
type encoder struct {
	b    []byte
	raws [maxRaws][]byte // long raw signals written so far
	n    int
}

// tagOf is the byte before a field.
func tagOf(field, as byte) byte { return field<<wireBits | as }

func (e *encoder) end() { e.b = append(e.b, endMark) }

func (e *encoder) num(field byte, v uint64) {
	if v != 0 {
		e.b = binary.AppendUvarint(append(e.b, tagOf(field, asVarint)), v)
	}
}

func (e *encoder) flag(field byte, on bool) {
	if on {
		e.b = append(e.b, tagOf(field, asVarint), 1)
	}
}

func (e *encoder) fixed(field byte, v uint64) {
	if v != 0 {
		e.b = binary.LittleEndian.AppendUint64(append(e.b, tagOf(field, asFixed)), v)
	}
}

func (e *encoder) str(field byte, s string) {
	if s != "" {
		e.item(field, s)
	}
}

// item writes a string even if it is empty, as an entry of a list.
func (e *encoder) item(field byte, s string) {
	e.b = binary.AppendUvarint(append(e.b, tagOf(field, asBytes)), uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) raw(field byte, raw []byte) {
	if len(raw) == 0 {
		return
	}
	if len(raw) >= longRaw {
		for i, r := range e.raws[:e.n] {
			if len(r) == len(raw) && &r[0] == &raw[0] {
				e.b = append(e.b, tagOf(field, asVarint), byte(i))
				return
			}
		}
		if e.n < maxRaws {
			e.raws[e.n] = raw
			e.n++
		}
	}
	e.b = binary.AppendUvarint(append(e.b, tagOf(field, asBytes)), uint64(len(raw)))
	e.b = append(e.b, raw...)
}

// list begins a list of groups.
func (e *encoder) list(field byte, n int) { e.num(field, uint64(n)) }

func (e *encoder) group(field byte) { e.b = append(e.b, field<<wireBits|asGroup) }

func (e *encoder) call(c *Call) {
	e.str(1, c.ID)
	e.str(2, c.ClientID)
	e.str(3, string(c.Reason))
	e.group(4)
	e.party(&c.Caller)
	e.group(5)
	e.party(&c.Callee)
	e.rungs(6, c.Rung)
	e.rungs(7, c.Left)
	e.raw(8, c.Info.From)
	e.str(9, c.Info.CallerName)
	e.flag(10, c.Info.Video)
	e.raw(11, c.Info.Metadata)
	e.flag(12, c.Offline)
	e.flag(13, c.Waiting)
	e.flag(14, c.Told)
	e.num(15, uint64(c.Started))
	e.num(16, uint64(c.AnswerAt))
	e.num(17, uint64(c.EndAt))
	e.num(18, uint64(c.RingUntil))
	e.str(19, c.Next)
	e.kept(20, c.Offers)
	e.kept(21, c.Kept)
	e.num(22, uint64(c.KeptBytes))
	e.num(23, uint64(c.Limits.Ring))
	e.num(24, uint64(c.Limits.Window))
	e.num(25, uint64(c.Limits.Keep))
	e.num(26, uint64(c.Limits.Bytes))
	e.num(27, c.Seq)
	e.flag(29, c.Cold)
	e.list(28, len(c.Outbox))
	for i := range c.Outbox {
		e.group(28)
		e.effect(&c.Outbox[i])
	}
	e.end()
}

func (e *encoder) party(p *Party) {
	e.str(1, p.User)
	e.str(2, p.Device)
	e.str(3, p.Session)
	e.flag(4, p.Extended)
	e.num(5, uint64(p.AwayUntil))
	e.flag(6, p.Heard)
	e.fixed(7, p.SDP)
	e.flag(8, p.Satisfied)
	if len(p.Seen) > 0 {
		e.b = binary.AppendUvarint(append(e.b, 9<<wireBits|asBytes), uint64(8*len(p.Seen)))
		for _, v := range p.Seen {
			e.b = binary.LittleEndian.AppendUint64(e.b, v)
		}
	}
	e.end()
}

func (e *encoder) rungs(field byte, list []Rung) {
	e.list(field, len(list))
	for i := range list {
		r := &list[i]
		e.group(field)
		e.str(1, r.Device)
		e.str(2, r.Session)
		e.flag(3, r.Extended)
		e.flag(4, r.Away)
		e.flag(5, r.Silent)
		e.flag(6, r.Heard)
		e.flag(7, r.Glare)
		e.end()
	}
}

func (e *encoder) kept(field byte, list []Kept) {
	e.list(field, len(list))
	for i := range list {
		k := &list[i]
		e.group(field)
		e.num(1, uint64(k.To))
		e.str(2, k.From)
		e.num(3, uint64(k.Kind))
		e.fixed(4, k.Hash)
		e.raw(5, k.Signal)
		e.flag(6, k.Again)
		e.end()
	}
}

func (e *encoder) effect(f *Effect) {
	e.num(1, f.Seq)
	e.num(2, uint64(f.Kind))
	e.str(3, f.To.User)
	e.num(4, uint64(f.To.Scope))
	e.str(5, f.To.Device)
	e.list(6, len(f.To.Devices))
	for _, d := range f.To.Devices {
		e.item(6, d)
	}
	e.num(7, uint64(f.State))
	e.flag(8, f.Glare)
	e.flag(9, f.Again)
	e.flag(10, f.Away)
	e.flag(11, f.BaseSilent)
	e.flag(12, f.Resumed)
	e.num(13, uint64(f.Count))
	e.str(14, string(f.Reason))
	e.str(15, f.Next)
	e.str(16, f.By)
	e.num(17, uint64(f.Role))
	e.raw(18, f.Signal)
	e.kept(19, f.Items)
	e.end()
}
