package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken is the longest token that is looked at, in bytes.
const MaxToken = 16 << 10

// Verifier checks tokens. It is safe for concurrent use and keeps no tokens.
type Verifier struct {
	cfg       Config
	hmac      *hs256         // nil without a secret
	validator *jwt.Validator // of times, audience and issuer
	keys      *keySet        // nil without a JWKS URL
	parser    *jwt.Parser    // for tokens that are not HS256: it knows no HMAC
}

// New makes a verifier. With a JWKS URL it fetches the keys at once (a failure
// is logged, not returned: the next unknown key id tries again) and refreshes
// them on a goroutine that ends with ctx.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	cfg = cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	v := &Verifier{cfg: cfg}
	if cfg.Secret != "" {
		v.hmac = newHS256(cfg.Secret)
	}
	if cfg.JWKSURL != "" {
		keys, err := newKeySet(ctx, cfg)
		if err != nil {
			return nil, err
		}
		v.keys = keys
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(asymmetric),
		jwt.WithLeeway(cfg.Leeway),
		jwt.WithTimeFunc(cfg.Now),
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	v.parser = jwt.NewParser(options...)
	v.validator = jwt.NewValidator(options...)
	return v, nil
}

// Open reports whether the verifier has neither secret nor keys and so trusts
// the user id of the query.
func (v *Verifier) Open() bool { return v.hmac == nil && v.keys == nil }

// Insecure reports whether user ids are trusted from other machines too.
func (v *Verifier) Insecure() bool { return v.Open() && v.cfg.Insecure }

// Leeway is how long after Identity.Expires a session may go on.
func (v *Verifier) Leeway() time.Duration { return v.cfg.Leeway }

// Verify checks one token and returns whose it is. Errors wrap ErrNoToken,
// ErrInvalidToken, ErrTokenExpired or ErrKeysUnavailable. An open verifier
// can verify nothing and refuses every token.
func (v *Verifier) Verify(ctx context.Context, token string) (*Identity, error) {
	switch {
	case token == "":
		return nil, ErrNoToken
	case len(token) > MaxToken:
		return nil, fmt.Errorf("auth: token of %d bytes: %w", len(token), ErrInvalidToken)
	case v.Open():
		return nil, fmt.Errorf("auth: no secret and no keys: %w", ErrInvalidToken)
	}
	parts, err := split(token)
	if err != nil {
		return nil, err
	}
	// The algorithm alone decides which key is asked: an HMAC token never sees a
	// public key and the other way round (RFC 8725 §3.1).
	if parts.hs256 {
		return v.verifyHS256(parts)
	}
	if v.keys == nil {
		return nil, fmt.Errorf("%w: not HS256", ErrInvalidToken)
	}
	c := claims{userClaim: v.cfg.UserClaim}
	key := func(t *jwt.Token) (any, error) { return v.keys.key(ctx, t) }
	if _, err := v.parser.ParseWithClaims(token, &c, key); err != nil {
		return nil, refused(err)
	}
	return c.identity()
}

// refused turns the library's error into one of ours. The library's texts hold
// no part of the token's signature or of the secret.
func refused(err error) error {
	switch {
	case errors.Is(err, ErrKeysUnavailable):
		return fmt.Errorf("%w: %s", ErrKeysUnavailable, err.Error())
	case errors.Is(err, jwt.ErrTokenExpired):
		return fmt.Errorf("%w: %s", ErrTokenExpired, err.Error())
	}
	return fmt.Errorf("%w: %s", ErrInvalidToken, err.Error())
}
