// Command conformance serves package socketio alone, the way protocol test
// suites expect it: short timings, any origin, and a few namespaces and events
// that answer.
//
//	go run ./signaling/socketio/conformance -listen 127.0.0.1:3000
//
// On /socket.io/: the namespaces / and /custom emit "auth" with the CONNECT
// payload; /locked refuses; any other is invalid. The events of / are in
// events.go. On /engine.io/: a bare Engine.IO echo. SIGUSR2 forces a garbage
// collection.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		log.Error("conformance", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	recovery := flag.Bool("recovery", false, "turn connection state recovery on")
	window := flag.Duration("recovery-window", 2*time.Minute, "how long a client may stay away with -recovery")
	interval := flag.Duration("ping-interval", 300*time.Millisecond, "time between pings")
	timeout := flag.Duration("ping-timeout", 200*time.Millisecond, "time to wait for a pong")
	connect := flag.Duration("connect-timeout", time.Second, "time to connect to a namespace")
	flag.Parse()

	transport := engine.Config{
		PingInterval: *interval,
		PingTimeout:  *timeout,
		MaxPayload:   1_000_000,
		Origin:       engine.AnyOrigin,
		Logger:       log,
	}
	cfg := socketio.Config{Engine: transport, ConnectTimeout: *connect, Logger: log}
	if *recovery {
		cfg.Recovery.Window = *window
	}
	sio, err := socketio.NewServer(cfg)
	if err != nil {
		return err
	}
	defer sio.Close()
	register(sio)
	eio, err := engine.NewServer(transport, func(*engine.Socket, *engine.Handshake) engine.Handler { return echo{} })
	if err != nil {
		return err
	}
	defer eio.Close()

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", sio)
	mux.Handle("/engine.io/", eio)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	log.Info("listening", "address", l.Addr().String())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	collect := make(chan os.Signal, 1)
	signal.Notify(collect, syscall.SIGUSR2)
	defer signal.Stop(collect)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	for {
		select {
		case <-collect:
			debug.FreeOSMemory()
		case <-ctx.Done():
			err := server.Close()
			if e := <-served; !errors.Is(e, http.ErrServerClosed) {
				err = e
			}
			return err
		case err := <-served:
			return err
		}
	}
}
