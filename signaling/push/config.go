package push

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// Config of a Service. The zero value of each field but Key takes the default.
type Config struct {
	// Key is the site's own. Required.
	Key Key
	// Subject is whom a push service may write to about this site's pushes: a
	// mailto: or https: URL (RFC 8292 §2.1). Some refuse pushes without one that
	// is real.
	Subject string
	// Hosts are the push services that subscriptions may name: HOST, *.DOMAIN, an
	// origin as http://127.0.0.1:8080 that may be on a private network, or * for
	// every public one. Default: Services.
	Hosts []string

	// Timeout is how long a push service may take to answer (10 s).
	Timeout time.Duration
	// Tries is how often a push is posted before it is given up (4), and Backoff
	// how long after the first one that failed the second is tried (1 s); twice as
	// long after each up to MaxBackoff (1 min), or when the push service says.
	Tries      int
	Backoff    time.Duration
	MaxBackoff time.Duration
	// MessageTTL is how long a push service keeps the news of a message for a
	// browser that is away (1 day).
	MessageTTL time.Duration
	// LookupTime is how long the store may take (5 s).
	LookupTime time.Duration
	// AnyEvery is how often is looked whether anybody has a subscription (2 s).
	AnyEvery time.Duration

	// Events is how many things to push may wait for the store (4,096).
	Events int
	// LanePushes is how many pushes may wait for one push service (4,096); half of
	// that is for calls alone.
	LanePushes int
	// LaneWorkers is how many are posted to one push service at once (8).
	LaneWorkers int
	// Lanes is to how many push services is posted at once (64).
	Lanes int

	// Rings reports whether a call still rings: it is asked before its ring is pushed
	// later than at once, since the end may have been another node's to push. nil:
	// all that this node has not heard the end of do.
	Rings func(ctx context.Context, callID string) (bool, error)

	// Now is the clock (time.Now).
	Now    func() time.Time
	Logger *slog.Logger
}

// noSubject is for sites that named nobody.
const noSubject = "mailto:nobody@example.invalid"

// Defaults fills what is unset.
func (c Config) Defaults() Config {
	set(&c.Subject, noSubject)
	set(&c.Timeout, 10*time.Second)
	set(&c.Tries, 4)
	set(&c.Backoff, time.Second)
	set(&c.MaxBackoff, time.Minute)
	set(&c.MessageTTL, 24*time.Hour)
	set(&c.LookupTime, 5*time.Second)
	set(&c.AnyEvery, 2*time.Second)
	set(&c.Events, 4096)
	set(&c.LanePushes, 4096)
	set(&c.LaneWorkers, 8)
	set(&c.Lanes, 64)
	if len(c.Hosts) == 0 {
		c.Hosts = Services
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
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
	if key, err := ParseKey(c.Key.Private, c.Key.Public); err != nil || key != c.Key {
		return errors.New("push: a VAPID key is required")
	}
	if !ValidSubject(c.Subject) {
		return errors.New("push: the subject has to be a mailto: or https: URL")
	}
	if _, err := parseHosts(c.Hosts); err != nil {
		return err
	}
	for _, n := range []int64{
		int64(c.Timeout), int64(c.Tries), int64(c.Backoff), int64(c.MaxBackoff), int64(c.MessageTTL), int64(c.LookupTime), int64(c.AnyEvery),
		int64(c.Events), int64(c.LanePushes), int64(c.LaneWorkers), int64(c.Lanes),
	} {
		if n < 0 {
			return errors.New("push: a time or bound can not be negative")
		}
	}
	return nil
}

// ValidSubject reports whether a subject is what push services take.
func ValidSubject(s string) bool {
	rest, mail := strings.CutPrefix(s, "mailto:")
	if mail {
		return strings.Contains(strings.Trim(rest, "@"), "@") && !strings.ContainsAny(rest, " \t\r\n")
	}
	return strings.HasPrefix(s, "https://") && len(s) > len("https://") && !strings.ContainsAny(s, " \t\r\n")
}

// CheckHosts says what is wrong with a list of push services.
func CheckHosts(patterns []string) error {
	_, err := parseHosts(patterns)
	return err
}
