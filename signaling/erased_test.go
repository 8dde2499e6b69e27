package signaling

import (
	"testing"
	"time"
)

// TestM8_BlocksOfAnErasedUserAreForgotten, on all nodes, also if it and those whom it
// has blocked stay connected: who erases is another process.
func TestM8_BlocksOfAnErasedUserAreForgotten(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, store := chatWorld(t, nodes)
		a, b, c := w.join("A1"), w.join("B1"), w.join("C1")
		a.blocks("b")
		b.blocks("c")
		b.knows("a", true)
		c.knows("b", true)
		if err := store.Erase(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		comesAbout(t, "that nobody is blocked by who was erased", func() bool {
			for _, sw := range w.nodes { // as it does all the time; lists may be being read for something else
				sw.readBlocksAgain(time.Now().Add(blockAge))
			}
			return !b.sess.hiddenFrom("a") && !a.sess.strangers("b")
		})
		if !c.sess.hiddenFrom("b") || !b.sess.strangers("c") {
			t.Error("somebody else's blocks are forgotten, too")
		}
	})
}
