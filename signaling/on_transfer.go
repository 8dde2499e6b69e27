package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// onCallTransfer sends the other party of an answered call to a third user: it
// is told whom to ring, by call:transfer, and the call ends as transferred.
// Blind: {callId, to}. Attended: {callId, withCallId}, where the asker is in
// both calls; the second one ends too, so that its other party can be rung.
func (sw *Switchboard) onCallTransfer(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeCallTransfer(args)
	if err != nil {
		return nil, err
	}
	c, err := sw.held(ctx, s, p.CallID)
	if err != nil {
		return nil, err
	}
	to := p.To
	var with *call.Call
	if p.WithCallID != "" {
		if with, err = sw.held(ctx, s, p.WithCallID); err != nil {
			return nil, err
		}
		to = with.Party(with.RoleOf(s.user).Other()).User
	}
	other := c.Party(c.RoleOf(s.user).Other())
	switch {
	case to == s.user || to == other.User:
		return nil, wire.Errorf(wire.CodeBadPayload, "A call can be transferred to a third user only.")
	case !other.Extended:
		return nil, wire.Errorf(wire.CodeNotConfigured, "The other party's client can not be transferred.")
	}
	o := newObject(nil)
	o.str("callId", c.ID)
	o.str("to", to)
	o.str("by", s.user)
	o.bool("isVideoCall", c.Info.Video)
	ev := eventOf(wire.CallTransfer, o.end())
	if r := sw.hub.device(other.User, other.Device); r != nil {
		r.send(t, ev)
	} else if err := sw.toOthers(ctx, nil, "", other.User, other.Device, ev); err != nil {
		return nil, err
	}
	if with != nil {
		if _, _, err := sw.step(ctx, t, with.ID, call.Abort{Reason: call.Transferred}); err != nil {
			return nil, err
		}
	}
	c, _, err = sw.step(ctx, t, c.ID, call.Abort{Reason: call.Transferred})
	return callReply(t, c, ""), err
}

// held loads an answered call that the session's device holds.
func (sw *Switchboard) held(ctx context.Context, s *Session, id string) (*call.Call, error) {
	c, err := sw.store.Load(ctx, id)
	switch {
	case err != nil:
		return nil, storeError(err)
	case c.RoleOf(s.user) == 0:
		return nil, call.ErrNotInCall
	case !c.Live():
		return nil, call.ErrEnded
	case c.State != call.Answered:
		return nil, call.ErrNotAnswered
	case !c.Holds(s.user, s.device):
		return nil, call.ErrNotInCall
	}
	return c, nil
}
