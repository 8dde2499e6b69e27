package mongo

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Config is where the server is and how long it may take.
type Config struct {
	// URI as MongoDB's programs take it; the database is that of its path,
	// "test" if it names none, as for Mongoose.
	URI string
	// Timeout is how long one thing asked of the store may take.
	Timeout time.Duration
	// SelectTimeout is how long a server is looked for before what needs it
	// fails: short, since people wait.
	SelectTimeout time.Duration
	// MendEvery is how often what dead nodes left undone is looked for, and
	// MendAfter how long something may be under way before it counts as that.
	MendEvery, MendAfter time.Duration
	Logger               *slog.Logger
}

// DefaultConfig returns the documented defaults for a server.
func DefaultConfig(uri string) Config {
	return Config{
		URI: uri, Timeout: 8 * time.Second, SelectTimeout: 2 * time.Second, MendEvery: 5 * time.Second, MendAfter: 20 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var errs []error
	if !strings.HasPrefix(c.URI, "mongodb://") && !strings.HasPrefix(c.URI, "mongodb+srv://") {
		errs = append(errs, errors.New("chat/mongo: the URI must begin with mongodb:// or mongodb+srv://"))
	}
	for name, d := range map[string]time.Duration{
		"timeout": c.Timeout, "timeout of selection": c.SelectTimeout, "interval of mending": c.MendEvery, "delay of mending": c.MendAfter,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("chat/mongo: the %s, %v, must be positive", name, d))
		}
	}
	if c.MendAfter < 2*c.Timeout {
		errs = append(errs, fmt.Errorf("chat/mongo: what is under way for %v may not be mended after %v", c.Timeout, c.MendAfter))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("chat/mongo: there is no logger"))
	}
	return errors.Join(errs...)
}

// database is the name in the path of the URI.
func (c Config) database() string {
	_, rest, _ := strings.Cut(c.URI, "://")
	_, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(path, "?")
	if name == "" {
		return "test"
	}
	return name
}

// withoutSecrets is an error about the URI that does not repeat who signs in.
func (c Config) withoutSecrets(err error) error {
	_, rest, _ := strings.Cut(c.URI, "://")
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		for _, secret := range strings.Split(rest[:i], ":") {
			if secret != "" && strings.Contains(err.Error(), secret) {
				return errors.New("the URI can not be read")
			}
		}
	}
	return err
}

// Place is where messages are, for people: servers and database, without who
// signs in.
func (c Config) Place() string {
	_, rest, _ := strings.Cut(c.URI, "://")
	hosts, _, _ := strings.Cut(rest, "/")
	hosts = hosts[strings.LastIndexByte(hosts, '@')+1:]
	hosts, _, _ = strings.Cut(hosts, "?")
	return "database " + c.database() + " of " + hosts
}
