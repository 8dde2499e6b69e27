package push

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	sent    *prometheus.CounterVec // by kind and outcome
	dropped *prometheus.CounterVec // by kind and reason
	removed prometheus.Counter
	seconds prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, waiting func() float64) (*metrics, error) {
	m := &metrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_push_total",
			Help: "Pushes to browsers by kind and what became of them: accepted, gone, refused, failed, expired, replaced.",
		}, []string{"kind", "outcome"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_push_dropped_total",
			Help: "Pushes that were not tried, by kind and reason: too_many, no_store, not_allowed.",
		}, []string{"kind", "reason"}),
		removed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_push_subscriptions_removed_total",
			Help: "Subscriptions forgotten because their push service does not know them.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_push_seconds", Help: "From the event to the push service's answer.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.sent, m.dropped, m.removed, m.seconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tandem_push_waiting", Help: "Pushes that wait to be sent."}, waiting),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("push: metrics: %w", err)
		}
	}
	return m, nil
}
