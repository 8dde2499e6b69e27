package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PeersConfig of a Peers.
type PeersConfig struct {
	// Key is what the nodes of the cluster share; at least 16 bytes.
	Key []byte
	// Find tells where another live node takes requests of its peers, by the tag
	// of its sessions' ids; false if there is none, or it is this node itself.
	Find func(tag string) (addr string, ok bool)
	// Trunk gets the trunks of other nodes and returns when they are over
	// (DialTrunk); nil: none are taken.
	Trunk func(net.Conn)
	// FindTimeout is how long to wait for a node that Find does not know and
	// never did: it may be new. Default 1.5 s; Find should know it by then.
	FindTimeout time.Duration
	// Self is the tag of this node's own sessions.
	Self func() string
	// Now is the cluster's clock; default time.Now.
	Now func() time.Time
	// MaxBody bounds the body of a request in bytes; default 1,000,000. It is
	// the maxPayload of Engine.IO.
	MaxBody int64
	// BodyTimeout bounds the reading of a body; default 30 s.
	BodyTimeout time.Duration
	// DialTimeout is how long a node may take to accept; default 2 s.
	DialTimeout time.Duration
	// AnswerTimeout is how long it may take to answer: longer than a poll
	// waits, which is pingInterval and pingTimeout; default 50 s.
	AnswerTimeout time.Duration
	// WriteTimeout ends the connection of a client that takes nothing for so
	// long; default 20 s.
	WriteTimeout time.Duration
	// TrustedProxies: see Config.
	TrustedProxies []netip.Prefix
	// Registry gets the counters; nil: none.
	Registry *prometheus.Registry
	// Logger; default slog.Default().
	Logger *slog.Logger
}

func (c PeersConfig) defaults() PeersConfig {
	set(&c.MaxBody, 1_000_000)
	set(&c.FindTimeout, 1500*time.Millisecond)
	set(&c.BodyTimeout, 30*time.Second)
	set(&c.DialTimeout, 2*time.Second)
	set(&c.AnswerTimeout, 50*time.Second)
	set(&c.WriteTimeout, 20*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Peers passes requests on to the node that has their session, and serves those
// that other nodes pass on (P9). No load balancer has to send a client's
// requests to one node therefore.
//
// Forward is the way out, Serve the way in. Close ends both.
type Peers struct {
	cfg       PeersConfig
	log       *slog.Logger
	run       *peerRun
	seen      replays
	known     acquaintances
	transport *http.Transport
	proxy     *httputil.ReverseProxy
	requests  *prometheus.CounterVec // by direction and outcome
	listener  *http.Server
	handler   http.Handler // set by Serve

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	polls atomic.Int64 // requests on their way to other nodes, without upgrades

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup // requests on their way; Add with mu held
}

// NewPeers makes a Peers that listens nowhere yet.
func NewPeers(cfg PeersConfig) (*Peers, error) {
	cfg = cfg.defaults()
	if len(cfg.Key) < 16 || cfg.Find == nil || cfg.Self == nil {
		return nil, errors.New("web: peers need a key of at least 16 bytes, Find and Self")
	}
	p := &Peers{cfg: cfg, log: cfg.Logger, run: newPeerRun()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tandem_peer_requests_total",
		Help: "Requests of other nodes' sessions: passed on to them (out) and taken from them (in), by outcome.",
	}, []string{"direction", "outcome"})
	if cfg.Registry != nil {
		if err := cfg.Registry.Register(p.requests); err != nil {
			return nil, fmt.Errorf("web: metrics: %w", err)
		}
	}
	p.newForward()
	p.listener = &http.Server{
		Handler:           http.HandlerFunc(p.serveIn),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * peerIdle, // the side that sends gives connections up first
		MaxHeaderBytes:    64 << 10,     // more than a client may send
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // upgrades need it
	p.listener.Protocols = protocols
	return p, nil
}

// Serve takes requests of other nodes on l until Close and hands them to
// handler. It is called once.
func (p *Peers) Serve(l net.Listener, handler http.Handler) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return l.Close()
	}
	p.handler = handler
	p.active.Add(1)
	p.mu.Unlock()
	defer p.active.Done()
	return served(p.listener.Serve(l))
}

// Drain waits until the polls that are on their way to other nodes are answered,
// or ctx ends: their sessions stay there, and a poll that is cut would end them.
// Whoever calls it has stopped to take new ones.
func (p *Peers) Drain(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.polls.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close ends what is on its way, both ways, and waits for it.
func (p *Peers) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	err := p.listener.Close()
	p.active.Wait()
	p.transport.CloseIdleConnections()
	return err
}

// begin counts a request as active; false after Close.
func (p *Peers) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.active.Add(1)
	return true
}

func (p *Peers) count(direction, outcome string) {
	p.requests.WithLabelValues(direction, outcome).Inc()
}
