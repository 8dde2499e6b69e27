package push

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrKey: a VAPID key is none, or not the other's half.
var ErrKey = errors.New("push: not a VAPID key")

// Key is what a site proves to push services with who it is (RFC 8292). Browsers
// subscribe for one such key: with another one their subscriptions are worth
// nothing, so it should stay. It is P-256, both halves in base64url.
type Key struct {
	Private string // 32 bytes; secret
	Public  string // 65 bytes, uncompressed
}

// String shows the public half only.
func (k Key) String() string { return k.Public }

// GoString does, too.
func (k Key) GoString() string { return "push.Key{" + strconv.Quote(k.Public) + "}" }

// NewKey makes a key.
func NewKey() (Key, error) {
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("push: making a VAPID key: %w", err)
	}
	return keyOf(k), nil
}

// ParseKey reads the private half, as tools for Web Push print it, and checks it
// against the public one if that is given.
func ParseKey(private, public string) (Key, error) {
	b, err := decode64(strings.TrimSpace(private))
	if err != nil {
		return Key{}, fmt.Errorf("%w: the private one has to be base64url", ErrKey)
	}
	k, err := ecdh.P256().NewPrivateKey(b)
	if err != nil {
		return Key{}, fmt.Errorf("%w: the private one has to be the 32 bytes of a P-256 key in base64url", ErrKey)
	}
	key := keyOf(k)
	if public = strings.TrimSpace(public); public != "" {
		if given, err := decode64(public); err != nil || base64.RawURLEncoding.EncodeToString(given) != key.Public {
			return Key{}, fmt.Errorf("%w: the public one does not belong to the private one", ErrKey)
		}
	}
	return key, nil
}

// DeriveKey makes the key that belongs to a secret: nodes that share one agree
// without asking each other, and no store can lose it.
func DeriveKey(secret []byte) (Key, error) {
	for try := range 16 { // all but one in 2^32 are keys
		b, err := hkdf.Key(sha256.New, secret, nil, "tandem vapid "+strconv.Itoa(try), 32)
		if err != nil {
			return Key{}, fmt.Errorf("push: deriving a VAPID key: %w", err)
		}
		if k, err := ecdh.P256().NewPrivateKey(b); err == nil {
			return keyOf(k), nil
		}
	}
	return Key{}, fmt.Errorf("%w: none could be derived", ErrKey)
}

// LoadKey reads the key in a file; if there is none it makes one and keeps it
// there, for its owner alone. Two processes that do so at once end up with the
// same one.
func LoadKey(path string) (Key, error) {
	if key, err := readKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err := NewKey()
	if err != nil {
		return Key{}, err
	}
	// Whole or not at all: a link to a file that is finished, made only if the
	// name is free.
	f, err := os.CreateTemp(filepath.Dir(path), ".vapid-*")
	if err != nil {
		return Key{}, fmt.Errorf("push: keeping the VAPID key: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has another name, or is of no use
	_, err = f.WriteString(key.Private + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return readKey(path)
	case err != nil:
		return Key{}, fmt.Errorf("push: keeping the VAPID key: %w", err)
	}
	return key, nil
}

func readKey(path string) (Key, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return Key{}, fmt.Errorf("push: reading the VAPID key: %w", err)
	}
	key, err := ParseKey(string(b), "")
	if err != nil {
		return Key{}, fmt.Errorf("%w (in %s)", err, path)
	}
	return key, nil
}

func keyOf(k *ecdh.PrivateKey) Key {
	return Key{Private: base64.RawURLEncoding.EncodeToString(k.Bytes()), Public: base64.RawURLEncoding.EncodeToString(k.PublicKey().Bytes())}
}
