package signaling

import (
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// M1: base devices hear how far a message has come when they have had time for the
// answer to their request; extended ones, which know it from their socket, at once.
func TestM1_BaseDevicesHearStatusesAMomentLater(t *testing.T) {
	const first, second = `messageStatusUpdated 1`, `allmessageStatusUpdated 2`
	play(t, func(s *setup) { s.StatusPause = 200 * time.Millisecond }, func(w *world) {
		list := w.all("a1", "A2")
		base, extended := list[0], list[1]
		tell := func(name, args string) {
			tn := w.sw.newTurn()
			w.sw.tellUser(t.Context(), tn, "b", "a", eventOf(name, []byte(args)), everyDevice, nil)
			tn.end()
			w.settle()
		}
		tell(wire.MessageStatusUpdated, "1")
		w.pass(100 * time.Millisecond)
		tell(wire.AllMessageStatusUpdated, "2")
		tell(wire.ReactionUpdated, "3")
		extended.gets(first, second, `reactionUpdated 3`)
		base.gets(`reactionUpdated 3`)
		w.pass(110 * time.Millisecond)
		base.gets(first)
		w.pass(100 * time.Millisecond)
		base.gets(second)
		w.pass(time.Second)
		base.gets()

		// With too many nothing waits, and none is lost.
		var want []string
		for range maxLagging {
			tell(wire.MessageStatusUpdated, "1")
			want = append(want, first)
		}
		base.gets(want...)
		tell(wire.MessageStatusUpdated, "1")
		base.gets()
		w.pass(300 * time.Millisecond)
		base.gets(first)
	})
}

// M2: what waits for its moment goes along with a session that moves, so that what
// it is told there comes behind it.
func TestM2_StatusesThatWaitMoveWithTheSession(t *testing.T) {
	playOn(t, 3, func(s *setup) { s.StatusPause = 200 * time.Millisecond }, func(w *world) {
		a := w.joinOn(1, "a1")
		a.take()
		tell := func(args string) {
			tn := w.nodes[2].newTurn()
			w.nodes[2].tellUser(t.Context(), tn, "b", "a", eventOf(wire.MessageStatusUpdated, []byte(args)), everyDevice, nil)
			tn.end()
			w.settle()
		}
		tell("1")
		a.gets()
		a.handsOver(false)
		k := a.takenBy(w.nodes[0])
		a.gets("messageStatusUpdated 1") // it is in the queue that moves
		n := a.arrive(w.nodes[0], k)
		n.take()
		tell("2")
		w.pass(time.Second)
		a.gets()
		n.gets("messageStatusUpdated 2")
	})
}
