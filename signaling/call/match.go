package call

// Event is a base client's event that may come without a call id.
type Event uint8

// The events that Match knows.
const (
	EventAnswer Event = 1
	EventReject Event = 2
	EventEnd    Event = 3
)

// Match finds the call that such an event of a device belongs to (C1, C3, C7).
// to is the user that it names, or empty. calls are the calls of the device's
// user, live ones and, if they are kept, such as have ended lately: a late
// answer finds those too. Step decides what the event does there.
//
//   - call:answer: a call that rings or rang at the user, from `to`.
//   - call:rejected: a live call whose other party is `to`.
//   - call:end: the live call that the device holds, whatever `to` says; else
//     one that rings at the user, unless `to` names somebody else.
//
// With none it is ErrNotInCall.
func Match(ev Event, who Who, to string, calls []*Call) (*Call, error) {
	var best *Call
	score := 0
	for _, c := range calls {
		n := matches(ev, who, to, c)
		if n > score || (n == score && n > 0 && Earlier(best, c)) {
			best, score = c, n
		}
	}
	if best == nil {
		return nil, ErrNotInCall
	}
	return best, nil
}

// matches grades a call: zero is no match, more is better.
func matches(ev Event, who Who, to string, c *Call) int {
	role := c.RoleOf(who.User)
	if role == 0 {
		return 0
	}
	named := to == c.Party(role.Other()).User
	rings := role == Callee && c.State == Ringing
	holds := c.Holds(who.User, who.Device)
	switch ev {
	case EventAnswer:
		switch {
		case role != Callee || (to != "" && !named):
			return 0
		case holds:
			return 4
		case rings:
			return 3
		case c.Live():
			return 2
		}
		return 1
	case EventReject:
		if !named || (!holds && !rings) {
			return 0
		}
		if holds {
			return 2
		}
		return 1
	case EventEnd:
		switch {
		case holds && named:
			return 4
		case holds:
			return 3
		case rings && named:
			return 2
		case rings && to == "":
			return 1
		}
	}
	return 0
}
