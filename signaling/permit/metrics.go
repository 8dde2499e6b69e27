package permit

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	asked   *prometheus.CounterVec
	known   prometheus.Counter
	seconds prometheus.Histogram
	resting prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_permit_questions_total",
			Help: "Questions who may call or message whom, by what came of them: allow, deny, failed, left_alone, too_many.",
		}, []string{"action", "result"}),
		known: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_permit_known_total", Help: "Questions whose answer was remembered.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_permit_seconds", Help: "How long answers took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		resting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tandem_permit_resting", Help: "1 while the endpoint is left alone because it has failed.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.asked, m.known, m.seconds, m.resting} {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics of permissions: %w", err)
	}
	return m, nil
}

func (m *metrics) count(q Question, result string) {
	m.asked.WithLabelValues(string(q.Action), result).Inc()
}
