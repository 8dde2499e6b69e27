package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/auth"
)

// Config is what the door itself needs to know.
type Config struct {
	// BackendURL is the back end that gets every path that Tandem does not
	// serve, "" for none. With one the built-in page moves from / to /tandem/.
	BackendURL string
	// BackendTimeout is how long the back end may think before its first
	// header; default 60 s. Streams may last as long as they like.
	BackendTimeout time.Duration
	// TrustedProxies are the proxies in front whose X-Forwarded-For and
	// X-Forwarded-Proto are passed on to the back end; others are replaced.
	TrustedProxies []netip.Prefix
	// Origins are the web origins that may read answers with credentials; nil
	// is the same origin only.
	Origins *auth.Origins

	// MaxConnections is how many connections may be open at once, WebSockets
	// included; default 20,000. A few beyond it are answered 503, more are
	// closed.
	MaxConnections int
	// MaxPending is how many of them may be without a complete first request
	// (TLS handshake and headers); default 2,048. The oldest is closed when a
	// new one comes.
	MaxPending int
	// HandshakeTimeout bounds the TLS handshake and the headers of a request;
	// default 10 s.
	HandshakeTimeout time.Duration
	// BodyTimeout bounds the reading of a request body by Tandem's own routes;
	// default 30 s.
	BodyTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request;
	// default 75 s.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds request line and headers; default 16 KiB.
	MaxHeaderBytes int
	// MaxBody bounds a body of the REST routes in bytes; default 64 KiB.
	MaxBody int64
	// ServerKeys are what back ends show on /api/server, each at least 16 bytes.
	// None: that is closed.
	ServerKeys []string
	// HistoryLimit is how many messages of a conversation an answer has that
	// names no limit; default 500.
	HistoryLimit int
	// RequestRate and RequestBurst bound the requests for messages and calls of
	// one user: so many a second on the long run, so many at once; default 50 and
	// 200.
	RequestRate  float64
	RequestBurst int

	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Defaults fills what is unset.
func (c Config) Defaults() Config {
	set(&c.BackendTimeout, time.Minute)
	set(&c.MaxConnections, 20_000)
	set(&c.MaxPending, 2_048)
	set(&c.HandshakeTimeout, 10*time.Second)
	set(&c.BodyTimeout, 30*time.Second)
	set(&c.IdleTimeout, 75*time.Second)
	set(&c.MaxHeaderBytes, 16<<10)
	set(&c.MaxBody, 64<<10)
	set(&c.HistoryLimit, 500)
	set(&c.RequestRate, 50)
	set(&c.RequestBurst, 200)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate says what is wrong, in words for the person who configured it.
func (c Config) Validate() error {
	if c.BackendURL != "" {
		u, err := url.Parse(c.BackendURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return errors.New("web: the back end must be given as http://host:port or https://host")
		}
		if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return errors.New("web: the back end's URL can not have a user name, a query or a fragment")
		}
	}
	for _, key := range c.ServerKeys {
		if len(key) < minServerKey {
			return errors.New("web: a server key has to have at least 16 bytes")
		}
	}
	if c.RequestRate <= 0 {
		return errors.New("web: the request rate must be more than 0")
	}
	for name, n := range map[string]int64{
		"max-connections": int64(c.MaxConnections), "max-pending": int64(c.MaxPending),
		"max-header-bytes": int64(c.MaxHeaderBytes), "max-body": c.MaxBody, "history-limit": int64(c.HistoryLimit), "request-burst": int64(c.RequestBurst),
		"handshake-timeout": int64(c.HandshakeTimeout), "idle-timeout": int64(c.IdleTimeout),
		"body-timeout": int64(c.BodyTimeout), "backend-timeout": int64(c.BackendTimeout),
	} {
		if n <= 0 {
			return fmt.Errorf("web: %s must be more than 0", name)
		}
	}
	return nil
}

// Online lists who is online, in pages: at most limit user ids that come after
// cursor ("" is the start), and the cursor of the next page ("" if there is
// none). A cursor that it does not know is an error with a wire code.
type Online interface {
	OnlineUsers(ctx context.Context, cursor string, limit int) (ids []string, next string, err error)
}

// Parts are what the door opens to.
type Parts struct {
	// SocketIO serves /socket.io/ and WS serves /ws. They get the
	// ResponseWriter of net/http itself and may hijack it.
	SocketIO http.Handler
	WS       http.Handler
	// Online answers GET /api/users/online.
	Online Online
	// Chat answers the routes of messages and Calls those of ended calls. nil, or
	// a Chat that is not on: these paths are the back end's, or not_configured.
	Chat  Chat
	Calls CallLog
	// Blocks answers /api/blocks, where messages are kept, and says who looks
	// offline to whom.
	Blocks Blocks
	// Push answers the routes of pushes; nil: these paths are the back end's, or
	// not_configured.
	Push Push
	// Backend serves back ends on /api/server; nil: nobody does.
	Backend Backend
	// Ready says whether this node should get traffic: a word for people ("ready",
	// "degraded", "draining"), whether that counts as ready, and details by
	// component. nil: always ready.
	Ready func() (status string, ok bool, detail map[string]string)
	// Verifier identifies REST callers.
	Verifier *auth.Verifier
	// Registry is what /metrics shows and where the door registers its own
	// metrics; nil: a registry of its own.
	Registry *prometheus.Registry
}

func (p Parts) validate() error {
	if p.SocketIO == nil || p.WS == nil || p.Online == nil || p.Verifier == nil {
		return errors.New("web: Parts needs SocketIO, WS, Online and Verifier")
	}
	return nil
}
