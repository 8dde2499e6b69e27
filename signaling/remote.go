package signaling

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// The kinds of what switchboards send each other. kindAsk and kindReply are in
// ask.go.
const (
	kindCall  presence.Kind = 1 // effects of a call, with the call
	kindEvent presence.Kind = 2 // one event for a user's devices
	kindEvict presence.Kind = 3 // a session whose device has connected elsewhere
)

// envelopeVersion stands in front of every payload. A node drops what it does
// not know, and a newer one keeps sending what the older ones know.
const envelopeVersion = 1

var errEnvelope = errors.New("signaling: an envelope can not be read")

// Flags of envelopes.
const (
	flagForwarded = 1 << iota // by a node that lacked the session
	flagRepeat                // may have been delivered before: drop what was
	flagDroppable             // for the droppable lane of the clients
	flagSoft                  // the effects are not in the stored record
	flagExtended              // for extended devices only
	flagBase                  // for base devices only
)

// The two bits above the flags count how often more than once it was forwarded.
const (
	againShift = 6
	maxAgain   = 3
)

// forwarded returns the flags of what is passed on to where a session went; false:
// it has been passed on often enough. After the first time it goes only where this
// node knows that it sent the session, which is where that was later: it gains on it,
// but for one that never arrived where it went.
func forwarded(flags byte) (next byte, ok bool) {
	switch {
	case flags&flagForwarded == 0:
		return flags | flagForwarded, true
	case flags>>againShift == maxAgain:
		return 0, false
	default:
		return flags + 1<<againShift, true
	}
}

// audience says which devices of a user an event is for.
type audience byte

const (
	everyDevice     audience = 0
	extendedDevices audience = flagExtended
	baseDevices     audience = flagBase
)

func (a audience) includes(extended bool) bool {
	return a == everyDevice || extended == (a == extendedDevices)
}

// tellUser queues an event for devices of a user, on whatever node, but for the
// session that caused it. What can not reach another node now is told later.
func (sw *Switchboard) tellUser(ctx context.Context, t *turn, from, user string, ev *wire.Event, who audience, but *Session) {
	here := sw.hub.of(user)
	for _, s := range here {
		if s == but || !who.includes(s.extended) {
			continue
		}
		s.send(t, ev)
	}
	if !sw.shared {
		return
	}
	sw.castMust(ctx, &eventEnvelope{flags: byte(who), user: user, from: from, event: ev.Name, args: ev.Args, told: here})
}

// hasBase reports whether a user has a base device connected.
func (sw *Switchboard) hasBase(ctx context.Context, user string) bool {
	for _, s := range sw.hub.of(user) {
		if !s.extended {
			return true
		}
	}
	list, err := sw.elsewhere(ctx, user)
	return err == nil && slices.ContainsFunc(list, func(s presence.Session) bool { return !s.Extended })
}

// An eventEnvelope is an event for a user's devices on another node.
type eventEnvelope struct {
	flags  byte
	user   string // whose devices get it
	device string // only this one; or ""
	from   string // the user it is from, or ""
	event  string
	args   []byte

	// told are the sessions of this node that were told, or are not to be. One that
	// moves meanwhile takes the event along. It is not sent.
	told []*Session
}

func (e *eventEnvelope) encode() []byte { return e.encodeFor(e.device) }

// encodeFor is encode for one device.
func (e *eventEnvelope) encodeFor(device string) []byte {
	b := make([]byte, 0, 16+len(e.user)+len(device)+len(e.from)+len(e.event)+len(e.args))
	b = append(b, envelopeVersion, e.flags)
	for _, s := range [...]string{e.user, device, e.from, e.event} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, e.args...)
}

func decodeEventEnvelope(b []byte) (e eventEnvelope, err error) {
	if len(b) < 2 || b[0] != envelopeVersion {
		return e, errEnvelope
	}
	e.flags, b = b[1], b[2:]
	for _, dst := range [...]*string{&e.user, &e.device, &e.from, &e.event} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return e, errEnvelope
		}
		*dst, b = string(b[w:w+int(n)]), b[w+int(n):]
	}
	e.args = b
	return e, nil
}

