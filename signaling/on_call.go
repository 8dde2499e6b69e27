package signaling

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/permit"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// onCallUser rings, or does what else a call:user may mean: see call.Decide.
func (sw *Switchboard) onCallUser(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeCallUser(args)
	if err != nil {
		return nil, err
	}
	sig := call.SignalInfo(p.Signal)
	ask := call.Ask{Who: s.who(), To: p.To, ClientID: p.CallID, Signal: sig}
	// Where asking is dear the first look is into the book only: that nobody is
	// in a call is found out by the claim, and all else is looked up.
	sure := !sw.shared
	for range maxRaces {
		if p.CallID != "" {
			if reply, done := sw.repeated(ctx, t, s, p.CallID); done {
				return reply, nil
			}
		}
		mine, theirs, err := sw.callsOfBoth(ctx, s.user, ask.To, sure)
		if err != nil {
			return nil, storeError(err)
		}
		d := call.Decide(sw.cfg.Call, ask, mine, theirs)
		if d.Do != call.DoRepeat && d.Do != call.DoGlare && s.hiddenFrom(p.To) && ask.To == p.To {
			// It rings nowhere; and that the callee is busy is not told either.
			if sure {
				ask.To = screened(s.user, p.To)
			}
			sure = true
			continue
		}
		if !sure && d.Do != call.DoRing && d.Do != call.DoRepeat {
			sure = true
			continue
		}
		sure = true
		switch d.Do {
		case call.DoRefuse, call.DoDrop:
			return nil, d.Err
		case call.DoRepeat:
			c, _, err := sw.step(ctx, t, d.Call.ID, call.Repeat{Who: s.who(), Signal: sig})
			if errors.Is(err, call.ErrEnded) {
				continue // it ended in between: look again
			}
			return callReply(t, c, ""), err
		case call.DoGlare:
			c, _, err := sw.step(ctx, t, d.Call.ID, call.TakeGlare{Who: s.who()})
			if errors.Is(err, call.ErrEnded) {
				continue
			}
			return callReply(t, c, "glare"), err
		}
		c, err := sw.ring(ctx, t, s, &p, ask.To, sig, d)
		var held *presence.Held
		if errors.As(err, &held) {
			continue // somebody was faster: look again
		}
		return callReply(t, c, ""), err
	}
	return nil, wire.Errorf(wire.CodeUnavailable, "")
}

// callsOfBoth are the live calls of two users; those that this node knows of
// if that will do.
func (sw *Switchboard) callsOfBoth(ctx context.Context, user, other string, sure bool) (mine, theirs []*call.Call, err error) {
	if !sure {
		return sw.book.liveOf(user), sw.book.liveOf(other), nil
	}
	if mine, err = sw.liveCalls(ctx, user); err == nil {
		theirs, err = sw.liveCalls(ctx, other)
	}
	return mine, theirs, err
}

// repeated answers a call:user whose own id names a call that has ended (C1):
// it is not rung again. One that is live is Decide's business.
func (sw *Switchboard) repeated(ctx context.Context, t *turn, s *Session, clientID string) ([]byte, bool) {
	id, err := sw.store.ByClientID(ctx, s.user, clientID)
	if err != nil || id == "" {
		return nil, false
	}
	c, err := sw.store.Load(ctx, id)
	if err != nil || c.Live() {
		return nil, false
	}
	return callReply(t, c, ""), true
}

