package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// peerRefusals are the answers of the listener to what it does not take.
var peerRefusals = []struct {
	err     error
	code    wire.Code
	status  int
	message string
}{
	{errPeerSignature, "bad_signature", http.StatusForbidden, "The signature of the node is missing or wrong: do all nodes have the same CLUSTER_SECRET?"},
	{errPeerTime, "bad_time", http.StatusForbidden, "The time of the request is more than a minute off the cluster's clock."},
	{errPeerReplay, "replayed", http.StatusForbidden, "This request has come before."},
	{errPeerLoop, "loop", http.StatusLoopDetected, "A request is passed on once only."},
}

// fromPeer marks the context of what another node passed on.
type fromPeer struct{}

// serveIn serves a request of another node: of a session of Socket.IO, or for a
// trunk, and signed. Nothing is handed on before all of that is checked.
func (p *Peers) serveIn(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		w.Header().Set("Connection", "close")
		writeError(w, wire.Errorf(wire.CodeUnavailable, ""))
		return
	}
	defer p.active.Done()
	if r.URL.Path != trunkPath && r.URL.Path != "/socket.io" && !strings.HasPrefix(r.URL.Path, "/socket.io/") {
		p.count("in", "not_found")
		writeError(w, wire.Errorf(wire.CodeNotFound, ""))
		return
	}
	body, err := p.believe(w, r)
	if err != nil {
		p.refuseIn(w, r, err)
		return
	}
	if r.URL.Path == trunkPath {
		p.serveTrunk(w, r)
		return
	}
	sid := r.URL.Query().Get("sid")
	if sid == "" { // a handshake: whoever got it should have served it
		p.count("in", "bad_request")
		writeError(w, wire.Errorf(wire.CodeBadPayload, "Only requests of a session are passed on."))
		return
	}
	p.count("in", "served")
	for _, name := range []string{headerPeerTime, headerPeerHop, headerPeerNonce, headerPeerSignature} {
		r.Header.Del(name)
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), fromPeer{}, true))
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.TransferEncoding = nil
	p.handler.ServeHTTP(w, r)
}

// believe checks the claims of a request and returns its body. What costs
// nothing to check comes before what does, and replays last: only a right
// signature may leave a trace.
func (p *Peers) believe(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	claim, err := readPeerClaim(r.Header)
	if err != nil {
		return nil, err
	}
	if err := claim.timely(p.cfg.Now()); err != nil {
		return nil, err
	}
	body, err := p.readBody(w, r)
	if err != nil {
		return nil, err
	}
	if err := claim.verify(p.cfg.Key, r.Method, r.RequestURI, body); err != nil {
		return nil, err
	}
	if claim.hop != 1 {
		return nil, errPeerLoop
	}
	return body, p.seen.first(&claim, time.Now())
}

func (p *Peers) refuseIn(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Connection", "close") // there may be more of the body
	for _, f := range peerRefusals {
		if !errors.Is(err, f.err) {
			continue
		}
		p.count("in", string(f.code))
		p.log.WarnContext(r.Context(), "refused the request of another node", "remote", r.RemoteAddr, "error", err)
		w.Header().Set(headerPeerRefused, string(f.code))
		writeJSON(w, f.status, errorBody{f.message, f.code})
		return
	}
	if errors.Is(err, errBodyTooLarge) {
		p.count("in", "too_large")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	p.count("in", "bad_request")
	writeError(w, wire.Errorf(wire.CodeBadPayload, "The body did not come whole."))
}

var errBodyTooLarge = errors.New("web: body of a request between nodes is too large")

// readBody reads the whole body: its hash is signed. It is bounded in size and
// time.
func (p *Peers) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > p.cfg.MaxBody {
		return nil, errBodyTooLarge
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(p.cfg.BodyTimeout)) // recorders have none
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r.Body, p.cfg.MaxBody+1))
	_ = rc.SetReadDeadline(time.Time{})
	if n > p.cfg.MaxBody {
		return nil, errBodyTooLarge
	}
	return buf.Bytes(), err
}
