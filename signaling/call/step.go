package call

import (
	"encoding/json"
	"slices"
	"time"
)

// Step applies one input. It returns the next version of the call and the
// effects that this step added (the tail of its outbox).
//
// If Version is unchanged nothing happened and there is nothing to store. A
// refusal (one of the *Error sentinels) may still bring effects, for the
// device that asked: the result is stored and handed over all the same.
//
// Inputs may come twice, late, or in any order: what makes no sense any more
// changes nothing (C12).
func Step(c Call, in Input, now time.Time) (Call, []Effect, error) {
	return StepInto(c, in, now, nil)
}

// StepInto is Step with room for the effects, so that they cost no memory of
// their own. It is for callers that hand the effects over at once and clear the
// result's Outbox before they use the room again; it is taken only if the
// call's outbox is empty.
func StepInto(c Call, in Input, now time.Time, room []Effect) (Call, []Effect, error) {
	s := step{c: c, now: StampOf(now), base: len(c.Outbox)}
	if len(c.Outbox) == 0 && cap(room) > 0 {
		s.c.Outbox, s.own = room[:0], true
	}
	var err error
	switch in := in.(type) {
	case DeviceOnline:
		err = s.online(in.Who, in.Recovered)
	case DeviceAway:
		err = s.away(in.Who, in.Window)
	case DeviceGone:
		err = s.gone(in.Who, in.Lost)
	case Delivered:
		s.delivered(in.Devices)
	case Repeat:
		err = s.repeat(in.Who, in.Signal)
	case Answer:
		err = s.answer(in.Who, in.Signal)
	case Reject:
		err = s.hangup(in.Who, true)
	case End:
		err = s.hangup(in.Who, false)
	case SendSignal:
		err = s.send(in.Who, KeptSignal, in.Signal)
	case SendCandidates:
		err = s.send(in.Who, KeptCandidates, in.Signal)
	case Resume:
		err = s.resume(in.Who, false)
	case Handoff:
		err = s.resume(in.Who, true)
	case TakeGlare:
		err = s.takeGlare(in.Who)
	case MergeGlare:
		s.mergeGlare(in.Into)
	case Supersede:
		err = s.supersede(in.Who, in.By)
	case Abort:
		s.abort(in.Reason)
	case Timeout:
		s.timeout()
	case Undelivered:
		s.undelivered(&in.Effect)
	case Ack:
		s.ack(in.UpTo)
	default:
		err = ErrInput
	}
	if !s.dirty {
		return c, nil, err
	}
	return s.done(err)
}

// Acked returns the call without the effects up to that number: what Step
// with Ack does, for a store that hands effects over where it keeps them.
func (c Call) Acked(upTo uint64) Call {
	n := 0
	for n < len(c.Outbox) && c.Outbox[n].Seq <= upTo {
		n++
	}
	if n == 0 {
		return c
	}
	if n == len(c.Outbox) {
		c.Outbox = nil
	} else {
		c.Outbox = c.Outbox[n:len(c.Outbox):len(c.Outbox)]
	}
	c.Version++
	return c
}

// step is one Step at work: the version in the making.
type step struct {
	c     Call
	now   Stamp
	base  int  // effects that were in the outbox before
	own   bool // Outbox is this step's own copy
	dirty bool // something changed
}

func (s *step) done(err error) (Call, []Effect, error) {
	s.c.Version++
	n := len(s.c.Outbox)
	return s.c, s.c.Outbox[s.base:n:n], err
}

func (s *step) ack(upTo uint64) {
	v := s.c.Version
	if s.c = s.c.Acked(upTo); s.c.Version != v {
		s.c.Version = v
		s.dirty = true
		s.base = len(s.c.Outbox)
	}
}

// reserve copies the outbox, with room for n more: the old one belongs to the
// version before.
func (s *step) reserve(n int) {
	if !s.own {
		out := make([]Effect, len(s.c.Outbox), len(s.c.Outbox)+n)
		copy(out, s.c.Outbox)
		s.c.Outbox, s.own = out, true
	}
}

// emit adds an effect.
func (s *step) emit(e Effect) {
	s.reserve(1)
	s.dirty = true
	s.c.Seq++
	e.Seq = s.c.Seq
	s.c.Outbox = append(s.c.Outbox, e)
}

func device(user, dev string) To { return To{User: user, Scope: ToDevice, Device: dev} }

func everyone(user string) To { return To{User: user, Scope: ToAll} }

// state tells both users where the call stands. The caller's comes first.
func (s *step) state() {
	e := Effect{Kind: EffectState, State: s.c.State, Reason: s.c.Reason, Next: s.c.Next}
	e.To = everyone(s.c.Caller.User)
	s.emit(e)
	e.To = everyone(s.c.Callee.User)
	s.emit(e)
}

// silence lists the devices that ring, but one, and marks them all as told
// that it is over.
func (s *step) silence(but string) []string {
	var devs []string
	for i := range s.c.Rung {
		if r := &s.c.Rung[i]; !r.Silent && r.Device != but {
			if devs == nil {
				devs = make([]string, 0, len(s.c.Rung)-i)
			}
			devs = append(devs, r.Device)
		}
	}
	if len(s.c.Rung) > 0 {
		rung := make([]Rung, len(s.c.Rung))
		copy(rung, s.c.Rung)
		for i := range rung {
			rung[i].Silent = true
			rung[i].Heard = rung[i].Device == but
		}
		s.c.Rung, s.dirty = rung, true
	}
	return devs
}

// rungIndex finds a device in Rung; -1 if it never rang.
func (c *Call) rungIndex(dev string) int { return indexOf(c.Rung, dev) }

func indexOf(list []Rung, dev string) int {
	for i := range list {
		if list[i].Device == dev {
			return i
		}
	}
	return -1
}

// aside is the list of a user's devices that do not hold its side.
func (c *Call) aside(role Role) *[]Rung {
	if role == Caller {
		return &c.Left
	}
	return &c.Rung
}

// setRung replaces entry i, or adds it if i is -1, in a copy of the list.
func (s *step) setRung(i int, r Rung) { s.setAside(Callee, i, r) }

func (s *step) setAside(role Role, i int, r Rung) {
	list := s.c.aside(role)
	n := len(*list)
	if i < 0 {
		*list = append((*list)[:n:n], r)
	} else {
		*list = slices.Clone(*list)
		(*list)[i] = r
	}
	s.dirty = true
}

// tellEnded sends the end of the call, or of its ringing, to some devices.
func (s *step) tellEnded(to To, why Reason, baseSilent bool) {
	s.emit(Effect{Kind: EffectEnded, To: to, Reason: why, Next: s.c.Next, BaseSilent: baseSilent})
}

func (s *step) tellRung(devs []string, why Reason, baseSilent bool) {
	switch len(devs) {
	case 0:
	case 1:
		s.tellEnded(device(s.c.Callee.User, devs[0]), why, baseSilent)
	default:
		s.tellEnded(To{User: s.c.Callee.User, Scope: ToDevices, Devices: devs}, why, baseSilent)
	}
}

func raw(sig Signal) json.RawMessage {
	if sig.Kind == SignalNone {
		return nil
	}
	return sig.Raw
}
