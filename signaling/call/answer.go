package call

import "bytes"

// answer handles a call:answer. The first one wins (C3); more from the same
// device are further signals, as a trickling simple-peer sends them.
func (s *step) answer(w Who, sig Signal) error {
	c := &s.c
	if c.RoleOf(w.User) != Callee || w.Device == "" {
		return ErrNotInCall
	}
	switch c.State {
	case Ended:
		if c.Callee.Device != w.Device && sig.Kind.Starts() {
			s.tellEnded(device(w.User, w.Device), c.overFor(w), c.Reason == Glare)
		}
		return ErrEnded
	case Answered:
		if c.Callee.Device == w.Device {
			s.forward(Callee, KeptSignal, sig, true)
			return nil
		}
		if sig.Kind.Starts() {
			s.tellEnded(device(w.User, w.Device), AnsweredElsewhere, false)
		}
		return ErrAlreadyAnswered
	}
	if !sig.Kind.Starts() {
		// It overtook the answer that it belongs to.
		s.keep(Kept{To: Caller, From: w.Device, Kind: KeptSignal, Hash: sig.Hash, Signal: sig.Raw})
		return nil
	}

	c.State, c.AnswerAt, s.dirty = Answered, s.now, true
	c.Callee.Device, c.Callee.Session, c.Callee.Extended = w.Device, w.Session, w.Extended
	c.Callee.AwayUntil, c.Callee.SDP = 0, sig.Session
	c.Caller.Satisfied = sig.Kind == SignalAnswer
	c.Offline = false
	for _, o := range c.Offers[min(1, len(c.Offers)):] {
		c.KeptBytes -= len(o.Signal)
	}
	c.Offers = nil
	if sig.Hash != 0 {
		c.Caller.Seen = c.Caller.Seen.with(sig.Hash)
	}
	s.reserve(5)
	away := c.Caller.Away()
	if !away {
		s.emit(Effect{Kind: EffectAccepted, To: device(c.Caller.User, c.Caller.Device), Signal: raw(sig), By: w.Device, Role: Callee})
	}
	s.tellRung(s.silence(w.Device), AnsweredElsewhere, false)
	s.state()
	s.settle(w.Device)
	if away {
		first := Kept{To: Caller, From: w.Device, Kind: KeptAnswer, Hash: sig.Hash, Signal: bytes.Clone(raw(sig))}
		c.Kept = append([]Kept{first}, c.Kept...)
		c.KeptBytes += len(first.Signal)
	}
	s.give(Callee, false)
	if !away {
		s.give(Caller, false)
	}
	return nil
}

// settle sorts out what was kept while the call rang, now that both devices
// are known: what other devices of the callee sent is dropped, and so is what
// a base device would get twice.
func (s *step) settle(answered string) {
	if len(s.c.Kept) == 0 {
		return
	}
	kept := make([]Kept, 0, len(s.c.Kept)+1)
	for _, k := range s.c.Kept {
		drop := k.To == Caller && k.From != answered
		if p := s.c.Party(k.To); !drop && !p.Extended && k.Hash != 0 {
			if drop = p.Seen.has(k.Hash); !drop {
				p.Seen = p.Seen.with(k.Hash)
			}
		}
		if drop {
			s.c.KeptBytes -= len(k.Signal)
			continue
		}
		kept = append(kept, k)
	}
	s.c.Kept = kept
}

// hangup handles call:end and call:rejected. Which of the two a base front
// end sends depends on where in its own flow something went wrong; what it
// means depends on the call (C3).
func (s *step) hangup(w Who, reject bool) error {
	role := s.c.RoleOf(w.User)
	if role == 0 {
		return ErrNotInCall
	}
	if s.c.State == Ended {
		return nil
	}
	if s.c.State == Ringing && role == Callee {
		kind := EffectEnded
		if reject {
			kind = EffectRejected
		}
		s.end(Rejected, w, kind)
		return nil
	}
	if w.Device == "" || s.c.Party(role).Device != w.Device {
		return ErrNotInCall
	}
	if s.c.State == Ringing {
		s.end(Cancelled, w, EffectEnded)
	} else {
		s.end(Hangup, w, EffectEnded)
	}
	return nil
}
