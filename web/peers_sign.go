package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Headers between nodes (P9).
const (
	headerPeerTime      = "X-Tandem-Time"      // the cluster's clock, Unix milliseconds
	headerPeerHop       = "X-Tandem-Hop"       // always 1
	headerPeerNonce     = "X-Tandem-Nonce"     // run of the sender and number of the request, 32 hex digits "." decimal
	headerPeerSignature = "X-Tandem-Signature" // HMAC-SHA256, 64 hex digits
	headerPeerRefused   = "X-Tandem-Refused"   // in the answer of a listener that did not believe the request: the code
)

// peerSkew is how far a request's time may be from the cluster's clock.
const peerSkew = 60 * time.Second

// Why a listener refuses.
var (
	errPeerSignature = errors.New("web: signature of a node is missing or wrong")
	errPeerTime      = errors.New("web: a node's request is of another time")
	errPeerReplay    = errors.New("web: a node's request came twice")
	errPeerLoop      = errors.New("web: a node passed on what was passed on to it")
)

// peerClaim is what the headers of a request between nodes say.
type peerClaim struct {
	at        time.Time
	hop       int
	run       string // of the sender: random, made at its start
	seq       uint64 // from 1, one up with every request of the run
	signature [sha256.Size]byte
}

// readPeerClaim reads the headers. What is not exactly in the form that nodes
// write is no signature: two spellings of one claim must not count as two.
func readPeerClaim(h http.Header) (c peerClaim, err error) {
	one := func(name string) string {
		if v := h[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	ms, err := strconv.ParseInt(one(headerPeerTime), 10, 64)
	if err != nil || strconv.FormatInt(ms, 10) != one(headerPeerTime) {
		return c, fmt.Errorf("%w: %s", errPeerSignature, headerPeerTime)
	}
	c.at = time.UnixMilli(ms)
	run, seq, _ := strings.Cut(one(headerPeerNonce), ".")
	if c.seq, err = strconv.ParseUint(seq, 10, 64); err != nil || c.seq == 0 || strconv.FormatUint(c.seq, 10) != seq || !lowerHex(run, 32) {
		return c, fmt.Errorf("%w: %s", errPeerSignature, headerPeerNonce)
	}
	c.run = run
	hop := one(headerPeerHop)
	if c.hop, err = strconv.Atoi(hop); err != nil || c.hop < 0 || strconv.Itoa(c.hop) != hop {
		return c, fmt.Errorf("%w: %s", errPeerSignature, headerPeerHop)
	}
	sig := one(headerPeerSignature)
	if !lowerHex(sig, 2*sha256.Size) {
		return c, fmt.Errorf("%w: %s", errPeerSignature, headerPeerSignature)
	}
	_, err = hex.Decode(c.signature[:], []byte(sig))
	return c, err
}

func lowerHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// write sets the headers.
func (c *peerClaim) write(h http.Header) {
	h.Set(headerPeerTime, strconv.FormatInt(c.at.UnixMilli(), 10))
	h.Set(headerPeerHop, strconv.Itoa(c.hop))
	h.Set(headerPeerNonce, c.run+"."+strconv.FormatUint(c.seq, 10))
	h.Set(headerPeerSignature, hex.EncodeToString(c.signature[:]))
}

// sign is the signature of a request: every part ends with a line feed, which
// none of them can contain.
func (c *peerClaim) sign(key []byte, method, uri string, body []byte) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(m, "tandem-peer-1\n%s\n%s\n%d\n%d\n%s.%d\n%x\n",
		method, uri, c.at.UnixMilli(), c.hop, c.run, c.seq, sha256.Sum256(body)) // a hash never fails
	m.Sum(sum[:0])
	return sum
}

// timely says whether the request is of this minute.
func (c *peerClaim) timely(now time.Time) error {
	if d := now.Sub(c.at); d > peerSkew || d < -peerSkew {
		return fmt.Errorf("%w: %v off", errPeerTime, d)
	}
	return nil
}

// verify checks the signature.
func (c *peerClaim) verify(key []byte, method, uri string, body []byte) error {
	if want := c.sign(key, method, uri, body); !hmac.Equal(want[:], c.signature[:]) {
		return errPeerSignature
	}
	return nil
}

// peerRun numbers the requests of this start of this node.
type peerRun struct {
	id  string
	seq atomic.Uint64
}

func newPeerRun() *peerRun {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return &peerRun{id: hex.EncodeToString(b[:])}
}

func (r *peerRun) next(now time.Time) peerClaim {
	return peerClaim{at: now, hop: 1, run: r.id, seq: r.seq.Add(1)}
}

// Bounds of what a listener remembers against replays.
const (
	// peerWindow is how many requests of a node may overtake one of its others.
	peerWindow = 1 << 13
	// maxPeerRuns is how many starts of other nodes are remembered: 1 KiB each.
	maxPeerRuns = 1024
)

// replays knows which numbered requests have come: the newest number of each
// sender and, as a ring of bits, the peerWindow numbers up to it. Older numbers
// count as come. It is asked only about claims whose signature is right, so
// nobody without the key makes it grow.
type replays struct {
	mu   sync.Mutex
	runs map[string]*peerSeen
}

type peerSeen struct {
	newest uint64
	bits   [peerWindow / 64]uint64
	last   time.Time // this node's clock when something came
}

// first says whether a claim comes for the first time, and remembers it.
func (r *replays) first(c *peerClaim, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.runs[c.run]
	if s == nil {
		if len(r.runs) >= maxPeerRuns && !r.tidyLocked(now) {
			return fmt.Errorf("%w: too many nodes to remember", errPeerReplay)
		}
		if r.runs == nil {
			r.runs = make(map[string]*peerSeen)
		}
		s = &peerSeen{}
		r.runs[c.run] = s
	}
	s.last = now
	if c.seq > s.newest {
		for n := range min(c.seq-s.newest, peerWindow) {
			s.set(c.seq-n, false)
		}
		s.newest = c.seq
	} else if s.newest-c.seq >= peerWindow || s.has(c.seq) {
		return errPeerReplay
	}
	s.set(c.seq, true)
	return nil
}

// tidyLocked forgets senders of whom no request can be of this minute any more.
func (r *replays) tidyLocked(now time.Time) (room bool) {
	for run, s := range r.runs {
		if now.Sub(s.last) > 2*peerSkew {
			delete(r.runs, run)
		}
	}
	return len(r.runs) < maxPeerRuns
}

func (s *peerSeen) has(seq uint64) bool {
	i := seq % peerWindow
	return s.bits[i/64]&(1<<(i%64)) != 0
}

func (s *peerSeen) set(seq uint64, on bool) {
	i := seq % peerWindow
	if on {
		s.bits[i/64] |= 1 << (i % 64)
	} else {
		s.bits[i/64] &^= 1 << (i % 64)
	}
}