// ring places a new call as decided: it rings, or is refused at once.
func (sw *Switchboard) ring(ctx context.Context, t *turn, s *Session, p *wire.CallUserPayload, to string, sig call.Signal, d call.Decision) (*call.Call, error) {
	r := call.Ring{
		ID: t.callID(), ClientID: p.CallID, Caller: s.who(), Callee: to, Signal: sig, RingFor: p.RingFor,
		Waiting: d.Do == call.DoWait,
		Info: call.Info{
			From: sw.profileOf(s, p.From), CallerName: s.callerName(p.CallerName), Video: p.IsVideo,
			Metadata: bytes.Clone(p.Metadata),
		},
	}
	if !s.allowed("call") {
		return sw.refuse(ctx, t, r, call.Forbidden)
	}
	if t.granted == nil && !sw.mayCall(t, s.user) {
		// Nothing of it is kept or logged, but a base client has to hear that
		// it does not ring.
		c, fx := call.Refuse(r, call.Failed, t.now)
		sw.deliver(ctx, t, &c, unlogged(fx), nil)
		return nil, wire.Errorf(wire.CodeRateLimited, "")
	}
	no, err := sw.mayRing(t, s, p.To)
	if err != nil {
		return nil, err
	}
	if no != nil {
		return sw.denied(ctx, t, s, r, no)
	}
	if blocked, _ := s.blockSets().between(p.To); blocked {
		return sw.denied(ctx, t, s, r, &permit.Answer{Code: errBlocked.Code, Message: errBlocked.Message})
	}
	if t.granted == nil {
		s.dropInquiry(t)
	}
	for _, old := range d.Supersede {
		if _, _, err := sw.step(ctx, t, old.ID, call.Supersede{Who: s.who(), By: r.ID}); err != nil && !errors.Is(err, call.ErrEnded) {
			return nil, err
		}
	}
	switch d.Do {
	case call.DoBusy:
		return sw.refuse(ctx, t, r, call.Busy)
	case call.DoBusySelf: // the callee has nothing to do with it: no log entry
		c, fx := call.Refuse(r, call.Busy, t.now)
		return sw.refused(ctx, t, &c, unlogged(fx))
	}
	if r.Devices, err = sw.present(ctx, to); err != nil {
		return nil, storeError(err)
	}
	if len(r.Devices) == 0 && to == p.To {
		st, err := sw.store.States(ctx, []string{to})
		if err != nil {
			return nil, storeError(err)
		}
		r.Offline = !st[0].Online // one that vanished a moment ago is rung (C5)
	}
	c, fx := call.New(sw.ringRules(ctx, &r), r, t.now)
	if !c.Live() {
		return sw.refused(ctx, t, &c, fx)
	}
	marks := []string{s.user, to}
	if r.Waiting {
		marks = marks[:1]
	}
	if err := sw.open(ctx, t, &c, fx, marks); err != nil {
		return nil, err
	}
	if to == p.To {
		sw.meet(s, to)
	}
	sw.metrics.ringing.Inc()
	sw.ringLate(ctx, t, &c) // devices that connected while the call was being stored
	return &c, nil
}

func rung(c *call.Call, device string) bool {
	for i := range c.Rung {
		if c.Rung[i].Device == device {
			return true
		}
	}
	return false
}

// unlogged takes the call log's entry out of effects.
func unlogged(fx []call.Effect) []call.Effect {
	isLog := func(e call.Effect) bool { return e.Kind == call.EffectLog }
	if !slices.ContainsFunc(fx, isLog) {
		return fx
	}
	return slices.DeleteFunc(slices.Clone(fx), isLog)
}

// refuse places a call that ends at once: the asking device is told.
func (sw *Switchboard) refuse(ctx context.Context, t *turn, r call.Ring, why call.Reason) (*call.Call, error) {
	c, fx := call.Refuse(r, why, t.now)
	return sw.refused(ctx, t, &c, fx)
}

func (sw *Switchboard) refused(ctx context.Context, t *turn, c *call.Call, fx []call.Effect) (*call.Call, error) {
	if err := sw.overAtOnce(ctx, t, c, fx); err != nil {
		return nil, err
	}
	return nil, wire.Errorf(wire.Code(c.Reason), sentence(string(c.Reason)))
}

// overAtOnce tells of a call that ended before it began. It is stored to be found
// when its client asks again, and, where nodes share calls, until it is logged.
func (sw *Switchboard) overAtOnce(ctx context.Context, t *turn, c *call.Call, fx []call.Effect) error {
	logs := slices.ContainsFunc(fx, func(e call.Effect) bool { return e.Kind == call.EffectLog })
	if !logs {
		c.Outbox = unlogged(c.Outbox)
	}
	if c.ClientID == "" && (!logs || !sw.shared || sw.chat == nil) {
		sw.deliver(ctx, t, c, fx, nil)
		return nil
	}
	err := sw.open(ctx, t, c, fx, nil)
	if err != nil && c.ClientID == "" {
		sw.deliver(ctx, t, c, fx, nil)
		sw.logAlone(c.Record())
		return nil
	}
	return err
}

func (sw *Switchboard) onCallAnswer(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeCallAnswer(args)
	if err != nil {
		return nil, err
	}
	id, err := sw.find(ctx, s, call.EventAnswer, p.CallID, p.To)
	if err != nil {
		return nil, err
	}
	c, _, err := sw.step(ctx, t, id, call.Answer{Who: s.who(), Signal: call.SignalInfo(p.Signal)})
	if err != nil {
		return nil, err
	}
	if c.Waiting && c.State == call.Answered {
		if err := sw.store.Move(ctx, s.user, c.ID); err != nil {
			sw.log.Warn("a busy mark could not be moved", "call", c.ID, "user", s.user, "error", err)
		}
	}
	return callReply(t, c, ""), nil
}

func (sw *Switchboard) onCallEnd(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.endOrReject(ctx, t, s, args, call.EventEnd, call.End{Who: s.who()})
}

func (sw *Switchboard) onCallRejected(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.endOrReject(ctx, t, s, args, call.EventReject, call.Reject{Who: s.who()})
}

