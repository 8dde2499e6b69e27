package web

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A trunk is a connection over which nodes send each other what is for the
// clients of the other one. It is an HTTP/1.1 upgrade (RFC 9110 §7.8) of a signed
// GET of trunkPath on the listener of peers. The answer has a challenge, which the
// one who dialed has to sign before anything else: a request that was read on its
// way opens nothing, at no node. Then the connection belongs to PeersConfig.Trunk.
const (
	trunkPath     = "/tandem/trunk"
	trunkProtocol = "tandem-trunk"

	headerPeerChallenge = "X-Tandem-Challenge" // 64 hex digits
)

// answerChallenge is what the one who dialed sends first.
func (p *Peers) answerChallenge(challenge string) []byte {
	m := hmac.New(sha256.New, p.cfg.Key)
	_, _ = io.WriteString(m, "tandem-trunk-1\n"+challenge+"\n") // a hash never fails
	return m.Sum(nil)
}

// DialTrunk opens a trunk to the node that listens for its peers at addr.
func (p *Peers) DialTrunk(ctx context.Context, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: p.cfg.DialTimeout, KeepAlive: 15 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("web: trunk: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := p.upgradeTrunk(ctx, conn, addr); err != nil {
		stop()
		_ = conn.Close()
		return nil, fmt.Errorf("web: trunk to %s: %w", addr, err)
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return conn, nil
}

// upgradeTrunk asks for the upgrade. Nothing follows the answer until this side
// speaks, so none of it is in the reader's buffer.
func (p *Peers) upgradeTrunk(ctx context.Context, conn net.Conn, addr string) error {
	if err := conn.SetDeadline(time.Now().Add(p.cfg.DialTimeout)); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+trunkPath, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", trunkProtocol)
	claim := p.run.next(p.cfg.Now())
	claim.signature = claim.sign(p.cfg.Key, r.Method, r.URL.RequestURI(), nil)
	claim.write(r.Header)
	if err := r.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close() // nothing is read of it
	switch {
	case answer.Header.Get(headerPeerRefused) != "":
		p.count("out", "trunk_refused")
		return &peerRefusal{answer.Header.Get(headerPeerRefused)}
	case answer.StatusCode != http.StatusSwitchingProtocols:
		p.count("out", "trunk_refused")
		return errors.New(answer.Status)
	}
	challenge := answer.Header.Get(headerPeerChallenge)
	if !lowerHex(challenge, 64) {
		p.count("out", "trunk_refused")
		return errors.New("no challenge")
	}
	if _, err := conn.Write(p.answerChallenge(challenge)); err != nil {
		return err
	}
	p.count("out", "trunk")
	return conn.SetDeadline(time.Time{})
}

// serveTrunk answers an upgrade of another node; the request is believed.
func (p *Peers) serveTrunk(w http.ResponseWriter, r *http.Request) {
	if p.cfg.Trunk == nil || r.Method != http.MethodGet || r.Header.Get("Upgrade") != trunkProtocol {
		p.count("in", "bad_request")
		writeError(w, wire.Errorf(wire.CodeBadPayload, "Here is a trunk or nothing."))
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.count("in", "bad_request")
		writeError(w, wire.Errorf(wire.CodeInternal, ""))
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(p.ctx, func() { _ = conn.Close() })()
	if rw.Reader.Buffered() > 0 { // it spoke before it was answered
		p.count("in", "bad_request")
		return
	}
	if !p.challenge(conn) {
		p.count("in", "bad_signature")
		p.log.WarnContext(r.Context(), "refused the trunk of another node", "remote", r.RemoteAddr)
		return
	}
	p.count("in", "trunk")
	p.cfg.Trunk(conn)
}

// challenge sends the answer and reports whether who dialed has the key.
func (p *Peers) challenge(conn net.Conn) bool {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	challenge := hex.EncodeToString(b[:])
	answer := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + trunkProtocol +
		"\r\n" + headerPeerChallenge + ": " + challenge + "\r\n\r\n"
	if err := conn.SetDeadline(time.Now().Add(p.cfg.DialTimeout)); err != nil {
		return false
	}
	if _, err := io.WriteString(conn, answer); err != nil {
		return false
	}
	var got [sha256.Size]byte
	if _, err := io.ReadFull(conn, got[:]); err != nil || !hmac.Equal(got[:], p.answerChallenge(challenge)) {
		return false
	}
	return conn.SetDeadline(time.Time{}) == nil
}
