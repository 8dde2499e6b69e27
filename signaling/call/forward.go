package call

import "bytes"

// send handles call:signal and call:candidate (C11).
func (s *step) send(w Who, kind KeptKind, sig Signal) error {
	role := s.c.RoleOf(w.User)
	if role == 0 || w.Device == "" {
		return ErrNotInCall
	}
	if s.c.State == Ended {
		return ErrEnded
	}
	holds := s.c.Party(role).Device == w.Device
	if s.c.State == Answered {
		if !holds {
			return ErrNotInCall
		}
		s.forward(role, kind, sig, false)
		return nil
	}
	if role == Caller && !holds {
		return ErrNotInCall
	}
	if sig.Kind == SignalNone || s.isKept(role.Other(), w.Device, sig.Hash) {
		return nil
	}
	if role == Caller {
		s.noteSDP(Caller, sig)
	}
	if s.keep(Kept{To: role.Other(), From: w.Device, Kind: kind, Hash: sig.Hash, Signal: sig.Raw}) {
		return nil
	}
	// There is no room for it: whoever is there may have it now. A base
	// device could not tell it from an answer or another ring.
	e := Effect{Kind: effectOf(kind), Signal: sig.Raw, By: w.Device, Role: role, BaseSilent: true}
	e.To = device(s.c.Caller.User, s.c.Caller.Device)
	if role == Caller {
		e.To = everyone(s.c.Callee.User)
	}
	s.emit(e)
	return nil
}

// forward passes a signal of an answered call on to the other party's device,
// or keeps it while that is away. To a base device equal signals go once; so
// they do to any device where distinct is set, because the sender is a base
// client's call:user or call:answer that may be a repetition.
func (s *step) forward(from Role, kind KeptKind, sig Signal, distinct bool) {
	if sig.Kind == SignalNone {
		return
	}
	to := from.Other()
	p := s.c.Party(to)
	if sig.Kind == SignalAnswer && p.Satisfied && !p.Extended {
		return
	}
	if (distinct || !p.Extended) && !s.fresh(to, sig) {
		return
	}
	s.noteSDP(from, sig)
	switch sig.Kind {
	case SignalAnswer:
		p.Satisfied, s.dirty = true, true
	case SignalOffer, SignalRequest:
		s.c.Party(from).Satisfied, s.dirty = false, true
	}
	by := s.c.Party(from).Device
	if p.Away() && s.keep(Kept{To: to, From: by, Kind: kind, Hash: sig.Hash, Signal: sig.Raw}) {
		return
	}
	s.emit(Effect{Kind: effectOf(kind), To: device(p.User, p.Device), Signal: sig.Raw, By: by, Role: from})
}

func effectOf(k KeptKind) EffectKind {
	if k == KeptCandidates {
		return EffectCandidates
	}
	return EffectSignal
}

// fresh reports whether that party was not given the signal before, and notes
// that it is now.
func (s *step) fresh(to Role, sig Signal) bool {
	if sig.Hash == 0 || sig.Kind.Repeatable() {
		return true
	}
	p := s.c.Party(to)
	if p.Seen.has(sig.Hash) {
		return false
	}
	p.Seen, s.dirty = p.Seen.with(sig.Hash), true
	return true
}

// noteSDP follows the media session of a party, so that its next offer is
// known as a renegotiation (C10).
func (s *step) noteSDP(r Role, sig Signal) {
	if p := s.c.Party(r); sig.Session != 0 && p.SDP != sig.Session {
		p.SDP, s.dirty = sig.Session, true
	}
}

func (s *step) isKept(to Role, from string, hash uint64) bool {
	for i := range s.c.Kept {
		if k := &s.c.Kept[i]; k.Hash == hash && k.To == to && k.From == from && hash != 0 {
			return true
		}
	}
	return false
}

// room reports whether one more signal of n bytes can be kept.
func (s *step) room(n int) bool {
	held := len(s.c.Kept) + max(len(s.c.Offers)-1, 0)
	return held < s.c.Limits.Keep && s.c.KeptBytes+n <= s.c.Limits.Bytes
}

func (s *step) keep(k Kept) bool {
	if !s.room(len(k.Signal)) {
		return false
	}
	n := len(s.c.Kept)
	k.Signal = bytes.Clone(k.Signal) // it was only borrowed
	s.c.Kept = append(s.c.Kept[:n:n], k)
	s.c.KeptBytes += len(k.Signal)
	s.dirty = true
	return true
}

// give hands a party's device what was kept for it, in order. While the call
// rings nothing is given: what is kept then waits for the answer.
func (s *step) give(to Role, resumed bool) {
	var items, rest []Kept
	if s.c.State == Answered {
		n := 0
		for i := range s.c.Kept {
			if s.c.Kept[i].To == to {
				n++
			}
		}
		if n > 0 {
			items = make([]Kept, 0, n)
			for _, k := range s.c.Kept {
				if k.To == to {
					items = append(items, k)
					s.c.KeptBytes -= len(k.Signal)
				} else {
					rest = append(rest, k)
				}
			}
			s.c.Kept = rest
		}
	}
	if len(items) == 0 && !resumed {
		return
	}
	p := s.c.Party(to)
	s.emit(Effect{Kind: EffectPending, To: device(p.User, p.Device), Items: items, Resumed: resumed, Role: to.Other()})
}
