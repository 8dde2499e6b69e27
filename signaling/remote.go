package signaling

import (
	"context"
	"errors"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

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
