package redis

import (
	"context"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// A remembered route that leads to a node that is gone is no answer, and absence
// least of all: who took the session over may have gone before it could tell.
func TestP2_RouteToADeadNodeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	b.connect("bob", "s1")
	gone := presence.Session{ID: "s0", User: "bob", Device: "d", Node: "c", Epoch: "before"}
	a.routes.learn("bob", 1<<40, []presence.Session{gone}, a.peer())
	list, err := a.Routes(ctx, "bob")
	if err != nil || len(list) != 1 || list[0].ID != "s1" {
		t.Fatalf("bob is at %v, %v", list, err)
	}
}
