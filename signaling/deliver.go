package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// deliver hands over what a step wants told: to the sessions of this node, and
// to the nodes that have others. It runs under the call's lock, so that what two
// steps say arrives in their order. done, if not nil, is called when all nodes
// have theirs in the inbox.
func (sw *Switchboard) deliver(ctx context.Context, t *turn, c *call.Call, fx []call.Effect, done func()) {
	here := sw.tellHere(t, c, fx)
	done = sw.publish(c, fx, done)
	if !sw.shared || len(fx) == 0 {
		return
	}
	sw.tellOthers(ctx, t, 0, c, fx, &here, done)
}

// hearers are the sessions of a call's users that this node had when it told them
// of something. One that moves meanwhile takes that along.
type hearers struct{ callers, callees []*Session }

func (h *hearers) have(is func(*Session) bool) bool {
	return slices.ContainsFunc(h.callers, is) || slices.ContainsFunc(h.callees, is)
}

// tellOthers hands effects that are in the stored record to other nodes. What
// fails is not lost: the record is their witness. here are those who were told on this
// node; who has come to it since then is told now.
func (sw *Switchboard) tellOthers(ctx context.Context, t *turn, flags byte, c *call.Call, fx []call.Effect, here *hearers, done func()) {
	to, came, err := sw.targets(ctx, c, fx, here)
	sw.tellThem(t, c, unlogged(fx), &came)
	var told func(error)
	if done != nil {
		var left atomic.Int32
		left.Store(int32(len(to)) + 1)
		told = func(err error) {
			if err == nil && left.Add(-1) == 0 {
				done()
			}
		}
	}
	err = errors.Join(err, sw.sendCall(to, flags, c, presence.Must, told))
	if told != nil {
		told(err)
	}
	if err != nil {
		sw.log.Debug("effects of a call wait in its record", "call", c.ID, "error", err)
	}
}

// pass hands on what is not stored: signals of a call that goes on as it is. A
// client that asked for an acknowledgement gets it when the other node's inbox
// has them (P3). What nobody is there for is not passed: an *absentError.
func (sw *Switchboard) pass(ctx context.Context, t *turn, c *call.Call, fx []call.Effect) error {
	if len(fx) == 0 {
		return nil
	}
	// Looked up once: a session that comes or goes meanwhile is either told here,
	// and passes on what it gets, or found where it is.
	if sw.tellLive(t, c, fx) {
		return nil
	}
	to, _, err := sw.targets(ctx, c, fx, &hearers{})
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(fx, func(e call.Effect) bool { return carries(&e) }); i >= 0 && len(to) == 0 {
		if sw.tellLive(t, c, fx) { // it has just come
			return nil
		}
		return &absentError{lastSeen(c, &fx[i])}
	}
	for i := range fx {
		if !carries(&fx[i]) {
			sw.tellHere(t, c, fx[i:i+1])
		}
	}
	lane, done := presence.Must, (func(error))(nil)
	if t.answer {
		lane, done = presence.Awaited, t.awaits(len(to))
	}
	return sw.sendCall(to, flagSoft, c, lane, done)
}

// tellHere queues effects on the sessions of this node, and returns those.
func (sw *Switchboard) tellHere(t *turn, c *call.Call, fx []call.Effect) (here hearers) {
	if len(fx) > 0 { // looked up once
		here = hearers{sw.hub.of(c.Caller.User), sw.hub.of(c.Callee.User)}
	}
	sw.tellThem(t, c, fx, &here)
	return here
}

func (sw *Switchboard) tellThem(t *turn, c *call.Call, fx []call.Effect, to *hearers) {
	for i := range fx {
		e := &fx[i]
		switch e.Kind {
		case call.EffectRelease: // the store's, with the save
		case call.EffectLog:
			sw.ended(c.Record())
		default:
			if e.Resumed { // goes into the reply of the one who asked
				continue
			}
			list := to.callees
			if e.To.User == c.Caller.User {
				list = to.callers
			}
			sw.tell(t, c, e, list)
		}
	}
}

// tell renders one effect for each session that it addresses. Base and extended
// devices get it in the form they know; each form is made once.
func (sw *Switchboard) tell(t *turn, c *call.Call, e *call.Effect, to []*Session) {
	var forms [2][]*wire.Event
	var made [2]bool
	for _, s := range to {
		if !e.To.Includes(s.device) {
			continue
		}
		k := 0
		if s.extended {
			k = 1
		} else if e.BaseSilent || e.Kind.ExtendedOnly() {
			continue
		}
		if e.Kind == call.EffectIncoming && !rings(c, e, s) {
			continue
		}
		if !made[k] {
			forms[k], made[k] = render(nil, c, e, s.extended), true
		}
		if s.came && numbered(e) {
			s.hears(c.ID, e.Seq)
		}
		for _, ev := range forms[k] {
			s.send(t, ev)
		}
	}
}

// rings reports whether a session gets a call:incoming that goes to all devices
// of its user. Those that the machine does not know yet, because they were away
// or have just connected, are rung by their own DeviceOnline, if the call still
// rings then (C5: no ghost ring). One that it knows and that has vanished in
// this moment gets it from its link when it is back.
func rings(c *call.Call, e *call.Effect, s *Session) bool {
	if e.To.Scope != call.ToAll {
		return true
	}
	return rung(c, s.device)
}

