package signaling

import (
	"runtime"
	"sync"
	"testing"
)

// The heartbeat of a session is fast as long as its device is in a call, and no
// longer (C9).

// TestC9_HeartbeatIsTakenWhileTheCallCanNotEnd: else its end would not find it to
// give back.
func TestC9_HeartbeatIsTakenWhileTheCallCanNotEnd(t *testing.T) {
	for what, take := range map[string]func(sw *Switchboard, s *Session, id string){
		"by a session that enters": func(sw *Switchboard, s *Session, _ string) {
			turn := sw.newTurn()
			defer turn.end()
			sw.attach(t.Context(), turn, s, false)
		},
		"when a call is looked at again": func(sw *Switchboard, _ *Session, id string) { sw.Recheck(id) },
	} {
		t.Run(what, func(t *testing.T) {
			playPlugged(t, func(w *world, _ []*plug) {
				_, b := w.answered("A1", "B1")
				sw, id := b.sess.sw, w.id(1)
				b.sess.unhold(id) // it has not heard of the call
				taken := false
				b.onBeat = func() {
					taken = true
					if mu := sw.callLock(id); mu.TryLock() {
						mu.Unlock()
						t.Error("the call may end in this moment")
					}
				}
				take(sw, b.sess, id)
				if !taken {
					t.Error("the heartbeat was not taken")
				}
			})
		})
	}
}

// TestC9_HeartbeatOfACallThatEndsWhileAnotherBegins: the link hears of them in the
// order in which it was.
func TestC9_HeartbeatOfACallThatEndsWhileAnotherBegins(t *testing.T) {
	w := newWorld(t, busily)
	a := w.join("A1")
	a.sess.hold("one")
	var other sync.WaitGroup
	done := make(chan struct{})
	a.onBeat = func() {
		other.Go(func() {
			a.sess.hold("two")
			close(done)
		})
		for range 1000 { // all the time it needs, were it not made to wait
			runtime.Gosched()
			select {
			case <-done:
				return
			default:
			}
		}
	}
	a.sess.unhold("one")
	other.Wait()
	if a.lastBeat().every == 0 {
		t.Error("a device in a call is pinged as if it were in none")
	}
	a.sess.unhold("two")
	if a.lastBeat() != (beat{}) {
		t.Error("the heartbeat outlives the calls")
	}
}

// TestC9_HeartbeatOfACallWhoseEndIsReadBeforeItIsTold: a device comes back to it
// in the moment in which the other one hangs up elsewhere.
func TestC9_HeartbeatOfACallWhoseEndIsReadBeforeItIsTold(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		a, b := w.answered("A1", "B1") // on nodes 1 and 2
		b.sess.Away()
		w.settle()
		plugs[2].mu.Lock()
		plugs[2].saving = func() { // what is told has to wait: the call is being stepped
			a.receive("call:end", nil, `{"to":"b"}`)
			a.sess.Idle()
		}
		plugs[2].mu.Unlock()
		b.sess.Back()
		w.settle()
		w.nobodyBusy("a", "b")
		if b.lastBeat() != (beat{}) {
			t.Error("the call's heartbeat outlives it")
		}
	})
}
