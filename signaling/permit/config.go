package permit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Config of an Asker. Zero values take the defaults named.
type Config struct {
	// URL is the endpoint, http or https; Secret signs what is sent to it, as
	// Standard Webhooks has it: whsec_ and base64, or a text of at least 16 bytes
	// that is taken as it is.
	URL, Secret string
	// Timeout is how long an answer may take, all in all (2 s).
	Timeout time.Duration
	// TTL and DenyTTL are how long a yes and a no are remembered (1 min, 10 s);
	// negative: not at all.
	TTL, DenyTTL time.Duration
	// FailOpen allows what nobody has answered. By default it is refused: a rule
	// that holds only while its server is up can be broken by taking it down.
	FailOpen bool
	// Remember bounds the answers that are remembered (50,000), Concurrency the
	// questions at the endpoint at one time (64), Waiting all that are on their
	// way (4096).
	Remember, Concurrency, Waiting int
	// After Failures failed questions in a row (5) the endpoint is left alone for
	// Rest (5 s); then one question finds out whether it is back.
	Failures int
	Rest     time.Duration

	Now    func() time.Time
	Logger *slog.Logger
}

// minSecret is how long a secret has to be, in bytes.
const minSecret = 16

// prepare fills in defaults, checks the rest, and returns the key.
func (c *Config) prepare() ([]byte, error) {
	dur := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	dur(&c.Timeout, 2*time.Second)
	dur(&c.TTL, time.Minute)
	dur(&c.DenyTTL, 10*time.Second)
	dur(&c.Rest, 5*time.Second)
	num(&c.Remember, 50_000)
	num(&c.Concurrency, 64)
	num(&c.Waiting, 4096)
	num(&c.Failures, 5)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("permit: the endpoint is not an http or https URL") // which may hold a password
	}
	if c.Timeout < 0 || c.Rest < 0 {
		return nil, errors.New("permit: a time can not be negative")
	}
	if c.Remember < 0 || c.Concurrency < 0 || c.Waiting < 0 || c.Failures < 0 {
		return nil, errors.New("permit: a limit can not be negative")
	}
	return Key(c.Secret)
}

// Validate reports what makes no sense.
func (c Config) Validate() error {
	_, err := c.prepare()
	return err
}

// Key reads a secret: whsec_ and base64 (Standard Webhooks), or any other text.
func Key(secret string) ([]byte, error) {
	key := []byte(secret)
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(rest); err != nil {
			return nil, errors.New("permit: what stands behind whsec_ is not base64")
		}
	}
	if len(key) < minSecret {
		return nil, fmt.Errorf("permit: the secret has to have at least %d bytes", minSecret)
	}
	return key, nil
}
