package signaling

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// wakeable makes the user b one who can be woken.
func wakeable(s *setup) {
	s.WakeRing = 30 * time.Second
	s.wakes = func(_ context.Context, user string) (bool, error) { return user == "b", nil }
}

func TestC5_SomebodyWhoCanBeWokenIsRung(t *testing.T) {
	play(t, wakeable, func(w *world) {
		a := w.all("A1")[0]
		a.ask("call:user", ringing("b", offer(1)))
		a.gets(`call:state {"callId":"#1","state":"ringing"}`)
		w.pass(20 * time.Second)
		w.join("b1").hears("call:incoming")
	})
	play(t, wakeable, func(w *world) {
		a := w.all("A1")[0]
		a.ask("call:user", ringing("b", offer(1)))
		a.take()
		w.pass(31 * time.Second)
		a.gets(`call:unavailable {"reason":"User is offline","code":"offline","callId":"#1"}`, `call:state {"callId":"#1","state":"ended","reason":"offline"}`)
		w.join("b1").gets()
	})
}

func TestC5_WhoCanNotBeWokenIsOfflineAtOnce(t *testing.T) {
	offline := func(change func(*setup), callee string) {
		t.Helper()
		play(t, change, func(w *world) {
			a := w.all("A1")[0]
			a.ask("call:user", ringing(callee, offer(1)))
			synctest.Wait() // where that took time, the list of who is online came due meanwhile
			a.hears("call:unavailable")
		})
	}
	offline(wakeable, "c")
	offline(func(s *setup) {
		wakeable(s)
		s.WakeRing = 0
	}, "b")
	offline(func(s *setup) {
		wakeable(s)
		s.wakes = func(context.Context, string) (bool, error) { return false, errors.New("the store is away") }
	}, "b")
	offline(func(s *setup) {
		wakeable(s)
		s.wakes = func(ctx context.Context, _ string) (bool, error) { // hangs
			<-ctx.Done()
			return false, ctx.Err()
		}
	}, "b")
}

func TestC5_AGivenTimeHoldsForThoseToo(t *testing.T) {
	play(t, func(s *setup) {
		wakeable(s)
		s.Call = call.DefaultConfig()
		s.Call.OfflineRing = 5 * time.Second
	}, func(w *world) {
		a := w.all("A1")[0]
		a.ask("call:user", ringing("b", offer(1)))
		a.take()
		w.pass(6 * time.Second)
		a.hears("call:unavailable", "call:state")
	})
}
