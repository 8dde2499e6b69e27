package redis

import (
	"testing"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// Two readings of the list of nodes are on their way at once, and the older one is
// taken in last: who has joined in between is not gone.
func TestP1_AnOlderReadingComesLast(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	a := newNode(t, faultConfig(rs.URL()), "a")
	a.stands.Store(true) // it reads nothing by itself
	read := func() *leaseReply {
		r, err := a.pipeLease(a.leaseCall("list", a.Self(), "", ""))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	older := read()
	b := newNode(t, faultConfig(rs.URL()), "b")
	newer := read()
	a.nodes.mu.Lock()
	defer a.nodes.mu.Unlock()
	if gone := a.learn(newer); len(gone) != 0 || len(a.Nodes()) != 2 {
		t.Fatalf("%v are gone, %v are there", gone, a.Nodes())
	}
	if gone := a.learn(older); len(gone) != 0 || !a.counts(b.peer()) {
		t.Errorf("%v are gone, %v are there", gone, a.Nodes())
	}
}
