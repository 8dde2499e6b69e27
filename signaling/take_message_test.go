package signaling

import "testing"

// TestM2_MessagesThatMoveWithASession: what a device that was away has got by coming
// back to another node is delivered; what it has not got is not.
func TestM2_MessagesThatMoveWithASession(t *testing.T) {
	for _, late := range []bool{false, true} {
		w, store := chatWorld(t, 2)
		a, b := w.joinOn(0, "A1"), w.joinOn(1, "B1")
		b.handsOver(late)
		b.sess.Away()
		m := a.sends("b", "are you there?", "")
		b.waits(`newMessage {"_id":"` + m.ID)
		k := b.takenBy(w.nodes[0])
		if k == nil || k.Late != late {
			t.Fatalf("taken: %+v", k)
		}
		if !late {
			s, err := w.nodes[0].Open(t.Context(), &fakeLink{}, identity("b"), Hello{SessionID: b.sess.id, Device: "B1", Extended: true, Dialect: "test", Moved: true, Luggage: k.Luggage})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Closed(true) })
			a.waits(`messageStatusUpdated {"messageId":"` + m.ID)
			continue
		}
		for _, node := range w.nodes {
			node.Close() // what it has begun is done then
		}
		if m, err := store.Get(t.Context(), m.ID); err != nil || m.Status.String() != "sent" {
			t.Errorf("%+v, %v", m, err)
		}
	}
}
