package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/web"
)

// serveCommand is tandem serve.
type serveCommand struct {
	Config `embed:""`
}

// Run serves until ctx ends, and drains then.
func (s *serveCommand) Run(ctx context.Context, stdout, stderr io.Writer) error {
	log, plain := newLogger(stderr, s.Operation)
	app, err := Open(ctx, s.Config, log)
	if err != nil {
		return err
	}
	app.announce(stdout, plain)
	return app.Serve(ctx)
}

// App is a running Tandem: the command and the end-to-end tests use the same
// one. Open, then Serve until its context ends.
type App struct {
	cfg    Config
	log    *slog.Logger
	web    *web.Server
	board  switchboard
	cancel context.CancelFunc // ends what belongs to the app in the background

	listeners []net.Listener // all of the same port
	operators net.Listener   // nil: none
	tls       *tls.Config    // nil: plain HTTP
	devPrint  string         // fingerprint of the certificate made at start

	draining atomic.Bool
}

// Open checks the configuration, puts the parts together and listens; Serve
// accepts. After an error nothing is left.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (_ *App, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	origins, err := auth.NewOrigins(cfg.Identity.FrontendURL)
	if err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := &App{cfg: cfg, log: log, cancel: cancel}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()

	identity := cfg.auth()
	identity.Logger = log
	verifier, err := auth.New(background, identity)
	if err != nil {
		return nil, err
	}
	if n := len(cfg.Identity.JWTSecret); n > 0 && n < auth.ShortSecret {
		log.Warn("JWT_SECRET is short and could be guessed; use at least 32 random bytes", "bytes", n)
	}
	warnFiles(log, cfg.Limits.MaxConnections)
	if a.tls, a.devPrint, err = cfg.TLS.load(); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	parts, board, err := buildParts(deps{
		ctx: background, cfg: cfg, log: log, verifier: verifier, origins: origins, registry: registry,
	})
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	a.board = board
	parts.Verifier, parts.Registry = verifier, registry
	parts.Ready = a.ready(parts.Ready)
	door := cfg.web()
	door.Origins, door.Logger = origins, log
	if a.web, err = web.New(door, parts); err != nil {
		return nil, err
	}
	if err = a.listen(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// ready adds the drain to what the switchboard says.
func (a *App) ready(inner func() (string, bool, map[string]string)) func() (string, bool, map[string]string) {
	return func() (string, bool, map[string]string) {
		if a.draining.Load() {
			return "draining", false, nil
		}
		if inner == nil {
			return "ready", true, nil
		}
		return inner()
	}
}

// Serve accepts until ctx ends or a listener breaks, then drains and closes the
// app. It is called once.
func (a *App) Serve(ctx context.Context) error {
	var wg sync.WaitGroup
	broken := make(chan error, len(a.listeners)+1)
	for _, l := range a.listeners {
		wg.Go(func() { broken <- a.web.Serve(l, a.tls) })
	}
	if a.operators != nil {
		wg.Go(func() { broken <- a.web.ServeAdmin(a.operators) })
	}
	var err error
	select {
	case <-ctx.Done():
		a.log.Info("stopping", "drainTimeout", a.cfg.Operation.DrainTimeout.String())
	case err = <-broken:
	}
	err = errors.Join(err, a.drain())
	wg.Wait()
	return err
}

// drain lets clients go in order: not ready, no new connections, sessions told,
// requests in flight finished; then it closes everything. It returns after
// --drain-timeout at the latest, whatever hangs (O2).
func (a *App) drain() error {
	a.draining.Store(true)
	limit := a.cfg.Operation.DrainTimeout
	hard, cancelHard := context.WithTimeout(context.Background(), limit)
	defer cancelHard()
	// The rest of the time is for closing what did not go by itself.
	soft, cancelSoft := context.WithTimeout(hard, limit-min(limit/5, time.Second))
	defer cancelSoft()

	board := a.board
	a.board = nil // closed here, or hanging: Close must not wait for it again
	done := make(chan error, 1)
	go func() { // ends with the process if a part hangs for ever
		requests := make(chan error, 1)
		go func() { requests <- a.web.Shutdown(soft) }()
		drained := board.Drain(soft)
		closed := board.Close() // ends waiting polls, so that Shutdown can
		if err := <-requests; err != nil {
			a.log.Warn("cut requests that were still in flight", "error", err)
		}
		if drained != nil {
			a.log.Warn("some clients were still there", "error", drained)
		}
		done <- closed
	}()
	var err error
	select {
	case err = <-done:
		a.log.Info("stopped")
	case <-hard.Done():
		a.log.Error("gave up waiting", "drainTimeout", limit.String())
	}
	return errors.Join(err, a.Close())
}

// Close cuts everything at once. Serve calls it; only an app that is never
// served needs it.
func (a *App) Close() error {
	a.cancel()
	var errs []error
	if a.web != nil {
		errs = append(errs, a.web.Close())
	}
	for _, l := range a.listeners {
		errs = append(errs, ignoreClosed(l.Close()))
	}
	if a.operators != nil {
		errs = append(errs, ignoreClosed(a.operators.Close()))
	}
	if a.board != nil {
		errs = append(errs, a.board.Close())
		a.board = nil
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
