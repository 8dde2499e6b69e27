package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the door's own; the dialects count themselves.
type metrics struct {
	requests *prometheus.CounterVec // by route and status
	panics   prometheus.Counter
}

func newMetrics(reg *prometheus.Registry, l *limiter) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_http_requests_total",
			Help: "Requests answered, without the two dialects, by route and status.",
		}, []string{"route", "status"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_http_panics_total",
			Help: "Requests that panicked and were answered 500.",
		}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	counter := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f)
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.panics,
		gauge("tandem_connections_open", "TCP connections open, WebSockets included.",
			func() float64 { return float64(l.open.Load()) }),
		gauge("tandem_connections_pending", "Connections whose first request is not complete.",
			func() float64 { return float64(l.pendingCount()) }),
		counter("tandem_connections_refused_total", "Connections refused because max-connections were open.",
			func() float64 { return float64(l.refused.Load()) }),
		counter("tandem_connections_evicted_total", "Pending connections closed to make room for younger ones.",
			func() float64 { return float64(l.evicted.Load()) }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("web: metrics: %w", err)
		}
	}
	return m, nil
}

// counted counts the answers of a route. The writer it passes on unwraps, so
// that http.ResponseController reaches flushing and hijacking.
func (m *metrics) counted(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { m.requests.WithLabelValues(route, strconv.Itoa(rec.status)).Inc() }()
		next.ServeHTTP(rec, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols { // others are interim
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
