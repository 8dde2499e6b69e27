package signaling

import (
	"context"
	"errors"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// What a node does about calls when others have died, or may know better.

// Lost tells the calls of a session that its node died (C13), and tells again
// what that node may have left unsaid.
func (sw *Switchboard) Lost(s presence.Session) {
	<-sw.joined
	ctx := context.Background()
	who := call.Who{User: s.User, Device: s.Device, Session: s.ID, Extended: s.Extended}
	sw.log.Debug("a session is lost with its node", "session", s.ID, "user", s.User, "node", s.Node)
	sw.owe("lost/"+s.ID, func(ctx context.Context, t *turn) error { return sw.lost(ctx, t, who) })
	sw.payNow(ctx, "lost/"+s.ID)
}

func (sw *Switchboard) lost(ctx context.Context, t *turn, who call.Who) error {
	ids, err := sw.store.CallsOf(ctx, who.User)
	if err != nil {
		return err
	}
	if last, err := sw.store.LastOf(ctx, who.User); err == nil && last != "" {
		ids = append(slices.Clone(ids), last)
	}
	for _, id := range ids {
		c, err := sw.store.Load(ctx, id)
		switch {
		case errors.Is(err, presence.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		if len(c.Outbox) > 0 {
			sw.deliverAgain(ctx, t, c, c.Outbox)
		}
		if err := sw.markAway(ctx, t, id, who); unavailable(err) {
			return err
		}
	}
	return nil
}

// Known lists the calls that this node works with.
func (sw *Switchboard) Known() []*call.Call {
	if !sw.ready() {
		return nil
	}
	return sw.book.all()
}

func (sw *Switchboard) ready() bool {
	select {
	case <-sw.joined:
		return true
	default:
		return false
	}
}

// Recheck looks at a call of which another version won while this node was cut
// off, and tells its sessions how it stands (P1, P7).
func (sw *Switchboard) Recheck(id string) {
	<-sw.joined
	sw.owe("recheck/"+id, func(ctx context.Context, t *turn) error { return sw.recheck(ctx, t, id) })
	sw.payNow(context.Background(), "recheck/"+id)
}

func (sw *Switchboard) recheck(ctx context.Context, t *turn, id string) error {
	before := sw.book.get(id)
	c, err := sw.store.Load(ctx, id)
	if errors.Is(err, presence.ErrNotFound) {
		sw.forgotten(t, before)
		return nil
	}
	if err != nil {
		return err
	}
	mu := sw.callLock(id)
	mu.Lock()
	if _, taken := sw.book.put(c, t.now); taken {
		sw.settle(c)
	}
	mu.Unlock()
	if before != nil && before.Version < c.Version && c.Live() {
		// Who made that version may not know that it was stored, and has told
		// nobody. Of an end that nobody was told of Due reminds.
		sw.deliverAgain(ctx, t, c, c.Outbox)
	}
	for _, user := range [...]string{c.Caller.User, c.Callee.User} {
		for _, s := range sw.hub.of(user) {
			if !s.isLive() {
				continue
			}
			// The transport has carried all that was sent; only an end that was
			// told to nobody here is told again.
			if _, _, err := sw.step(ctx, t, id, call.DeviceOnline{Who: s.who(), Recovered: c.Live()}); unavailable(err) {
				return err
			}
		}
	}
	return nil
}

// forgotten tells this node's sessions that a call is over of which nobody else
// knows anything any more: it ended long ago, while this node was frozen.
func (sw *Switchboard) forgotten(t *turn, c *call.Call) {
	if c == nil {
		return
	}
	mu := sw.callLock(c.ID)
	mu.Lock()
	defer mu.Unlock()
	sw.book.drop(c.ID)
	if !c.Live() {
		return
	}
	next, fx, err := call.Step(*c, call.Abort{Reason: call.Lost}, t.now)
	if err != nil {
		return
	}
	sw.settle(&next)
	sw.tellHere(t, &next, unlogged(fx))
}

// RoutesChanged rings a device that connected elsewhere while a call was being
// placed here (C2).
func (sw *Switchboard) RoutesChanged(user string) {
	if !sw.ready() {
		return
	}
	for _, c := range sw.book.liveOf(user) {
		if c.State == call.Ringing && c.Callee.User == user && len(sw.hub.of(c.Caller.User)) > 0 {
			sw.soon(func() {
				t := sw.newTurn()
				defer t.end()
				sw.ringLate(context.Background(), t, c)
			})
		}
	}
}

// ringLate rings the devices of the callee that are connected and that a call
// does not know yet.
func (sw *Switchboard) ringLate(ctx context.Context, t *turn, c *call.Call) {
	devices, err := sw.present(ctx, c.Callee.User)
	if err != nil {
		return
	}
	for _, w := range devices {
		if !rung(c, w.Device) {
			_, _, _ = sw.step(ctx, t, c.ID, call.DeviceOnline{Who: w})
		}
	}
}
