package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
)

// Endpoint is where events are posted to.
type Endpoint struct {
	URL string
	// Secrets sign what is sent, each with a signature of its own: to change one,
	// give the new one and the old one until the receiver knows the new one. As
	// Standard Webhooks has them, whsec_ and base64, or a text of at least 16 bytes.
	Secrets []string
	// Events are the types that it gets, "call.*" for all that begin so; none:
	// every type.
	Events []string
}

// Config of a Sender. Zero values take the defaults named.
type Config struct {
	Endpoints []Endpoint

	// Timeout is how long an endpoint may take to answer (10 s).
	Timeout time.Duration
	// Window is for how long an event is tried (24 h).
	Window time.Duration
	// After an attempt that failed comes the next one after MinBackoff (1 s), twice
	// as long after each up to MaxBackoff (1 h), and up to half of that less.
	MinBackoff, MaxBackoff time.Duration
	// Concurrency is how many events are at one endpoint at one time (16).
	Concurrency int
	// After Failures failures in a row (5) one event at a time finds out whether
	// the endpoint is back, at most MaxRest (1 min) after the other.
	Failures int
	MaxRest  time.Duration
	// Poll is how often a node looks for what is due, besides when it knows (1 s),
	// and Sweep how often for what is too old (1 min).
	Poll, Sweep time.Duration
	// Grace is how long a node that closes waits for answers (3 s).
	Grace time.Duration

	Now    func() time.Time
	Logger *slog.Logger
}

// minSecret is how long a secret has to be, in bytes.
const minSecret = 16

// Types are the types of events that endpoints can ask for.
var types = []signaling.NewsType{
	signaling.NewsRinging, signaling.NewsAnswered, signaling.NewsEnded, signaling.NewsMissed,
	signaling.NewsMessage, signaling.NewsOnline, signaling.NewsOffline,
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	dur := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	dur(&c.Timeout, 10*time.Second)
	dur(&c.Window, 24*time.Hour)
	dur(&c.MinBackoff, time.Second)
	dur(&c.MaxBackoff, time.Hour)
	dur(&c.MaxRest, time.Minute)
	dur(&c.Poll, time.Second)
	dur(&c.Sweep, time.Minute)
	dur(&c.Grace, 3*time.Second)
	if c.Concurrency == 0 {
		c.Concurrency = 16
	}
	if c.Failures == 0 {
		c.Failures = 5
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []time.Duration{c.Timeout, c.Window, c.MinBackoff, c.MaxBackoff, c.MaxRest, c.Poll, c.Sweep, c.Grace} {
		if d < 0 {
			return errors.New("webhook: a time can not be negative")
		}
	}
	if c.Concurrency < 0 || c.Failures < 0 {
		return errors.New("webhook: a limit can not be negative")
	}
	if c.MinBackoff > c.MaxBackoff {
		return errors.New("webhook: the shortest backoff is longer than the longest")
	}
	seen := map[string]bool{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("webhook: endpoint %d: %w", i+1, err)
		}
		if seen[e.ID()] {
			return fmt.Errorf("webhook: endpoint %d is there twice", i+1)
		}
		seen[e.ID()] = true
	}
	return nil
}

func (e *Endpoint) check() error {
	u, err := url.Parse(e.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return errors.New("not an http or https URL") // which may hold a password
	}
	if len(e.Secrets) == 0 {
		return errors.New("it has no secret")
	}
	for _, s := range e.Secrets {
		if _, err := Key(s); err != nil {
			return err
		}
	}
	for _, p := range e.Events {
		if !slices.ContainsFunc(types, func(t signaling.NewsType) bool { return matches(p, string(t)) }) {
			return fmt.Errorf("no event is called %q", p)
		}
	}
	return nil
}

// ID names the endpoint in an outbox and in metrics: it is the same wherever the
// URL is.
func (e *Endpoint) ID() string {
	sum := sha256.Sum256([]byte(e.URL))
	return hex.EncodeToString(sum[:6])
}

// Name is for people: the host, nothing that may be a secret.
func (e *Endpoint) Name() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return e.ID()
	}
	return u.Host
}

// Wants reports whether the endpoint gets events of that type.
func (e *Endpoint) Wants(typ string) bool {
	return len(e.Events) == 0 || slices.ContainsFunc(e.Events, func(p string) bool { return matches(p, typ) })
}

func matches(pattern, typ string) bool {
	if head, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(typ, head)
	}
	return pattern == typ
}

// Key reads a secret: whsec_ and base64 (Standard Webhooks), or any other text.
func Key(secret string) ([]byte, error) {
	key := []byte(secret)
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(rest); err != nil {
			return nil, errors.New("what stands behind whsec_ is not base64")
		}
	}
	if len(key) < minSecret {
		return nil, fmt.Errorf("a secret has to have at least %d bytes", minSecret)
	}
	return key, nil
}

// NewSecret makes a secret.
func NewSecret() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b[:])
}
