package call

// end ends a live call. by is the device that did it, and needs no telling;
// callerKind is how the caller hears of it.
func (s *step) end(why Reason, by Who, callerKind EffectKind) {
	c := &s.c
	was := c.State
	c.State, c.Reason, c.EndAt, s.dirty = Ended, why, s.now, true
	c.Offers, c.Kept, c.KeptBytes = nil, nil, 0

	s.reserve(6)
	s.c.Caller.Heard = by.User == c.Caller.User && by.Device == c.Caller.Device
	s.c.Callee.Heard = by.User == c.Callee.User && by.Device == c.Callee.Device

	// A device whose own call lost in glare shows the winner already.
	baseSilent := why == Glare
	if by.User != c.Caller.User || by.Device != c.Caller.Device {
		s.emit(Effect{Kind: callerKind, To: device(c.Caller.User, c.Caller.Device), Reason: why, Next: c.Next, BaseSilent: baseSilent})
	}
	but := ""
	if by.User == c.Callee.User {
		but = by.Device
	}
	if was == Ringing {
		s.tellRung(s.silence(but), why, baseSilent)
	} else if but == "" || but != c.Callee.Device {
		s.tellEnded(device(c.Callee.User, c.Callee.Device), why, baseSilent)
	}
	s.state()
	s.emit(Effect{Kind: EffectRelease})
	s.emit(Effect{Kind: EffectLog})
}

// timeout ends the call if the first of its deadlines is over.
func (s *step) timeout() {
	d := s.c.deadline()
	if d == 0 || s.now < d {
		return
	}
	switch {
	case s.c.State == Ringing && s.c.RingUntil == d && s.c.Offline:
		s.end(Offline, Who{}, EffectUnavailable)
	case s.c.State == Ringing && s.c.RingUntil == d:
		s.end(NoAnswer, Who{}, EffectUnavailable)
	default:
		s.end(Lost, Who{}, EffectEnded)
	}
}

// supersede ends the call because one of its parties started another (C10).
func (s *step) supersede(w Who, next string) error {
	if s.c.RoleOf(w.User) == 0 {
		return ErrNotInCall
	}
	if s.c.Live() {
		s.c.Next = next
		s.end(Superseded, w, EffectEnded)
	}
	return nil
}

// mergeGlare ends the call in favour of the one that stays (C8). No base
// device hears of it: call:end would clear the dialog of the other call.
func (s *step) mergeGlare(into string) {
	if s.c.Live() && into != s.c.ID {
		s.c.Next = into
		s.end(Glare, Who{}, EffectEnded)
	}
}

func (s *step) abort(why Reason) {
	if !s.c.Live() {
		return
	}
	kind := EffectEnded
	if s.c.State == Ringing && (why == Forbidden || why == NoAnswer || why == Offline || why == Busy) {
		kind = EffectUnavailable
	}
	s.end(why, Who{}, kind)
}
