// Package pushtest is what tests of pushes need: a push service that reads what
// it is given as a browser would, and the suite that every store of subscriptions
// passes.
package pushtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/push"
)

// Receiver is a push service and its browsers: it answers as it is told to, and
// decrypts and checks all that it takes.
type Receiver struct {
	URL string // its origin

	t        *testing.T
	key      string // the public half of the VAPID key that it insists on
	mu       sync.Mutex
	browsers map[string]*browser // by path
	// Answer decides what a push is answered: a status, and headers that it may
	// set. nil, or 0: 201. It may block.
	answer func(p Push, h http.Header) int
	got    chan Push
}

type browser struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// Push is one that was accepted.
type Push struct {
	Endpoint string
	TTL      string
	Urgency  string
	Topic    string
	Subject  string // of the VAPID token
	Data     map[string]any
}

// Is is the type of what it carries.
func (p Push) Is() string { return fmt.Sprint(p.Data["type"]) }

// NewReceiver starts a push service that lasts as long as the test. key is the
// public VAPID key that pushes have to be signed with.
func NewReceiver(t *testing.T, key string) *Receiver {
	t.Helper()
	r := &Receiver{t: t, key: key, browsers: map[string]*browser{}, got: make(chan Push, 4096)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Answers sets what pushes are answered.
func (r *Receiver) Answers(f func(p Push, h http.Header) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// Browser makes a browser and its subscription.
func (r *Receiver) Browser() push.Subscription {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	b := &browser{private: private, auth: make([]byte, 16)}
	_, _ = rand.Read(b.auth)
	name := make([]byte, 32)
	_, _ = rand.Read(name)
	path := "/wpush/v2/" + base64.RawURLEncoding.EncodeToString(name)
	r.mu.Lock()
	r.browsers[path] = b
	r.mu.Unlock()
	return push.Subscription{
		Endpoint: r.URL + path,
		Keys:     push.Keys{P256dh: base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes()), Auth: base64.RawURLEncoding.EncodeToString(b.auth)},
	}
}

// ServeHTTP takes a push (RFC 8030 §5).
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p, err := r.read(req)
	if err != nil {
		r.t.Errorf("a push that is none: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	status := http.StatusCreated
	if answer != nil {
		if n := answer(p, w.Header()); n != 0 {
			status = n
		}
	}
	if status == http.StatusCreated {
		r.got <- p
	}
	w.WriteHeader(status)
}

// Next waits for the next push that was accepted.
func (r *Receiver) Next() Push {
	r.t.Helper()
	select {
	case p := <-r.got:
		return p
	case <-time.After(10 * time.Second):
		r.t.Fatal("no push came")
		return Push{}
	}
}

// Pending is how many were accepted and not read by Next.
func (r *Receiver) Pending() int { return len(r.got) }

func (r *Receiver) read(req *http.Request) (Push, error) {
	r.mu.Lock()
	b := r.browsers[req.URL.Path]
	r.mu.Unlock()
	if b == nil {
		return Push{}, fmt.Errorf("no browser at %s", req.URL.Path)
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Encoding") != "aes128gcm" {
		return Push{}, errors.New("not a POST of aes128gcm")
	}
	p := Push{Endpoint: r.URL + req.URL.Path, TTL: req.Header.Get("TTL"), Urgency: req.Header.Get("Urgency"), Topic: req.Header.Get("Topic")}
	if len(p.Topic) > 32 || strings.Trim(p.Topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return p, fmt.Errorf("topic %q", p.Topic)
	}
	var err error
	if p.Subject, err = r.checkToken(req.Header.Get("Authorization")); err != nil {
		return p, err
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, 8<<10))
	if err != nil {
		return p, err
	}
	if len(body) > 4096 { // RFC 8030 §7.2
		return p, fmt.Errorf("%d bytes", len(body))
	}
	text, err := b.decrypt(body)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p.Data)
}

// checkToken checks a VAPID token (RFC 8292 §2, §3).
func (r *Receiver) checkToken(header string) (subject string, err error) {
	var token, key string
	rest, ok := strings.CutPrefix(header, "vapid ")
	for part := range strings.SplitSeq(rest, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return "", errors.New("no VAPID token")
	}
	if key != r.key {
		return "", errors.New("signed with another site's key")
	}
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return "", err
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return "", errors.New("a broken token")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return "", errors.New("a token with a wrong signature")
	}
	var claims struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", err
	}
	if left := time.Until(time.Unix(claims.Exp, 0)); claims.Aud != r.URL || left <= 0 || left > 24*time.Hour {
		return "", fmt.Errorf("a token for %s, good for %v", claims.Aud, left)
	}
	return claims.Sub, nil
}

// decrypt reads one record of aes128gcm (RFC 8188 §2, RFC 8291 §3).
func (b *browser) decrypt(body []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("a short record")
	}
	salt, size, theirs, sealed := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])], body[21+int(body[20]):]
	if uint32(len(sealed)) > size {
		return nil, errors.New("more than one record")
	}
	public, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil {
		return nil, err
	}
	secret, err := b.private.ECDH(public)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(b.private.PublicKey().Bytes()) + string(theirs)
	ikm, err := hkdf.Key(sha256.New, secret, b.auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	plain = []byte(strings.TrimRight(string(plain), "\x00"))
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("not the last record")
	}
	return plain[:len(plain)-1], nil
}
