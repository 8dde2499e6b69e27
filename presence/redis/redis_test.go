package redis

import (
	"context"
	"flag"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !given("rapid.checks") {
		// Time passes in real time here.
		_ = flag.Set("rapid.checks", pick("10", "100"))
	}
	if !given("test.parallel") {
		_ = flag.Set("test.parallel", "8") // they wait most of the time
	}
	// After many failed dials go-redis tries by itself whether a server is back, and
	// ends that within a second of the pool's end.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func given(name string) (yes bool) {
	flag.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

// world is a Redis and the stores that have joined it.
type world struct {
	t    testing.TB
	cfg  Config
	list []*Store

	trunks *depot // nil: all goes through Redis
}

// testConfig has short times, but not shorter than a machine with much to do can
// keep: time passes in real time here.
func testConfig(url string) Config {
	return Config{URL: url, Lease: 2 * time.Second, OfflineGrace: 2 * time.Second}
}

// contractConfig has a lease that ends in the test, or one that does not.
func contractConfig(url string, dies bool) Config {
	cfg := testConfig(url)
	if !dies {
		cfg.Lease = 15 * time.Second
	}
	return cfg
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{t: t, cfg: cfg}
	t.Cleanup(func() {
		for _, s := range w.list {
			_ = s.Close()
		}
	})
	return w
}

func (w *world) Join(name string, h presence.Handler) (presence.Store, error) {
	cfg := w.cfg
	cfg.Addr = name // of the depot
	s, err := Join(context.Background(), cfg, name, h)
	if err != nil {
		return nil, err
	}
	if w.trunks != nil {
		w.trunks.listen(name, s.ServeTrunk)
	}
	w.list = append(w.list, s)
	return s, nil
}

// Pass waits: time can not be turned here.
func (w *world) Pass(d time.Duration) { <-time.After(d) }

func (w *world) Now() time.Time {
	if len(w.list) > 0 {
		return w.list[0].Now()
	}
	return time.Now()
}
func (w *world) Lease() time.Duration { return w.cfg.Lease }
func (w *world) Grace() time.Duration { return w.cfg.OfflineGrace }

// TestContractOverTrunks is the contract with nodes that reach each other.
func TestContractOverTrunks(t *testing.T) {
	t.Parallel()
	presencetest.Run(t, func(t *testing.T, dies bool) presencetest.World {
		t.Parallel()
		trunks := newDepot(t) // it ends after the nodes
		w := newWorld(t, contractConfig(redistest.Start(t).URL(), dies))
		w.trunks, w.cfg.Dial = trunks, trunks.dial
		return w
	})
}

func TestContract(t *testing.T) {
	t.Parallel()
	presencetest.Run(t, func(t *testing.T, dies bool) presencetest.World {
		t.Parallel()
		return newWorld(t, contractConfig(redistest.Start(t).URL(), dies))
	})
}
