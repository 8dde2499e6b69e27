package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config of a Store. The zero value of each field takes the default.
type Config struct {
	// URL says which Redis: redis://, rediss:// (TLS), with ?password= as found
	// in the wild; redis+sentinel://HOST:PORT,HOST:PORT/MASTER or
	// redis+cluster://HOST:PORT,HOST:PORT. See url.go.
	URL string
	// Prefix of all keys but the two that operators look at ("tandem:").
	Prefix string
	// Addr is where other nodes reach this node's own listener: host:port.
	Addr string
	// Dial opens a connection to another node's listener, which calls
	// Store.ServeTrunk with it: what goes to that node need not go through Redis
	// then. nil: it always does.
	Dial func(ctx context.Context, addr string) (net.Conn, error)

	// Lease is how long a node's entries count without Renew (5 s).
	Lease time.Duration
	// OfflineGrace is how long a user stays online after the last session
	// vanished (5 s, P5).
	OfflineGrace time.Duration
	// EndedKeep is how long an ended call can still be found (30 s).
	EndedKeep time.Duration
	// LastSeenKeep is how long it is known when an offline user was last seen
	// (30 days).
	LastSeenKeep time.Duration
	// Timeout is how long Redis may take to answer before it counts as away
	// (1 s).
	Timeout time.Duration
	// InboxMax is how many entries may wait in a node's inbox (10,000).
	InboxMax int
	// KeepBytes is how many bytes of payloads that another node has not
	// confirmed are kept, by node (8 MiB).
	KeepBytes int
	// CacheUsers is how many users' routes are remembered (100,000).
	CacheUsers int
	// NoMirrors leaves the keys onlineUsers and sockets alone (P6).
	NoMirrors bool

	Logger *slog.Logger

	clock func() time.Time // of this machine, for tests
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&c.Lease, 5*time.Second)
	def(&c.OfflineGrace, 5*time.Second)
	def(&c.EndedKeep, 30*time.Second)
	def(&c.LastSeenKeep, 30*24*time.Hour)
	def(&c.Timeout, time.Second)
	num(&c.InboxMax, 10_000)
	num(&c.KeepBytes, 8<<20)
	num(&c.CacheUsers, 100_000)
	if c.Prefix == "" {
		c.Prefix = "tandem:"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []time.Duration{c.Lease, c.OfflineGrace, c.EndedKeep, c.LastSeenKeep, c.Timeout} {
		if d < 0 {
			return errors.New("redis: a time can not be negative")
		}
	}
	if c.InboxMax < 0 || c.KeepBytes < 0 || c.CacheUsers < 0 {
		return errors.New("redis: a bound can not be negative")
	}
	return nil
}

// nodeName is what names may look like: they stand in keys and entries.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Connect makes the client for a URL. It does not dial.
func Connect(cfg Config) (goredis.UniversalClient, error) {
	logClient(cfg.Logger)
	opt, err := parseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	// A command that timed out may have been carried out: who sent it decides
	// whether it makes sense again. In a Cluster that takes more (once.go).
	opt.MaxRetries, opt.DialerRetries = -1, 1
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = cfg.Timeout, cfg.Timeout, cfg.Timeout
	opt.ContextTimeoutEnabled = true
	opt.ClientName = "tandem"
	// Both would need rights that older servers do not know.
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return goredis.NewUniversalClient(opt), nil
}

// ValidNodeName reports whether a node can have that name.
func ValidNodeName(name string) bool { return nodeName.MatchString(name) }

// CheckURL says what is wrong with a Redis URL; nothing of its secrets is in the
// error.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}
