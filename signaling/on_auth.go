package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// onAuthRefresh takes a new token of the same user (I3): the session lives on
// until that one runs out.
func (sw *Switchboard) onAuthRefresh(ctx context.Context, _ *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeRefresh(args)
	if err != nil {
		return nil, err
	}
	id, err := sw.verify(ctx, p.Token)
	if err != nil {
		return nil, err
	}
	if id.User != s.user {
		return nil, wire.Errorf(wire.CodeIdentityMismatch, "")
	}
	s.Renew(id)
	o := newObject(nil)
	o.time("expiresAt", id.Expires)
	return o.end(), nil
}

func (sw *Switchboard) onICEServers(_ context.Context, _ *turn, _ *Session, _ [][]byte) ([]byte, error) {
	o := newObject(nil)
	o.raw("iceServers", sw.cfg.ICEServers)
	o.int("ttl", int64(sw.cfg.ICETTL.Seconds()))
	return o.end(), nil
}

// onPing lets a client find out whether its link is alive: browsers do not see
// WebSocket pings.
func (sw *Switchboard) onPing(_ context.Context, t *turn, _ *Session, _ [][]byte) ([]byte, error) {
	o := newObject(nil)
	o.time("serverTime", t.now)
	return o.end(), nil
}
