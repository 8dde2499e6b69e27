package emitter

import "github.com/prometheus/client_golang/prometheus"

// Registerer is where metrics are registered; nil counts unseen.
type Registerer = prometheus.Registerer

// What came of a message.
const (
	outcomeDelivered = "delivered"
	outcomeNobody    = "nobody" // no session of this node is meant
	outcomeRefused   = "refused"
)

type metrics struct {
	up       prometheus.Gauge
	messages *prometheus.CounterVec
}

func newMetrics(reg Registerer) *metrics {
	m := &metrics{
		up:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "tandem_emitter_subscribed", Help: "1 while this node hears what back ends publish on Redis."}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tandem_emitter_messages_total", Help: "Messages that back ends published on Redis, by what came of them on this node."}, []string{"outcome"}),
	}
	if reg != nil {
		reg.MustRegister(m.up, m.messages)
	}
	return m
}

func (m *metrics) count(outcome string) { m.messages.WithLabelValues(outcome).Inc() }
