package turnstile

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnstile_OneAtATimeForEachKey(t *testing.T) {
	var ts Turnstile
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			leave, err := ts.Enter(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			inside.Add(-1)
			leave()
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d were inside at once", most.Load())
	}
	if len(ts.inside) != 0 {
		t.Errorf("%d keys are left", len(ts.inside))
	}
}

func TestTurnstile_OthersPassAndWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts Turnstile
		leave, _ := ts.Enter(t.Context(), "a")
		if other, err := ts.Enter(t.Context(), "b"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ts.Enter(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("entered, or %v", err)
		}
		ts.Wait(ctx, "a")
		ts.Wait(t.Context(), "b") // nobody is there
		waited := make(chan struct{})
		go func() {
			ts.Wait(t.Context(), "a")
			close(waited)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("did not wait")
		default:
		}
		leave()
		<-waited
	})
}
