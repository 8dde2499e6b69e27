package signaling

import (
	"context"
	"maps"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
)

// rejoin takes a new epoch after this node was away for longer than its lease:
// others have taken it for dead (P1).
func (sw *Switchboard) rejoin(ctx context.Context) {
	if err := sw.store.Rejoin(ctx); err != nil {
		sw.log.Error("the node could not join again", "error", err)
		return
	}
	sw.nameSelf()
	sw.log.Warn("this node was taken for dead and has joined again", "epoch", sw.self.Load().Epoch)
	t := sw.newTurn()
	defer t.end()
	var list []*Session
	sw.hub.all(func(s *Session) { list = append(list, s) })
	for _, s := range list {
		// Others took this node for dead: a device that is on one of them now left
		// its session here behind, and must not have both.
		if sw.hasMoved(ctx, s) {
			s.replaced(ctx)
			continue
		}
		sw.register(ctx, s)
	}
	known := map[string]bool{}
	for _, c := range sw.book.all() {
		known[c.ID] = true
	}
	for _, s := range list {
		if ids, err := sw.store.CallsOf(ctx, s.user); err == nil {
			for _, id := range ids {
				known[id] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if err := sw.recheck(ctx, t, id); err != nil {
			sw.owe("recheck/"+id, func(ctx context.Context, t *turn) error { return sw.recheck(ctx, t, id) })
		}
	}
}

// hasMoved reports whether the device of a session is connected to another node.
func (sw *Switchboard) hasMoved(ctx context.Context, s *Session) bool {
	list, err := sw.elsewhere(ctx, s.user)
	return err == nil && slices.ContainsFunc(list, func(o presence.Session) bool {
		return o.Device == s.device && !sw.mine(&o)
	})
}

func (sw *Switchboard) nameSelf() {
	p := sw.store.Self().Peer
	sw.self.Store(&p)
}
