package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// asymmetric lists the algorithms that JWKS keys may be used with.
var asymmetric = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
	"ES256", "ES384", "ES512", "EdDSA",
}

// keySet is the public keys of one JWKS URL.
type keySet struct {
	keys keyfunc.Keyfunc
}

const (
	maxKeySetBytes  = 1 << 20          // of one answer of the JWKS URL
	keyFetchTimeout = 10 * time.Second // for one fetch
	keyRefresh      = time.Hour
	keyRefreshMin   = time.Minute            // between fetches that unknown key ids cause
	keyRefreshWait  = 100 * time.Millisecond // how long an unknown key id may wait for its turn
)

func newKeySet(ctx context.Context, cfg Config) (*keySet, error) {
	client := cfg.HTTPClient
	if client == nil {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: keyFetchTimeout, DisableKeepAlives: true}
		client = &http.Client{Timeout: keyFetchTimeout, Transport: limitBody{transport}}
	}
	shown := redactedURL(cfg.JWKSURL)
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{cfg.JWKSURL}, keyfunc.Override{
		Client:            client,
		HTTPTimeout:       keyFetchTimeout,
		RateLimitWaitMax:  keyRefreshWait,
		RefreshInterval:   keyRefresh,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(keyRefreshMin), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				cfg.Logger.WarnContext(ctx, "could not fetch the token keys", "url", shown, "error", withoutURL(err))
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("auth: keys of %s: %w", shown, withoutURL(err))
	}
	return &keySet{keys: keys}, nil
}

// key finds the public key for a token; never a symmetric one.
func (s *keySet) key(ctx context.Context, t *jwt.Token) (any, error) {
	if kid, ok := t.Header[jwkset.HeaderKID]; ok {
		if _, ok := kid.(string); !ok {
			return nil, ErrInvalidToken
		}
	}
	key, err := s.keys.KeyfuncCtx(ctx)(t)
	if err == nil {
		return publicOnly(key)
	}
	// Never fetched: the token can not be judged.
	if all, allErr := s.keys.Storage().KeyReadAll(ctx); allErr != nil || len(all) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrKeysUnavailable, withoutURL(err).Error())
	}
	return nil, fmt.Errorf("%w: %s", ErrInvalidToken, withoutURL(err).Error())
}

// publicOnly drops symmetric keys that a JWKS may hold: whoever reads the set
// could sign with them.
func publicOnly(key any) (any, error) {
	switch k := key.(type) {
	case []byte:
		return nil, ErrInvalidToken
	case jwt.VerificationKeySet:
		public := jwt.VerificationKeySet{Keys: make([]jwt.VerificationKey, 0, len(k.Keys))}
		for _, one := range k.Keys {
			if _, secret := one.([]byte); !secret {
				public.Keys = append(public.Keys, one)
			}
		}
		if len(public.Keys) == 0 {
			return nil, ErrKeysUnavailable
		}
		return public, nil
	}
	return key, nil
}

// redactedURL is scheme, host and path: a query may hold an API key.
func redactedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "the JWKS URL"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// withoutURL takes the URL out of net/http's errors.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// limitBody bounds the answers that are read into memory.
type limitBody struct{ next http.RoundTripper }

func (l limitBody) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxKeySetBytes), res.Body}
	}
	return res, err
}
