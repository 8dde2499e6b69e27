package call

// Ask is a call:user as Decide needs it.
type Ask struct {
	Who
	To       string // user
	ClientID string
	Signal   Signal
}

// Verdict is what a call:user means.
type Verdict uint8

// The verdicts.
const (
	// DoRing: make a new call (New) and claim both users.
	DoRing Verdict = 1
	// DoWait: the same, with Ring.Waiting; the callee's claim stays with its
	// other call.
	DoWait Verdict = 2
	// DoRepeat: it belongs to Decision.Call: Step with Repeat (C10).
	DoRepeat Verdict = 3
	// DoGlare: Decision.Call is the callee's ring to the asker and stays: Step
	// with TakeGlare; the reply names that call (C8).
	DoGlare Verdict = 4
	// DoBusy: the callee is in another call: Refuse with Busy.
	DoBusy Verdict = 5
	// DoBusySelf: another device of the asker, which is there, is in a call.
	DoBusySelf Verdict = 6
	// DoDrop: a candidate or the like of a call that is over: it never rings.
	DoDrop Verdict = 7
	// DoRefuse: it makes no sense: Decision.Err.
	DoRefuse Verdict = 8
)

// Decision is Decide's answer.
type Decision struct {
	Do   Verdict
	Call *Call // DoRepeat, DoGlare
	// Supersede are live calls that end first, in any case: Step with
	// Supersede on each, before the new call's effects (C10).
	Supersede []*Call
	Err       error // DoRefuse, DoDrop: for the reply
}

// Decide says what a call:user means (C4, C8, C10). mine are the live calls of
// the asking user, theirs those of the user who is rung; calls that have ended
// are passed over, so a pointer to one makes nobody busy. Whether the callee
// is offline is not its business: New is told.
func Decide(cfg Config, ask Ask, mine, theirs []*Call) Decision {
	if ask.To == ask.User {
		return Decision{Do: DoRefuse, Err: ErrSelf}
	}
	for _, c := range mine {
		if c.Live() && c.RoleOf(ask.To) != 0 {
			if do := between(ask, c); do != 0 {
				return Decision{Do: do, Call: c}
			}
		}
	}
	if !ask.Signal.Kind.Starts() {
		return Decision{Do: DoDrop, Err: ErrNotInCall}
	}
	d := Decision{Do: DoRing}
	for _, c := range mine {
		switch {
		case !c.Live():
		case leaves(ask, c):
			d.Supersede = append(d.Supersede, c)
		case !waits(ask, c):
			return Decision{Do: DoBusySelf, Err: ErrBusy}
		}
	}
	for _, c := range theirs {
		if !c.Live() || c.RoleOf(ask.User) != 0 {
			continue // over, or about to be superseded
		}
		if !cfg.CallWaiting {
			d.Do, d.Err = DoBusy, ErrBusy
			break
		}
		d.Do = DoWait
	}
	return d
}

// between looks at a live call of the same two users: zero if the call:user
// is no part of it.
func between(ask Ask, c *Call) Verdict {
	role := c.RoleOf(ask.User)
	p := c.Party(role)
	switch {
	case p.Device == ask.Device && partOf(ask, c, role):
		return DoRepeat
	case role == Callee && c.State == Ringing && !c.Caller.Away() && ask.Signal.Kind.Starts():
		return DoGlare
	}
	return 0
}

// partOf reports whether the signal of the device that holds that side of the
// call belongs to it, and is not the first of a new media session (C10).
func partOf(ask Ask, c *Call, role Role) bool {
	if role == Caller && ask.ClientID != "" && ask.ClientID == c.ClientID {
		return true
	}
	p := c.Party(role)
	switch ask.Signal.Kind {
	case SignalCandidate, SignalRequest, SignalAnswer:
		return true
	case SignalOffer:
		if ask.Signal.Session != 0 || p.SDP != 0 {
			return ask.Signal.Session == p.SDP
		}
	}
	// Opaque: it can only be a repetition where the device rang with one, and
	// has not been another page since.
	return role == Caller && sameSession(p.Session, ask.Session)
}

// leaves reports whether placing the call ends this other one: the device
// itself moved on from it, only a vanished device holds it, or it merely
// rings at the user who rather calls somebody now.
func leaves(ask Ask, c *Call) bool {
	role := c.RoleOf(ask.User)
	p := c.Party(role)
	if role == Callee && c.State == Ringing {
		return !waits(ask, c)
	}
	return p.Device == ask.Device || p.Away()
}

// waits reports whether the call is a waiting one that goes on ringing.
func waits(ask Ask, c *Call) bool {
	return c.Waiting && c.State == Ringing && c.Callee.User == ask.User && c.Caller.User != ask.To
}
