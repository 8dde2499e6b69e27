package call

import "time"

// is reports whether w is the party's device, in the session that the party
// is known to have.
func (p *Party) is(w Who) bool {
	return w.Device != "" && p.Device == w.Device && sameSession(p.Session, w.Session)
}

func sameSession(a, b string) bool { return a == "" || b == "" || a == b }

// online handles a connected device of either user.
func (s *step) online(w Who, recovered bool) error {
	role := s.c.RoleOf(w.User)
	if role == 0 {
		return ErrNotInCall
	}
	if w.Device == "" {
		return nil
	}
	holds := s.c.Party(role).Device == w.Device
	switch {
	case s.c.Live() && holds:
		s.back(role, w, recovered)
	case s.c.State == Ringing && role == Callee:
		s.ringDevice(w, recovered)
	default:
		s.missed(role, w, recovered)
	}
	return nil
}

// back has a party's device here again: after it vanished, or with a new
// session before anybody noticed that the old one was dead.
func (s *step) back(role Role, w Who, recovered bool) {
	p, other := s.c.Party(role), s.c.Party(role.Other())
	was := p.Away()
	if !was && p.Session == w.Session {
		return
	}
	p.AwayUntil, p.Session, p.Extended = 0, w.Session, w.Extended
	s.dirty = true
	if !was && !recovered {
		// It is back before anybody noticed that it was gone: the other side
		// hears of both, since its media may have to find a way anew.
		s.emit(Effect{Kind: EffectPeer, To: everyone(other.User), Away: true, Role: role})
		was = true
	}
	if was {
		s.emit(Effect{Kind: EffectPeer, To: everyone(other.User), Role: role})
	}
	if other.Away() && !recovered {
		s.emit(Effect{Kind: EffectPeer, To: device(w.User, w.Device), Away: true, Role: role.Other()})
	}
	// A new page of an extended client asks for the call when it is ready for
	// it (Resume); all others go on where they were.
	if recovered || !w.Extended {
		s.give(role, false)
	}
}

// missed tells a device that comes back what it may not have heard: that the
// call, or its ringing, is over (C13). What it was told while it was away is
// in its transport's hands if that recovered. Each new session is told, as
// long as the call is kept: that the one before got it can not be known here.
func (s *step) missed(role Role, w Who, recovered bool) {
	if p := s.c.Party(role); s.c.State == Ended && p.Device == w.Device {
		if p.Heard || (!p.Away() && p.Session == w.Session) {
			return
		}
		p.AwayUntil, p.Session, s.dirty = 0, w.Session, true
		if !recovered {
			s.tellEnded(device(w.User, w.Device), s.c.Reason, s.c.Reason == Glare)
		}
		return
	}
	list := *s.c.aside(role)
	i := indexOf(list, w.Device)
	if i < 0 || list[i].Heard || !list[i].Silent || (!list[i].Away && list[i].Session == w.Session) {
		return
	}
	r := list[i]
	r.Away, r.Session = false, w.Session
	s.setAside(role, i, r)
	if !recovered {
		s.tellEnded(device(w.User, w.Device), s.c.overFor(w), s.c.Reason == Glare)
	}
}

// away handles a vanished device (C9).
func (s *step) away(w Who, window time.Duration) error {
	role := s.c.RoleOf(w.User)
	if role == 0 {
		return ErrNotInCall
	}
	if p := s.c.Party(role); p.is(w) {
		if p.Away() {
			return nil
		}
		if !s.c.Live() {
			if !p.Heard {
				// It may have vanished before it heard.
				p.AwayUntil, s.dirty = max(s.now, 1), true
			}
			return nil
		}
		ms := s.c.Limits.Window
		if window > 0 {
			ms = max(window.Milliseconds(), 1)
		}
		if ms <= 0 {
			s.end(Lost, Who{}, EffectEnded)
			return nil
		}
		p.AwayUntil, s.dirty = s.now+Stamp(ms), true
		s.emit(Effect{Kind: EffectPeer, To: everyone(s.c.Party(role.Other()).User), Away: true, Role: role})
		return nil
	}
	s.rungAway(role, w)
	return nil
}

// rungAway notes that a device which rings, or once had to do with the call,
// is not there. The call goes on ringing: the user may have other devices, or
// come back with this one.
func (s *step) rungAway(role Role, w Who) {
	if i, r := s.asideAs(role, w); i >= 0 && !r.Away {
		r.Away = true
		s.setAside(role, i, r)
	}
}

// rungGone is rungAway for good: there is nobody left to be told.
func (s *step) rungGone(role Role, w Who, lost bool) {
	i, r := s.asideAs(role, w)
	switch {
	case i < 0 || lost || !r.Silent:
		s.rungAway(role, w)
	case !r.Heard:
		r.Heard = true
		s.setAside(role, i, r)
	}
}

// asideAs finds a device in that session.
func (s *step) asideAs(role Role, w Who) (int, Rung) {
	list := *s.c.aside(role)
	i := indexOf(list, w.Device)
	if i < 0 || !sameSession(list[i].Session, w.Session) {
		return -1, Rung{}
	}
	return i, list[i]
}

// gone handles the end of a device's session (C9): a clean end hangs up.
func (s *step) gone(w Who, lost bool) error {
	role := s.c.RoleOf(w.User)
	if role == 0 {
		return ErrNotInCall
	}
	p := s.c.Party(role)
	switch {
	case !p.is(w):
		s.rungGone(role, w, lost)
	case !s.c.Live():
		if !p.Heard && !lost {
			p.Heard, s.dirty = true, true
		}
	case lost:
		if !p.Away() {
			p.AwayUntil = max(s.now, 1)
		}
		s.end(Lost, Who{}, EffectEnded)
	case s.c.State == Ringing:
		s.end(Cancelled, w, EffectEnded)
	default:
		s.end(Hangup, w, EffectEnded)
	}
	return nil
}

// resume gives a user's side of the call to the device that asks for it: the
// one that holds it, with a new page, or another one.
func (s *step) resume(w Who, handoff bool) error {
	role := s.c.RoleOf(w.User)
	switch {
	case role == 0 || w.Device == "":
		return ErrNotInCall
	case s.c.State == Ended:
		return ErrEnded
	case s.c.State == Ringing && (handoff || role == Callee):
		return ErrNotAnswered
	}
	p, other := s.c.Party(role), s.c.Party(role.Other())
	was := p.Away()
	if old := *p; old.Device != w.Device {
		p.Seen, p.SDP = nil, 0
		s.setAside(role, indexOf(*s.c.aside(role), old.Device),
			Rung{Device: old.Device, Session: old.Session, Extended: old.Extended, Away: was, Silent: true})
		s.tellEnded(device(w.User, old.Device), AnsweredElsewhere, false)
	}
	p.Device, p.Session, p.Extended, p.AwayUntil = w.Device, w.Session, w.Extended, 0
	s.dirty = true
	if was {
		s.emit(Effect{Kind: EffectPeer, To: everyone(other.User), Role: role})
	}
	s.give(role, true)
	return nil
}