// render turns an effect into the events of one profile.
func render(dst []*wire.Event, c *call.Call, e *call.Effect, extended bool) []*wire.Event {
	switch e.Kind {
	case call.EffectIncoming:
		dst = append(dst, incoming(c, e, e.Signal))
		for i := range e.Items {
			dst = append(dst, incoming(c, e, e.Items[i].Signal))
		}
	case call.EffectRinging:
		o := newObject(nil)
		o.str("callId", c.ID)
		o.int("devices", int64(e.Count))
		dst = append(dst, eventOf(wire.CallRinging, o.end()))
	case call.EffectAccepted:
		dst = append(dst, accepted(c, e, e.Signal))
	case call.EffectEnded:
		dst = append(dst, ended(wire.CallEnd, c, e))
	case call.EffectRejected:
		dst = append(dst, ended(wire.CallRejected, c, e))
	case call.EffectUnavailable:
		dst = append(dst, unavailableEvent(c.ID, string(e.Reason), sentence(string(e.Reason))))
	case call.EffectPeer:
		o := newObject(nil)
		o.str("callId", c.ID)
		if e.Away {
			o.str("state", "reconnecting")
		} else {
			o.str("state", "back")
		}
		dst = append(dst, eventOf(wire.CallPeer, o.end()))
	case call.EffectSignal:
		dst = appendSignal(dst, c, e, e.Signal, extended)
	case call.EffectCandidates:
		dst = appendCandidates(dst, c, e, e.Signal, extended)
	case call.EffectPending:
		for i := range e.Items {
			it := &e.Items[i]
			switch it.Kind {
			case call.KeptSignal:
				dst = appendSignal(dst, c, e, it.Signal, extended)
			case call.KeptCandidates:
				dst = appendCandidates(dst, c, e, it.Signal, extended)
			case call.KeptAnswer:
				dst = append(dst, accepted(c, &call.Effect{By: it.From, Role: e.Role}, it.Signal))
			}
		}
	case call.EffectState:
		o := newObject(nil)
		o.str("callId", c.ID)
		o.str("state", e.State.String())
		if e.Reason != "" {
			o.str("reason", string(e.Reason))
		}
		if e.Next != "" {
			o.str("next", e.Next)
		}
		dst = append(dst, eventOf(wire.CallState, o.end()))
	}
	return dst
}

// incoming is call:incoming with the call's first or a further signal.
func incoming(c *call.Call, e *call.Effect, signal json.RawMessage) *wire.Event {
	o := newObject(make([]byte, 0, len(signal)+len(c.Info.From)+len(c.Info.Metadata)+256))
	o.raw("from", c.Info.From)
	o.raw("signal", signal)
	o.str("callerName", c.Info.CallerName)
	o.bool("isVideoCall", c.Info.Video)
	o.str("fromId", c.Caller.User)
	o.str("callId", c.ID)
	o.int("expiresAt", int64(c.RingUntil))
	o.bool("peerExtended", c.Caller.Extended)
	if e.Glare {
		o.bool("glare", true)
	}
	if c.Waiting {
		o.bool("waiting", true)
	}
	if len(c.Info.Metadata) > 0 {
		o.raw("metadata", c.Info.Metadata)
	}
	return eventOf(wire.CallIncoming, o.end())
}

// accepted is call:accepted: the bare signal, then who it is from.
func accepted(c *call.Call, e *call.Effect, signal json.RawMessage) *wire.Event {
	b := make([]byte, 0, len(signal)+160)
	if len(signal) == 0 {
		b = append(b, "null"...)
	}
	b = append(b, signal...)
	b = append(b, ',')
	o := newObject(b)
	o.str("callId", c.ID)
	by, ext := c.Callee.User, c.Callee.Extended
	if e.Role == call.Caller {
		by, ext = c.Caller.User, c.Caller.Extended
	}
	o.str("by", by)
	o.str("device", e.By)
	o.bool("extended", ext)
	return eventOf(wire.CallAccepted, o.end())
}

func ended(name string, c *call.Call, e *call.Effect) *wire.Event {
	o := newObject(make([]byte, 0, 96))
	o.str("callId", c.ID)
	o.str("reason", string(e.Reason))
	if e.Next != "" {
		o.str("next", e.Next)
	}
	return eventOf(name, o.end())
}

// appendSignal renders a signal inside the call: call:signal, or call:accepted
// to a base device.
func appendSignal(dst []*wire.Event, c *call.Call, e *call.Effect, signal json.RawMessage, extended bool) []*wire.Event {
	if !extended {
		return append(dst, accepted(c, e, signal))
	}
	o := newObject(make([]byte, 0, len(signal)+96))
	o.str("callId", c.ID)
	o.raw("signal", signal)
	return append(dst, eventOf(wire.CallSignal, o.end()))
}

// appendCandidates renders a list of candidates: call:candidate, or one
// call:accepted each to a base device, in the form that simple-peer takes.
func appendCandidates(dst []*wire.Event, c *call.Call, e *call.Effect, list json.RawMessage, extended bool) []*wire.Event {
	if extended {
		o := newObject(make([]byte, 0, len(list)+96))
		o.str("callId", c.ID)
		o.raw("candidates", list)
		return append(dst, eventOf(wire.CallCandidate, o.end()))
	}
	var few [16][]byte
	items, err := rawjson.Array(few[:0], list)
	if err != nil { // it was validated when it came
		return dst
	}
	for _, it := range items {
		dst = append(dst, accepted(c, e, peerCandidate(it)))
	}
	return dst
}

// peerCandidate wraps an RTCIceCandidateInit as {type:"candidate",candidate};
// what is wrapped already stays as it is.
func peerCandidate(raw json.RawMessage) json.RawMessage {
	bare := false
	_ = rawjson.Object(raw, func(k, v []byte) bool {
		if string(k) == "candidate" {
			bare = rawjson.KindOf(v) == rawjson.Text
			return false
		}
		return true
	})
	if !bare {
		return raw
	}
	o := newObject(make([]byte, 0, len(raw)+48))
	o.str("type", "candidate")
	o.raw("candidate", raw)
	return o.end()
}
