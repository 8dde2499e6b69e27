package redis

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// TestC14_AnUnsettledCallIsKept: its record has nowhere else to be while the store
// of records is away.
func TestC14_AnUnsettledCallIsKept(t *testing.T) {
	t.Parallel()
	cfg := testConfig("redis://" + redistest.Start(t).Addr)
	cfg.EndedKeep = 3 * time.Second
	w := newWorld(t, cfg)
	joined := func(name string) *Store {
		s, err := w.Join(name, &presencetest.Handler{})
		if err != nil {
			t.Fatal(err)
		}
		return s.(*Store)
	}
	a, b := joined("a"), joined("b")
	ctx := context.Background()
	c, marks := ring(a, "unsettled", "ann", "bob")
	if err := a.Open(ctx, c, marks); err != nil {
		t.Fatal(err)
	}
	ended, _, err := call.Step(*c, call.End{Who: call.Who{User: "ann", Device: "d", Session: "s-ann", Extended: true}}, a.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Save(ctx, &ended, c.Version); err != nil {
		t.Fatal(err)
	}
	looks := 0
	look := func() {
		list, err := b.Due(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(list, "unsettled") {
			looks++
		}
	}
	for end := time.Now().Add(2 * cfg.EndedKeep); time.Now().Before(end) || looks < 3; w.Pass(100 * time.Millisecond) {
		look()
	}
	kept, err := b.Load(ctx, "unsettled")
	if err != nil || !slices.ContainsFunc(kept.Outbox, func(e call.Effect) bool { return e.Kind == call.EffectLog }) {
		t.Fatalf("%+v, %v, looked at %d times", kept, err, looks)
	}
	b.Settled(ctx, "unsettled")
	until(t, "it is forgotten", func() bool {
		look()
		_, err := b.Load(ctx, "unsettled")
		return errors.Is(err, presence.ErrNotFound)
	})
}
