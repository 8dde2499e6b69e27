package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ShortSecret is the length in bytes below which a secret is reported as weak
// (RFC 7518 §3.2 wants as many bits as the hash has). It still works: existing
// deployments have such secrets.
const ShortSecret = 32

// Config says whose tokens are believed. The zero value makes an open verifier.
type Config struct {
	// Secret is the HS256 key; "" refuses HS256.
	Secret string
	// JWKSURL is where public keys come from (RFC 7517 §5), fetched at start,
	// every hour, and (at most once a minute) when an unknown key id shows up.
	JWKSURL string
	// UserClaim names the claim with the user id; "" is userId, then sub.
	UserClaim string
	// Audience and Issuer, where set, must be in aud and equal iss.
	Audience string
	Issuer   string
	// CookieName is the cookie that may hold the token; default "jwt".
	CookieName string
	// Leeway is how far clocks may differ for exp and nbf; zero is not at all.
	Leeway time.Duration
	// Insecure makes an open verifier trust clients on other machines too.
	Insecure bool

	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger hears of failing key refreshes; default slog.Default().
	Logger *slog.Logger
	// HTTPClient fetches the keys; default: one with a 10 s timeout.
	HTTPClient *http.Client
}

// Defaults fills what is unset.
func (c Config) Defaults() Config {
	if c.CookieName == "" {
		c.CookieName = "jwt"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Validate says what is wrong with the configuration, in words for the person
// who wrote it.
func (c Config) Validate() error {
	if c.Insecure && (c.Secret != "" || c.JWKSURL != "") {
		return errors.New("auth: trusting user ids without tokens contradicts a secret or a JWKS URL: give one or the other")
	}
	if c.Leeway < 0 {
		return errors.New("auth: the leeway can not be negative")
	}
	if c.JWKSURL == "" {
		return nil
	}
	u, err := url.Parse(c.JWKSURL)
	if err != nil || u.Host == "" {
		return errors.New("auth: the JWKS URL is not a URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(u.Hostname())) {
		return fmt.Errorf("auth: the JWKS URL must be https (or http on this machine), not %q: whoever changes the keys on the way can be anybody", u.Scheme)
	}
	return nil
}

// loopbackName reports whether host (no port, no brackets) is this machine.
func loopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
