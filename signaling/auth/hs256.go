package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// hs256 checks HMAC-SHA-256 signatures (RFC 7518 §3.2). Every connect passes
// here, so it decodes into the stack and keeps keyed hashes for reuse.
type hs256 struct {
	hashes sync.Pool // of hash.Hash, keyed
}

func newHS256(secret string) *hs256 {
	key := []byte(secret)
	return &hs256{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// check verifies the signature over signed ("header.payload").
func (h *hs256) check(signed, signature string) error {
	var given [sha256.Size]byte
	if base64.RawURLEncoding.DecodedLen(len(signature)) != len(given) {
		return fmt.Errorf("%w: signature has a wrong length", ErrInvalidToken)
	}
	if n, err := base64.RawURLEncoding.Decode(given[:], []byte(signature)); err != nil || n != len(given) {
		return fmt.Errorf("%w: signature is not base64", ErrInvalidToken)
	}
	mac, _ := h.hashes.Get().(hash.Hash)
	mac.Reset()
	mac.Write([]byte(signed)) // a hash never fails
	var want [sha256.Size]byte
	mac.Sum(want[:0])
	h.hashes.Put(mac)
	if !hmac.Equal(given[:], want[:]) {
		return fmt.Errorf("%w: signature does not match", ErrInvalidToken)
	}
	return nil
}

// verifyHS256 is Verify for a token whose header says HS256.
func (v *Verifier) verifyHS256(parts tokenParts) (*Identity, error) {
	if v.hmac == nil {
		return nil, fmt.Errorf("%w: HS256 without a secret", ErrInvalidToken)
	}
	if err := v.hmac.check(parts.signed, parts.signature); err != nil {
		return nil, err
	}
	var room [1024]byte
	payload, err := base64.RawURLEncoding.AppendDecode(room[:0], []byte(parts.payload))
	if err != nil {
		return nil, fmt.Errorf("%w: payload is not base64", ErrInvalidToken)
	}
	c := claims{userClaim: v.cfg.UserClaim}
	if err := c.UnmarshalJSON(payload); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalidToken, err.Error())
	}
	if err := v.validator.Validate(&c); err != nil {
		return nil, refused(err)
	}
	return c.identity()
}

// tokenParts is a token in the JWS compact form (RFC 7515 §7.1).
type tokenParts struct {
	signed    string // header.payload
	payload   string
	signature string
	hs256     bool // what the header's alg says
}

// split takes a token apart and reads its header.
func split(token string) (tokenParts, error) {
	header, rest, ok := strings.Cut(token, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(signature, ".") {
		return tokenParts{}, fmt.Errorf("%w: not three parts", ErrInvalidToken)
	}
	p := tokenParts{signed: token[:len(header)+1+len(payload)], payload: payload, signature: signature}
	var room [256]byte
	raw, err := base64.RawURLEncoding.AppendDecode(room[:0], []byte(header))
	if err != nil {
		return tokenParts{}, fmt.Errorf("%w: header is not base64", ErrInvalidToken)
	}
	critical := false
	err = rawjson.Object(raw, func(key, value []byte) bool {
		switch string(key) {
		case "alg":
			p.hs256 = string(value) == `"HS256"`
		case "crit":
			critical = true
		}
		return true
	})
	switch {
	case err != nil:
		return tokenParts{}, fmt.Errorf("%w: header is not an object", ErrInvalidToken)
	case critical: // RFC 7515 §4.1.11: what must be understood is not
		return tokenParts{}, fmt.Errorf("%w: header has critical extensions", ErrInvalidToken)
	}
	return p, nil
}
