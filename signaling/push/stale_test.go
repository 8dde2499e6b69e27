package push_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// TestC5_ARingIsLookedAtBeforeItIsTriedAgain: whether the call still rings; where that
// is not to be known it is pushed.
func TestC5_ARingIsLookedAtBeforeItIsTriedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		rings  bool
		err    error
		pushed bool
	}{
		"it rings":        {rings: true, pushed: true},
		"it is over":      {},
		"nobody knows it": {err: errors.New("away"), pushed: true},
	} {
		t.Run(name, func(t *testing.T) {
			var asked, tries atomic.Int32
			k := start(t, func(c *push.Config) {
				c.Rings = func(_ context.Context, id string) (bool, error) {
					if asked.Add(1); id != "call-1" {
						t.Errorf("asked for %q", id)
					}
					return tt.rings, tt.err
				}
			})
			k.browser("bob")
			k.recv.Answers(func(pushtest.Push, http.Header) int {
				if tries.Add(1) == 1 {
					return http.StatusServiceUnavailable
				}
				return 0
			})
			k.Ringing(ring("bob", "call-1", time.Minute))
			outcome, n := "outcome=expired", int32(1)
			if tt.pushed {
				outcome, n = "outcome=accepted", 2
			}
			k.until("it is through", func() bool { return k.metric("tandem_push_total", outcome) == 1 })
			if asked.Load() != 1 || tries.Load() != n {
				t.Errorf("%d looks, %d pushes", asked.Load(), tries.Load())
			}
		})
	}
}
