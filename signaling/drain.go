package signaling

import (
	"context"
	"time"
)

// Draining reports whether this node takes no new sessions any more (O2).
func (sw *Switchboard) Draining() bool { return sw.draining.Load() }

// WaitEmpty returns how many sessions are still on this node: 0, unless ctx ends
// before.
func (sw *Switchboard) WaitEmpty(ctx context.Context) (left int) {
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for {
		if left = sw.Sessions(); left == 0 {
			return 0
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return left
		}
	}
}

// drainStep is how often Spread cuts some.
const drainStep = 20 * time.Millisecond

// Spread cuts what is connected, spread evenly over a time, so that not all come
// to another node at once; then what still comes, until nothing is connected or
// ctx ends. It returns how many are left.
func Spread[T any](ctx context.Context, within time.Duration, connected func() []T, cut func(T)) (left int) {
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	end := time.Now().Add(within)
	for {
		list := connected()
		if len(list) == 0 {
			return 0
		}
		n := len(list)
		if steps := int(time.Until(end) / drainStep); steps > 0 {
			n = (n + steps) / (steps + 1)
		}
		for _, x := range list[:n] {
			cut(x)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return len(connected())
		}
	}
}
