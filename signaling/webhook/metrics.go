package webhook

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	attempts *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	waiting  *prometheus.GaugeVec
	off      *prometheus.GaugeVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_webhook_attempts_total", Help: "Posted webhooks, by what came of them: delivered, refused (a status that is not 2xx), failed (no answer).",
		}, []string{"endpoint", "result"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_webhook_dropped_total", Help: "Webhooks that were given up: expired (tried for as long as is set), full (too many waited), off (the endpoint has answered 410).",
		}, []string{"endpoint", "why"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tandem_webhook_waiting", Help: "Webhooks in the outbox, looked at once a minute.",
		}, []string{"endpoint"}),
		off: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tandem_webhook_off", Help: "1 while an endpoint gets nothing, because it has answered 410.",
		}, []string{"endpoint"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tandem_webhook_seconds", Help: "How long endpoints took to answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"endpoint"}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.attempts, m.dropped, m.waiting, m.off, m.seconds} {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("webhook: metrics: %w", err)
	}
	return m, nil
}
