package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

func TestSubscriptions(t *testing.T) {
	pushtest.Run(t, func(t *testing.T) push.Store {
		return openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db"))).Subscriptions()
	})
}

func TestM8_SubscriptionsGoWithTheUserAndWithTime(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	ctx := context.Background()
	for i, user := range []string{"ann", "bea", "ann"} {
		if err := s.Subscriptions().Put(ctx, user, pushtest.Sub("d", i)); err != nil {
			t.Fatal(err)
		}
	}
	left := func(user string) int {
		list, err := s.Subscriptions().List(ctx, user)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if err := s.Erase(ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	if left("ann") != 0 || left("bea") != 1 {
		t.Errorf("left %d of the erased user's, %d of another's", left("ann"), left("bea"))
	}
	if err := s.Subscriptions().Forget(ctx, time.Now().Add(-time.Hour)); err != nil || left("bea") != 1 {
		t.Errorf("a fresh one is forgotten: %v", err)
	}
	if err := s.Subscriptions().Forget(ctx, time.Now().Add(time.Hour)); err != nil || left("bea") != 0 {
		t.Errorf("an old one is kept: %v", err)
	}
}
