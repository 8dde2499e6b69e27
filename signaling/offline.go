package signaling

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// wakeTime is how long it may take to find out whether somebody can be woken:
// the caller waits for it.
const wakeTime = time.Second

// ringRules are the rules that a call begins by. Somebody who is offline but can be
// woken is rung for a while, so that what wakes up has a call to take (C5).
func (sw *Switchboard) ringRules(ctx context.Context, r *call.Ring) call.Config {
	rules := sw.cfg.Call
	if !r.Offline || rules.OfflineRing > 0 || sw.wakes == nil || sw.cfg.WakeRing <= 0 {
		return rules
	}
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	wakes, err := sw.wakes(ctx, r.Callee)
	if err != nil {
		sw.log.Warn("whether somebody can be woken is not known", "user", r.Callee, "error", err)
	}
	if wakes {
		rules.OfflineRing = sw.cfg.WakeRing
	}
	return rules
}

// Rings reports whether a call rings now: for who wakes people a little later than
// it has begun.
func (sw *Switchboard) Rings(ctx context.Context, callID string) (bool, error) {
	c, err := sw.store.Load(ctx, callID)
	switch {
	case errors.Is(err, presence.ErrNotFound):
		return false, nil
	case err != nil:
		return false, storeError(err)
	}
	return c.State == call.Ringing, nil
}