func (sw *Switchboard) endOrReject(ctx context.Context, t *turn, s *Session, args [][]byte, ev call.Event, in call.Input) ([]byte, error) {
	p, err := wire.DecodeCallRef(args)
	if err != nil {
		return nil, err
	}
	id, err := sw.find(ctx, s, ev, p.CallID, p.To)
	if err != nil {
		if ev == call.EventEnd && p.CallID == "" {
			if reply, ok := s.hangUpInquiry(t); ok {
				return reply, nil
			}
		}
		return nil, err
	}
	c, _, err := sw.step(ctx, t, id, in)
	if sw.shared && unavailable(err) && !t.answer {
		// Nobody tells this client to try again: what it did is done when the
		// store is back.
		sw.owe("end/"+id, func(ctx context.Context, t *turn) error {
			_, _, err := sw.step(ctx, t, id, in)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return callReply(t, c, ""), nil
}

func (sw *Switchboard) onCallSignal(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeCallSignal(args)
	if err != nil {
		return nil, err
	}
	_, _, err = sw.step(ctx, t, p.CallID, call.SendSignal{Who: s.who(), Signal: call.SignalInfo(p.Signal)})
	return []byte("{}"), err
}

func (sw *Switchboard) onCallCandidate(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeCallCandidate(args)
	if err != nil {
		return nil, err
	}
	_, _, err = sw.step(ctx, t, p.CallID, call.SendCandidates{Who: s.who(), Signal: call.SignalInfo(p.Candidates)})
	return []byte("{}"), err
}

// onCallResume gives a reloaded page, or another device, its live call again.
func (sw *Switchboard) onCallResume(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.take(ctx, t, s, args, func(w call.Who) call.Input { return call.Resume{Who: w} })
}

// onCallHandoff moves the user's side of a call to the asking device.
func (sw *Switchboard) onCallHandoff(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.take(ctx, t, s, args, func(w call.Who) call.Input { return call.Handoff{Who: w} })
}

func (sw *Switchboard) take(ctx context.Context, t *turn, s *Session, args [][]byte, in func(call.Who) call.Input) ([]byte, error) {
	p, err := wire.DecodeCallRef(args)
	if err != nil {
		return nil, err
	}
	if p.CallID == "" {
		return nil, wire.Errorf(wire.CodeBadPayload, "callId is missing.")
	}
	c, fx, err := sw.step(ctx, t, p.CallID, in(s.who()))
	if err != nil {
		return nil, err
	}
	o := newObject(nil)
	o.raw("call", callInfo(c, s.user))
	o.raw("pending", pending(c, fx, s.extended))
	return o.end(), nil
}

// callReply is the acknowledgement of call events: {callId, state}.
func callReply(t *turn, c *call.Call, state string) []byte {
	if c == nil || !t.answer {
		return nil
	}
	if state == "" {
		state = c.State.String()
	}
	o := newObject(make([]byte, 0, 64))
	o.str("callId", c.ID)
	o.str("state", state)
	return o.end()
}

// callInfo describes a call to one of its users.
func callInfo(c *call.Call, user string) []byte {
	role := c.RoleOf(user)
	o := newObject(nil)
	o.str("callId", c.ID)
	o.str("state", c.State.String())
	o.str("role", role.String())
	peer := newObject(nil)
	if other := c.Party(role.Other()); other != nil {
		peer.str("id", called(other.User))
		if role == call.Callee {
			peer.str("name", c.Info.CallerName)
			peer.raw("profile", c.Info.From)
		}
		peer.bool("away", other.Away())
	}
	o.raw("peer", peer.end())
	if other := c.Party(role.Other()); other != nil {
		o.bool("peerExtended", other.Extended)
	}
	o.bool("isVideoCall", c.Info.Video)
	o.int("startedAt", int64(c.Started))
	if c.AnswerAt != 0 {
		o.int("answeredAt", int64(c.AnswerAt))
	}
	if c.State == call.Ringing {
		o.int("expiresAt", int64(c.RingUntil))
	}
	if len(c.Info.Metadata) > 0 {
		o.raw("metadata", c.Info.Metadata)
	}
	return o.end()
}

// pending lists what was kept for the device that resumed, as events.
func pending(c *call.Call, fx []call.Effect, extended bool) []byte {
	b := []byte{'['}
	for i := range fx {
		if !fx[i].Resumed {
			continue
		}
		for _, ev := range render(nil, c, &fx[i], extended) {
			if len(b) > 1 {
				b = append(b, ',')
			}
			o := newObject(b)
			o.str("event", ev.Name)
			o.key("args")
			o.b = append(o.b, '[')
			o.b = append(o.b, ev.Args...)
			o.b = append(o.b, ']')
			b = o.end()
		}
	}
	return append(b, ']')
}
