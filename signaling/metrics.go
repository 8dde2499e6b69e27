package signaling

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Metrics counts what a switchboard does.
type Metrics struct {
	sessions *prometheus.GaugeVec
	ringing  prometheus.Counter
	calls    *prometheus.CounterVec
	duration prometheus.Histogram
	problems *prometheus.CounterVec
	dropped  prometheus.Counter

	newsDropped *prometheus.CounterVec
}

// NewMetrics registers the metrics; with a nil registry they count unseen.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tandem_sessions", Help: "Sessions of this node, those that are away included."}, []string{"dialect"}),
		ringing:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tandem_calls_rung_total", Help: "Calls that began to ring."}),
		calls:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tandem_calls_ended_total", Help: "Calls that ended, by reason; refused ones included."}, []string{"reason"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_call_duration_seconds", Help: "From answer to end.",
			Buckets: []float64{1, 10, 30, 60, 180, 600, 1800, 3600, 7200},
		}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tandem_event_errors_total", Help: "Events that were refused, by error code."}, []string{"code"}),
		dropped:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tandem_typing_dropped_total", Help: "Typing events over the rate limit."}),

		newsDropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tandem_news_dropped_total", Help: "News that a notifier did not get: its queue was full, or the node ended."}, []string{"notifier"}),
	}
	if reg != nil {
		reg.MustRegister(m.sessions, m.ringing, m.calls, m.duration, m.problems, m.dropped, m.newsDropped)
	}
	return m
}

func (m *Metrics) opened(s *Session)   { m.sessions.WithLabelValues(s.dialect).Inc() }
func (m *Metrics) closed(s *Session)   { m.sessions.WithLabelValues(s.dialect).Dec() }
func (m *Metrics) problem(c wire.Code) { m.problems.WithLabelValues(string(c)).Inc() }

func (m *Metrics) callEnded(r call.Record) {
	m.calls.WithLabelValues(string(r.Reason)).Inc()
	if r.Duration > 0 {
		m.duration.Observe(r.Duration.Seconds())
	}
}
