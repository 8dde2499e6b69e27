package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Server is the door. It is an http.Handler; Serve adds listeners with limits.
type Server struct {
	cfg     Config
	parts   Parts
	reg     *prometheus.Registry
	log     *slog.Logger
	routes  http.Handler // all but the dialects
	backend http.Handler // /api/server; nil: that is the back end's own path
	admin   http.Handler
	stats   *metrics
	conns   *limiter
	rates   *rates // of requests for messages and calls
	idle    func() // closes idle connections to the back end

	public    *http.Server
	operators *http.Server
}

// New puts the parts behind their paths. It listens nowhere yet.
func New(cfg Config, parts Parts) (*Server, error) {
	cfg = cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := parts.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, parts: parts, reg: parts.Registry, log: cfg.Logger, rates: newRates(cfg.RequestRate, cfg.RequestBurst), idle: func() {}}
	if s.reg == nil {
		s.reg = prometheus.NewRegistry()
	}
	s.conns = newLimiter(cfg.MaxConnections, cfg.MaxPending)
	stats, err := newMetrics(s.reg, s.conns)
	if err != nil {
		return nil, err
	}
	s.stats = stats
	if s.routes, err = s.newRouter(); err != nil {
		return nil, err
	}
	if len(cfg.ServerKeys) > 0 || cfg.BackendURL == "" {
		s.backend = s.newBackend()
	}
	s.admin = s.newAdmin()
	quiet := slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	s.public = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: cfg.HandshakeTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		ErrorLog:          quiet, // broken handshakes of strangers are no news
		ConnState:         s.conns.state,
		ConnContext:       s.conns.context,
	}
	// No HTTP/2: WebSockets need HTTP/1.1 anyway, and one kind of connection is
	// what the limits count. No WriteTimeout: polls and streams last.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.public.Protocols = protocols
	s.operators = &http.Server{
		Handler:           s.admin,
		ReadHeaderTimeout: cfg.HandshakeTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		ErrorLog:          quiet,
	}
	return s, nil
}

// ServeHTTP sends the dialects' requests straight to them: a handshake passes
// no middleware, no router and no wrapped ResponseWriter.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recoverPanic(w, r)
	if s.conns.refuses(r) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		writeError(w, errTooManyConnections)
		return
	}
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/socket.io/"), path == "/socket.io":
		if r.Method == http.MethodPost {
			s.boundBody(w)
		}
		s.parts.SocketIO.ServeHTTP(w, r)
	case path == "/ws", path == "/ws/", path == pagePrefix+"/ws": // the page asks beside itself
		s.parts.WS.ServeHTTP(w, r)
	case s.backend != nil && strings.HasPrefix(path, backendPrefix):
		s.backend.ServeHTTP(w, r)
	default:
		s.routes.ServeHTTP(w, r)
	}
}

// boundBody limits how long the body of the current request may take; net/http
// sets the deadline anew for the next one.
func (s *Server) boundBody(w http.ResponseWriter) {
	// Recorders of tests have no deadline to set; they do not dawdle either.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.BodyTimeout))
}

// Serve accepts connections of l, with TLS if config is not nil, until Shutdown
// or Close; it returns nil then. It may be called for several listeners.
func (s *Server) Serve(l net.Listener, config *tls.Config) error {
	limited := s.conns.listen(l)
	if config == nil {
		return served(s.public.Serve(limited))
	}
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return served(s.public.Serve(tls.NewListener(limited, config)))
}

// ServeAdmin serves metrics, profiles and health to operators on l, until
// Shutdown or Close. Whoever reaches it sees everything: keep it on loopback.
func (s *Server) ServeAdmin(l net.Listener) error { return served(s.operators.Serve(l)) }

func served(err error) error {
	if err == nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("web: serving: %w", err)
}

// Shutdown stops accepting and waits for requests in flight until ctx ends; what
// is left then is cut. WebSockets belong to their dialects, which must end them.
// The operators' listener stays, so that a drain can be watched, until Close.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.public.Shutdown(ctx); err != nil {
		_ = s.public.Close() // the reason is err
		return fmt.Errorf("web: shutting down: %w", err)
	}
	return nil
}

// Close stops all listeners and cuts every connection that is not hijacked.
func (s *Server) Close() error {
	err := errors.Join(s.public.Close(), s.operators.Close())
	s.idle()
	return err
}

// AdminHandler is what ServeAdmin serves.
func (s *Server) AdminHandler() http.Handler { return s.admin }
