package push_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// kit is a service with a push service to send to.
type kit struct {
	*push.Service
	t     *testing.T
	store *push.Memory
	recv  *pushtest.Receiver
	reg   *prometheus.Registry
}

func start(t *testing.T, change func(*push.Config)) *kit {
	t.Helper()
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, store: push.NewMemory(), recv: pushtest.NewReceiver(t, key.Public), reg: prometheus.NewRegistry()}
	cfg := push.Config{
		Key: key, Subject: "mailto:ops@example.com", Hosts: []string{k.recv.URL}, Backoff: 10 * time.Millisecond, Timeout: 5 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	if k.Service, err = push.New(cfg, k.store, k.reg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// browser subscribes one for the user.
func (k *kit) browser(user string) push.Subscription {
	k.t.Helper()
	sub, err := k.Subscribe(context.Background(), user, k.recv.Browser())
	if err != nil {
		k.t.Fatal(err)
	}
	return sub
}

// metric sums a counter over the labels given as name=value.
func (k *kit) metric(name string, labels ...string) (sum float64) {
	k.t.Helper()
	families, err := k.reg.Gather()
	if err != nil {
		k.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			n := 0
			for _, l := range m.GetLabel() {
				for _, want := range labels {
					if l.GetName()+"="+l.GetValue() == want {
						n++
					}
				}
			}
			if f.GetName() == name && n == len(labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (k *kit) until(what string, f func() bool) {
	k.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			k.t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func ring(user, id string, left time.Duration) push.Ring {
	return push.Ring{CallID: id, User: user, From: "ann", Name: "Ann", Video: true, Until: time.Now().Add(left)}
}

// nobody counts how often is asked whether there is anybody.
type nobody struct {
	*push.Memory
	asked atomic.Int32
}

func (n *nobody) Any(ctx context.Context) (bool, error) {
	n.asked.Add(1)
	return n.Memory.Any(ctx)
}
