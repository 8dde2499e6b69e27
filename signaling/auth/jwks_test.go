package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

type jwk map[string]string

func rsaJWK(kid, alg string, k *rsa.PublicKey) jwk {
	j := jwk{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	if alg != "" {
		j["alg"] = alg
	}
	return j
}

// keyServer serves a JWKS that can be changed and taken away.
type keyServer struct {
	*httptest.Server
	keys    atomic.Pointer[[]jwk]
	down    atomic.Bool
	fetches atomic.Int32
}

func newKeyServer(t *testing.T, keys ...jwk) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.keys.Store(&keys)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		if s.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": *s.keys.Load()})
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) verifier(t *testing.T, change func(*Config)) *Verifier {
	t.Helper()
	return newVerifier(t, func(c *Config) {
		c.Secret, c.JWKSURL, c.HTTPClient = "", s.URL+"/jwks?key=hidden", s.Client()
		if change != nil {
			change(c)
		}
	})
}

func TestI3_JWKSAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPub, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ecKey.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	shared := "a symmetric key that everybody can read in the set"
	s := newKeyServer(t,
		rsaJWK("rsa", "", &rsaKey.PublicKey),
		rsaJWK("rs256", "RS256", &rsaKey.PublicKey),
		jwk{"kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(point[1:33]), "y": b64(point[33:])},
		jwk{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(edPub)},
		jwk{"kty": "oct", "kid": "oct", "k": b64([]byte(shared))},
	)
	v := s.verifier(t, nil)
	both := s.verifier(t, func(c *Config) { c.Secret = testSecret })
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := jwt.MapClaims{"sub": "alice"}
	for _, tt := range []struct {
		name  string
		token string
		ok    bool
	}{
		{"RS256", sign(t, jwt.SigningMethodRS256, rsaKey, "rsa", c), true},
		{"RS512", sign(t, jwt.SigningMethodRS512, rsaKey, "rsa", c), true},
		{"PS256", sign(t, jwt.SigningMethodPS256, rsaKey, "rsa", c), true},
		{"ES256", sign(t, jwt.SigningMethodES256, ecKey, "ec", c), true},
		{"EdDSA", sign(t, jwt.SigningMethodEdDSA, edKey, "ed", c), true},
		{"no key id", sign(t, jwt.SigningMethodES256, ecKey, "", c), true},
		{"the key's own algorithm", sign(t, jwt.SigningMethodRS256, rsaKey, "rs256", c), true},
		{"another than the key's own", sign(t, jwt.SigningMethodRS384, rsaKey, "rs256", c), false},
		{"another key of that id", sign(t, jwt.SigningMethodRS256, stranger, "rsa", c), false},
		{"a key of another kind", sign(t, jwt.SigningMethodRS256, rsaKey, "ec", c), false},
		{"HS256 with the public key", sign(t, jwt.SigningMethodHS256, publicPEM, "rsa", c), false},
		{"HS256 with the modulus", sign(t, jwt.SigningMethodHS256, rsaKey.N.Bytes(), "rsa", c), false},
		{"HS256 with the set's symmetric key", sign(t, jwt.SigningMethodHS256, []byte(shared), "oct", c), false},
		{"HS512 with the set's symmetric key", sign(t, jwt.SigningMethodHS512, []byte(shared), "oct", c), false},
		{"none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "rsa", c), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range []*Verifier{v, both} {
				id, err := v.Verify(context.Background(), tt.token)
				if tt.ok && (err != nil || id.User != "alice") || !tt.ok && !errors.Is(err, ErrInvalidToken) {
					t.Fatalf("%+v %v", id, err)
				}
			}
		})
	}
	if _, err := both.Verify(context.Background(), signHS(t, c)); err != nil {
		t.Fatalf("the secret beside the keys: %v", err)
	}
}

func TestI3_JWKSRotation(t *testing.T) {
	old, _ := rsa.GenerateKey(rand.Reader, 2048)
	fresh, _ := rsa.GenerateKey(rand.Reader, 2048)
	s := newKeyServer(t, rsaJWK("1", "", &old.PublicKey))
	v := s.verifier(t, nil)
	keys := []jwk{rsaJWK("2", "", &fresh.PublicKey)}
	s.keys.Store(&keys)
	c := jwt.MapClaims{"sub": "alice"}
	if _, err := v.Verify(context.Background(), sign(t, jwt.SigningMethodRS256, fresh, "2", c)); err != nil {
		t.Fatalf("a new key: %v", err)
	}
	before := s.fetches.Load()
	for range 5 { // invented key ids do not hammer the key server
		if _, err := v.Verify(context.Background(), sign(t, jwt.SigningMethodRS256, old, "3", c)); !errors.Is(err, ErrInvalidToken) {
			t.Fatalf("an unknown key: %v", err)
		}
	}
	if n := s.fetches.Load() - before; n > 1 {
		t.Fatalf("%d fetches for invented key ids", n)
	}
}

func TestI3_JWKSAway(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	s := newKeyServer(t, rsaJWK("1", "", &key.PublicKey))
	s.down.Store(true)
	v := s.verifier(t, nil)
	token := sign(t, jwt.SigningMethodRS256, key, "1", jwt.MapClaims{"sub": "alice"})
	_, err := v.Verify(context.Background(), token)
	if !errors.Is(err, ErrKeysUnavailable) {
		t.Fatalf("keys away: %v", err)
	}
	if p, _ := wire.ProblemOf(err); p.Code != wire.CodeUnavailable {
		t.Fatalf("a client would see %s", p.Code)
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Fatalf("the URL's query is in %q", err)
	}
}