// encodeCall puts a call with the effects to be told into an envelope.
func encodeCall(flags byte, c *call.Call, fx []call.Effect) []byte {
	copied := *c
	copied.Outbox = fx
	return call.AppendCall([]byte{envelopeVersion, flags}, &copied)
}

// decodeCallEnvelope reads what encodeCall wrote.
func decodeCallEnvelope(b []byte) (flags byte, c *call.Call, fx []call.Effect, err error) {
	if len(b) < 2 || b[0] != envelopeVersion {
		return 0, nil, nil, errEnvelope
	}
	got, err := call.Decode(append([]byte(nil), b[2:]...)) // the call keeps pieces of it
	if err != nil {
		return 0, nil, nil, err
	}
	fx, got.Outbox = got.Outbox, nil
	return b[1], &got, fx, nil
}

// elsewhere lists the sessions of a user that are on other nodes, among those
// on this one: skip them by mine.
func (sw *Switchboard) elsewhere(ctx context.Context, user string) ([]presence.Session, error) {
	list, err := sw.routes(ctx, user)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if !sw.mine(&list[i]) {
			return list, nil
		}
	}
	return nil, nil
}

// routes lists the sessions of a user on all nodes; none where there is one node.
func (sw *Switchboard) routes(ctx context.Context, user string) ([]presence.Session, error) {
	if !sw.shared {
		return nil, nil
	}
	list, err := sw.store.Routes(ctx, user)
	if err != nil {
		return nil, err
	}
	return sw.redirect(user, list), nil
}

// mine reports whether a session is one of this node's.
func (sw *Switchboard) mine(s *presence.Session) bool { return s.Owner() == *sw.self.Load() }

// peers collects the nodes that something goes to; mostly there is one.
type peers struct{ list []presence.Peer }

func (p *peers) add(n presence.Peer) {
	for _, have := range p.list {
		if have == n {
			return
		}
	}
	p.list = append(p.list, n)
}

// cast sends an event to the other nodes of a user. lane is the bus'; what the
// clients' lane is stands in the envelope.
func (sw *Switchboard) cast(ctx context.Context, e *eventEnvelope, lane presence.Lane) error {
	to, _, err := sw.addressees(ctx, e)
	for _, a := range to {
		err = errors.Join(err, sw.store.Send(a.node, kindEvent, lane, e.encodeFor(a.device), nil))
	}
	return err
}

// An addressee of an event is another node: for one device there, or, if that is
// "", for all that its user has there.
type addressee struct {
	node   presence.Peer
	device string
}

// addressees lists where else an event goes. A node passes what is for all
// devices on to those that have left it lately. So it is for all only where no
// other node has any: else it is sent to each device where that is, and none gets
// it twice.
//
// came lists sessions that have come here from other nodes since those that were
// here were told.
func (sw *Switchboard) addressees(ctx context.Context, e *eventEnvelope) (to []addressee, came []*Session, err error) {
	list, err := sw.routes(ctx, e.user)
	if err != nil {
		return nil, nil, err
	}
	one := len(e.told) == 0
	for i := range list {
		s := &list[i]
		if !e.isFor(s) {
			continue
		}
		if sw.mine(s) {
			if here := sw.hub.session(s.User, s.ID); here != nil && here.came {
				came, one = append(came, here), false
			}
			continue
		}
		if e.event == blockNews && slices.ContainsFunc(to, func(a addressee) bool { return a.node == s.Owner() }) {
			continue // its node hears of it, not the device
		}
		to = append(to, addressee{s.Owner(), s.Device})
		one = one && to[0].node == s.Owner()
	}
	if one && len(to) > 0 {
		to = append(to[:0], addressee{to[0].node, e.device})
	}
	return to, came, nil
}

// isFor reports whether a session on another node has yet to get the event.
func (e *eventEnvelope) isFor(s *presence.Session) bool {
	return (e.device == "" || e.device == s.Device) &&
		!slices.ContainsFunc(e.told, func(here *Session) bool { return here.id == s.ID })
}

// toUser queues an event for every device of a user, on whatever node. The
// error says that not all could be reached.
func (sw *Switchboard) toUser(ctx context.Context, t *turn, from, user string, ev *wire.Event) error {
	here := sw.hub.of(user)
	for _, s := range here {
		s.send(t, ev)
	}
	return sw.toOthers(ctx, here, from, user, "", ev)
}

