package web

import (
	"net/http"
	"net/http/pprof"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// newAdmin has what only operators may see.
//
//	GET /metrics            Prometheus
//	GET /debug/pprof/…      Go profiles
//	GET /healthz /readyz    as on the public side; /readyz with details
func (s *Server) newAdmin() http.Handler {
	r := chi.NewRouter()
	r.Handle("/metrics", promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{Registry: s.reg}))
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.adminReadyz)
	r.HandleFunc("/debug/pprof/*", pprof.Index)
	r.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	r.HandleFunc("/debug/pprof/profile", pprof.Profile)
	r.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	r.HandleFunc("/debug/pprof/trace", pprof.Trace)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, wire.Errorf(wire.CodeNotFound, ""))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, wire.Errorf(wire.CodeMethodNotAllowed, ""))
	})
	return localPages(r)
}

// localPages refuses requests with an Origin of elsewhere: a web page must not
// reach the operators' listener through a browser on the same machine.
func localPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" {
			writeError(w, wire.Errorf(wire.CodeOriginNotAllowed, ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}
