package call

import "bytes"

// ringDevice rings one more device of the callee: it connected while the call
// rings (C2), or came back to it.
func (s *step) ringDevice(w Who, recovered bool) {
	i := s.c.rungIndex(w.Device)
	r := Rung{Device: w.Device, Session: w.Session, Extended: w.Extended}
	if i >= 0 {
		old := s.c.Rung[i]
		if old.Session == w.Session && !old.Away {
			return
		}
		if recovered {
			r.Glare = old.Glare
			s.setRung(i, r)
			return
		}
	}
	s.setRung(i, r)
	s.incoming(w.Device, false, false)
}

// takeGlare gives the ringing call to a device that rang its caller (C8).
func (s *step) takeGlare(w Who) error {
	switch {
	case s.c.RoleOf(w.User) != Callee:
		return ErrNotInCall
	case s.c.State == Ended:
		return ErrEnded
	case s.c.State == Answered && s.c.Callee.Device != w.Device:
		return ErrAlreadyAnswered
	case s.c.State == Answered:
		return nil
	}
	i := s.c.rungIndex(w.Device)
	if i >= 0 && s.c.Rung[i].Glare {
		return nil
	}
	s.setRung(i, Rung{Device: w.Device, Session: w.Session, Extended: w.Extended, Glare: true})
	// A base device that rings already shows the winner; the same offer again
	// would break a front end that feeds every signal to its peer.
	if i < 0 || w.Extended {
		s.incoming(w.Device, true, i >= 0)
	}
	return nil
}

// incoming gives one device the call with its signals so far; with again only the
// first one, because it rang already.
func (s *step) incoming(dev string, glare, again bool) {
	e := Effect{Kind: EffectIncoming, To: device(s.c.Callee.User, dev), Glare: glare, By: s.c.Caller.Device, Role: Caller}
	if n := len(s.c.Offers); n > 0 {
		e.Signal = s.c.Offers[0].Signal
		if !again { // else it has the further ones
			e.Items = s.c.Offers[1:n:n]
		}
	}
	s.emit(e)
	s.woken()
}

// woken notes that the callee has a device that rings: an offline ring
// becomes an ordinary one (C5), and the caller hears call:ringing once.
func (s *step) woken() {
	c := &s.c
	if c.Offline {
		c.Offline = false
		c.RingUntil = s.now + Stamp(c.Limits.Ring)
		s.dirty = true
	}
	if c.Told {
		return
	}
	c.Told = true
	s.dirty = true
	if c.Caller.Extended {
		s.emit(Effect{Kind: EffectRinging, To: device(c.Caller.User, c.Caller.Device), Count: len(c.Rung)})
	}
}

// delivered notes which devices have the call:incoming.
func (s *step) delivered(devs []Who) {
	if s.c.State != Ringing {
		for _, w := range devs {
			s.deliveredLate(w)
		}
		return
	}
	var added int
	for i := range devs {
		if devs[i].Device != "" && s.c.rungIndex(devs[i].Device) < 0 {
			added++
		}
	}
	if added == 0 {
		return
	}
	rung := make([]Rung, len(s.c.Rung), len(s.c.Rung)+added)
	copy(rung, s.c.Rung)
	s.c.Rung, s.dirty = rung, true
	for _, w := range devs {
		if w.Device != "" && s.c.rungIndex(w.Device) < 0 {
			s.c.Rung = append(s.c.Rung, Rung{Device: w.Device, Session: w.Session, Extended: w.Extended})
		}
	}
	s.woken()
}

// deliveredLate takes the call:incoming back from a device that got it when
// the ringing was over: it, or this page of it, was in nobody's list when the
// others were told.
func (s *step) deliveredLate(w Who) {
	w.User = s.c.Callee.User
	holds := w.Device == s.c.Callee.Device
	i := s.c.rungIndex(w.Device)
	if w.Device == "" || (holds && s.c.Live()) || (i >= 0 && sameSession(s.c.Rung[i].Session, w.Session)) {
		return
	}
	s.setRung(i, Rung{Device: w.Device, Session: w.Session, Extended: w.Extended, Silent: true})
	s.tellEnded(device(w.User, w.Device), s.c.overFor(w), s.c.Reason == Glare)
}

// overFor says why the call is over for a device of one of its users.
func (c *Call) overFor(w Who) Reason {
	switch role := c.RoleOf(w.User); {
	case role == 0, c.Party(role).Device == w.Device, c.State == Ended && role == Callee && c.AnswerAt == 0,
		c.State == Ended && role == Caller && indexOf(c.Left, w.Device) < 0:
		return c.Reason
	}
	return AnsweredElsewhere
}

// repeat handles a call:user that belongs to this call (C10): more of the
// offer while it rings, a renegotiation once it is answered.
func (s *step) repeat(w Who, sig Signal) error {
	role := s.c.RoleOf(w.User)
	if role == 0 {
		return ErrNotInCall
	}
	if s.c.State == Ended {
		return ErrEnded
	}
	if s.c.Party(role).Device != w.Device {
		return ErrNotInCall
	}
	if s.c.State == Answered {
		s.forward(role, KeptSignal, sig, true)
		return nil
	}
	if sig.Kind == SignalNone || !s.fresh(Callee, sig) {
		return nil
	}
	s.noteSDP(Caller, sig)
	item := Kept{Kind: KeptSignal, From: w.Device, Hash: sig.Hash, Signal: sig.Raw}
	if s.room(len(sig.Raw)) {
		item.Signal = bytes.Clone(sig.Raw)
		n := len(s.c.Offers)
		s.c.Offers = append(s.c.Offers[:n:n], item)
		s.c.KeptBytes += len(sig.Raw)
		s.dirty = true
	}
	if !s.c.Offline {
		s.emit(Effect{Kind: EffectIncoming, To: everyone(s.c.Callee.User), Signal: sig.Raw, Again: true, By: w.Device, Role: Caller})
	}
	return nil
}