// toOthers sends an event to a user's devices on other nodes, but for those that
// were told here; if device is not "" to that one only.
func (sw *Switchboard) toOthers(ctx context.Context, told []*Session, from, user, device string, ev *wire.Event) error {
	if !sw.shared {
		return nil
	}
	e := eventEnvelope{user: user, device: device, from: from, event: ev.Name, args: ev.Args, told: told}
	lane := presence.Must
	if ev.Lane == wire.Droppable {
		e.flags |= flagDroppable
		lane = presence.BestEffort
	}
	if sw.cast(ctx, &e, lane) != nil {
		return wire.Errorf(wire.CodeUnavailable, "")
	}
	return nil
}

// A target is a node with the effects that are for its sessions.
type target struct {
	to presence.Peer
	fx []call.Effect
}

// targets says what goes to which node, for sessions that were not told here. came
// are those that have come here from other nodes since then.
func (sw *Switchboard) targets(ctx context.Context, c *call.Call, fx []call.Effect, here *hearers) (out []target, came hearers, err error) {
	callers, err := sw.routes(ctx, c.Caller.User)
	callees, lookErr := sw.routes(ctx, c.Callee.User)
	if lookErr != nil {
		err = lookErr
	}
	for k, list := range [...][]presence.Session{callers, callees} {
		for i := range list {
			s := &list[i]
			if here.have(func(h *Session) bool { return h.id == s.ID }) || !concerns(fx, s) {
				continue
			}
			if !sw.mine(s) {
				out = addTarget(out, s.Owner())
				continue
			}
			h := sw.hub.session(s.User, s.ID)
			if h == nil {
				if _, left := sw.tombOf(s.User, s.Device); left { // in this moment
					return sw.targets(ctx, c, fx, here)
				}
				continue
			}
			if h.came {
				to := [...]*[]*Session{&came.callers, &came.callees}[k]
				*to = append(*to, h)
			}
		}
	}
	for i := range out {
		out[i].fx = effectsFor(c, fx, callers, callees, out[i].to)
	}
	return out, came, err
}

func addTarget(list []target, to presence.Peer) []target {
	for i := range list {
		if list[i].to == to {
			return list
		}
	}
	return append(list, target{to: to})
}

// effectsFor lists the effects that are for sessions of one node: all of them,
// without a copy, in the common case.
func effectsFor(c *call.Call, fx []call.Effect, callers, callees []presence.Session, to presence.Peer) []call.Effect {
	wanted := func(e *call.Effect) bool {
		list := callees
		if e.To.User == c.Caller.User {
			list = callers
		}
		for i := range list {
			if s := &list[i]; s.Owner() == to && isFor(e, s) {
				return true
			}
		}
		return false
	}
	n := 0
	for i := range fx {
		if wanted(&fx[i]) {
			n++
		}
	}
	if n == len(fx) {
		return fx
	}
	out := make([]call.Effect, 0, n)
	for i := range fx {
		if wanted(&fx[i]) {
			out = append(out, fx[i])
		}
	}
	return out
}

// concerns reports whether one of the effects is for that session.
func concerns(fx []call.Effect, s *presence.Session) bool {
	for i := range fx {
		if isFor(&fx[i], s) {
			return true
		}
	}
	return false
}

func isFor(e *call.Effect, s *presence.Session) bool {
	if e.To.User != s.User || e.Resumed || !e.To.Includes(s.Device) {
		return false
	}
	return s.Extended || !e.BaseSilent && !e.Kind.ExtendedOnly()
}

// sendCall sends a call with its effects. done, if not nil, is called once for
// each target, with what came of it.
func (sw *Switchboard) sendCall(list []target, flags byte, c *call.Call, lane presence.Lane, done func(error)) (err error) {
	for _, to := range list {
		sendErr := sw.store.Send(to.to, kindCall, lane, encodeCall(flags, c, to.fx), done)
		if sendErr == nil {
			continue
		}
		err = sendErr
		if done != nil {
			done(sendErr)
		}
	}
	return err
}
