package redis

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// gathered are the values of all metrics, those of one name with several labels
// added up.
func gathered(t *testing.T, s *Store) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(s.Metrics()); err != nil {
		t.Fatal(err)
	}
	list, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range list {
		for _, m := range f.GetMetric() {
			values[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestO3_MetricsOfStoreAndBus(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b := newNode(t, testConfig(rs.URL()), "a"), newNode(t, testConfig(rs.URL()), "b")
	b.connect("bea", "s1")
	for range 3 {
		if _, err := a.Routes(ctx, "bea"); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Send(b.peer(), 1, presence.Must, []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	until(t, "it has arrived", func() bool { return gathered(t, b.Store)["tandem_bus_received_total"] >= 1 })
	v := gathered(t, a.Store)
	for name, least := range map[string]float64{
		"tandem_redis_routes_hits_total": 2, "tandem_redis_routes_misses_total": 1, "tandem_redis_routes_cached": 1,
		"tandem_redis_nodes": 2, "tandem_redis_commands_total": 3, "tandem_redis_round_trips_total": 3, "tandem_bus_sent_total": 1,
		"tandem_bus_batches_total": 1,
	} {
		if v[name] < least {
			t.Errorf("%s is %v, want at least %v", name, v[name], least)
		}
	}
	rs.MustCommand("SCRIPT", "FLUSH")
	a.connect("ann", "s2")
	if v := gathered(t, a.Store); v["tandem_redis_scripts_reloaded_total"] < 1 || v["tandem_redis_degraded"] != 0 {
		t.Errorf("after SCRIPT FLUSH: %v", v)
	}
	rs.Kill()
	until(t, "it is noticed", func() bool { return gathered(t, a.Store)["tandem_redis_degraded"] == 1 })
	if err := a.Send(b.peer(), 1, presence.Must, []byte("x"), nil); err == nil {
		t.Error("sent while Redis is away")
	}
	rs.Restart()
	until(t, "it is back", func() bool { return gathered(t, a.Store)["tandem_redis_degraded"] == 0 })
	v = gathered(t, a.Store)
	if v["tandem_redis_outages_total"] < 1 || v["tandem_redis_emptied_total"] != 1 || v["tandem_bus_refused_total"] < 1 {
		t.Errorf("after an outage: %v", v)
	}
}

// lines is a log that goroutines write to.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// linesAt is a logger that writes everything to l, as JSON.
func linesAt(l *lines) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// go-redis' own lines go where all others go, at level debug: to the logger of whoever
// connected last, so that no other test may run beside this one.
func TestO3_ClientLinesAreLogged(t *testing.T) {
	var out lines
	cfg := Config{
		URL: "redis://127.0.0.1:1", Timeout: 200 * time.Millisecond,
		Logger: linesAt(&out),
	}
	if _, err := Join(context.Background(), cfg, "n", nil); err == nil {
		t.Fatal("joined a Redis that is not there")
	}
	if s := out.String(); !strings.Contains(s, `"msg":"go-redis"`) || !strings.Contains(s, "connection refused") {
		t.Errorf("logged: %s", s)
	}
}
