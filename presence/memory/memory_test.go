package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/presence/presencetest"
)

// world is a Cluster with a clock that the test turns.
type world struct {
	*memory.Cluster
	now time.Time
}

func newWorld(t testing.TB, cfg memory.Config) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg.Now = func() time.Time { return w.now }
	c, err := memory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Cluster = c
	return w
}

func (w *world) Join(name string, h presence.Handler) (presence.Store, error) {
	return w.Cluster.Join(name, h)
}
func (w *world) Pass(d time.Duration) { w.now = w.now.Add(d) }
func (w *world) Now() time.Time       { return w.now }
func (*world) Lease() time.Duration   { return 5 * time.Second }
func (*world) Grace() time.Duration   { return 5 * time.Second }

func TestContract(t *testing.T) {
	presencetest.Run(t, func(t *testing.T, _ bool) presencetest.World { return newWorld(t, memory.Config{}) })
}

func TestLastSeenIsBounded(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, memory.Config{MaxLastSeen: 10})
	s, err := w.Join("a", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		id := fmt.Sprint(i)
		if err := s.Add(ctx, presence.Session{ID: id, User: id, Device: id}); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ctx, id, id, presence.Clean); err != nil {
			t.Fatal(err)
		}
	}
	known := 0
	for i := range 100 {
		st, err := s.States(ctx, []string{fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if !st[0].LastSeen.IsZero() {
			known++
		}
	}
	if known < 9 || known > 11 {
		t.Fatalf("%d last-seen times are kept, want about 10", known)
	}
}

func TestConfigValidate(t *testing.T) {
	if _, err := memory.New(memory.Config{Lease: -1}); err == nil {
		t.Fatal("a negative lease was accepted")
	}
}
