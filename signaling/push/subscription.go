package push

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// MaxEndpoint is the longest URL of a subscription, in bytes; those of the
	// push services are a few hundred.
	MaxEndpoint = 2048
	// MaxDevice is the longest id of a device, in bytes.
	MaxDevice = 128
	// MaxPerUser is how many browsers of a user get pushes: of one more, the one
	// that was registered longest ago is forgotten.
	MaxPerUser = 20
	// Keep is how long a subscription is kept that nobody registers again; a page
	// does so whenever it is opened.
	Keep = 180 * 24 * time.Hour
)

// ErrSubscription: what a client calls a subscription is none.
var ErrSubscription = errors.New("push: not a subscription")

// Subscription is where one browser of a user gets pushes: the JSON form of the
// W3C's PushSubscription, and which device it is.
type Subscription struct {
	// Endpoint is the https URL to post to. No two subscriptions have the same:
	// who registers it takes it from whoever had it.
	Endpoint string `json:"endpoint"`
	Keys     Keys   `json:"keys"`
	// Device is the browser, by a name of its own that outlives the endpoint; ""
	// is replaced by one made of the endpoint.
	Device string `json:"device,omitempty"`
	// Since is when it was registered, by the store's clock.
	Since time.Time `json:"since,omitzero"`
}

// Keys encrypt what only the browser may read (RFC 8291 §2), in base64url.
type Keys struct {
	P256dh string `json:"p256dh"` // point on P-256, uncompressed: 65 bytes
	Auth   string `json:"auth"`   // secret of 16 bytes
}

// Store keeps subscriptions.
type Store interface {
	// Put registers a subscription, in place of those with its device (of the
	// same user) or its endpoint (of anybody), and forgets the oldest of the user
	// above MaxPerUser.
	Put(ctx context.Context, user string, s Subscription) error
	// List has the user's subscriptions, those that were registered last first.
	List(ctx context.Context, user string) ([]Subscription, error)
	// Remove forgets the subscription of the user with that endpoint; removed
	// reports whether there was one.
	Remove(ctx context.Context, user, endpoint string) (removed bool, err error)
	// Any reports whether anybody may have a subscription. It may go on saying so
	// when there is none any more.
	Any(ctx context.Context) (bool, error)
}

// normalize checks the subscription and brings keys into one form.
func (s *Subscription) normalize() error {
	if _, err := endpointURL(s.Endpoint); err != nil {
		return err
	}
	point, err := decode64(s.Keys.P256dh)
	if err != nil {
		return fmt.Errorf("keys.p256dh: %w", err)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return errors.New("keys.p256dh is no point on P-256")
	}
	secret, err := decode64(s.Keys.Auth)
	if err != nil || len(secret) != 16 {
		return errors.New("keys.auth is no secret of 16 bytes")
	}
	s.Keys = Keys{P256dh: base64.RawURLEncoding.EncodeToString(point), Auth: base64.RawURLEncoding.EncodeToString(secret)}
	if len(s.Device) > MaxDevice || strings.ContainsFunc(s.Device, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return errors.New("device is no name of one")
	}
	if s.Device == "" {
		s.Device = "e-" + hash(s.Endpoint)
	}
	return nil
}

// endpointURL reads an endpoint. Which hosts it may name is not decided here.
func endpointURL(endpoint string) (*url.URL, error) {
	if endpoint == "" || len(endpoint) > MaxEndpoint {
		return nil, errors.New("endpoint is missing or too long")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, errors.New("endpoint is no URL of a push service")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("endpoint is not https")
	}
	return u, nil
}

// decode64 reads base64 in any of the forms that clients send.
func decode64(s string) ([]byte, error) {
	if len(s) > 128 {
		return nil, errors.New("too long")
	}
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}

// hash is a short name for something longer, of the letters that a Topic may have
// (RFC 8030 §5.4: at most 32 of base64url).
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
