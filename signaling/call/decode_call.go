package call

import "encoding/binary"

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
		case 29:
			c.Cold = d.flag(w)
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
