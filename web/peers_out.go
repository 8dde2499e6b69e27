package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// peerIdle is how long a connection to another node is kept for the next
// request.
const peerIdle = 60 * time.Second

// errPeerRefused: the other node did not believe this one.
var errPeerRefused = errors.New("web: refused by the other node")

// passed is what Forward has found out for the proxy, in the request's context.
type passed struct {
	addr string
	body []byte
}

type passedKey struct{}

// newForward makes the proxy to other nodes.
func (p *Peers) newForward() {
	dialer := &net.Dialer{Timeout: p.cfg.DialTimeout, KeepAlive: 15 * time.Second}
	p.transport = &http.Transport{
		DialContext:           dialer.DialContext,
		ResponseHeaderTimeout: p.cfg.AnswerTimeout,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       peerIdle,
		DisableCompression:    true, // encodings are the client's business
		Proxy:                 nil,  // nodes reach each other directly
	}
	p.proxy = &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p.transport,
		FlushInterval:  -1, // a poll's answer goes out at once
		ErrorLog:       slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		ModifyResponse: p.answered,
		ErrorHandler:   p.failed,
	}
}

// Forward passes a request on to the node that has the session sid, if there is
// such a node; false leaves the answer to the caller. It is engine.Config.Unknown.
func (p *Peers) Forward(w http.ResponseWriter, r *http.Request, sid string) bool {
	tag, _, ok := strings.Cut(sid, "-")
	if !ok || tag == "" {
		return false
	}
	if r.Context().Value(fromPeer{}) != nil {
		p.count("in", "second_hop") // its session is not here, and it goes no further
		return false
	}
	if !p.begin() {
		return false
	}
	defer p.active.Done()
	addr, ok := p.find(r.Context(), tag)
	if !ok {
		p.count("out", "unknown")
		return false
	}
	if r.Header.Get("Upgrade") == "" {
		p.polls.Add(1)
		defer p.polls.Add(-1)
	}
	body, err := p.readBody(w, r)
	switch {
	case errors.Is(err, errBodyTooLarge):
		p.count("out", "too_large")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge) // as the session's own node does
		return true
	case err != nil:
		p.count("out", "bad_request")
		w.Header().Set("Connection", "close")
		writeError(w, wire.Errorf(wire.CodeBadPayload, "The body did not come whole."))
		return true
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), passedKey{}, &passed{addr, body}))
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	out := r.WithContext(ctx)
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	rc := http.NewResponseController(w)
	p.proxy.ServeHTTP(&peerWriter{ResponseWriter: w, timeout: p.cfg.WriteTimeout}, out)
	_ = rc.SetWriteDeadline(time.Time{}) // for the next request of the connection
	return true
}

// rewrite addresses and signs a request. The Host stays what the client sent.
// Its Origin stays here: this node has checked it and answers for it.
func (p *Peers) rewrite(pr *httputil.ProxyRequest) {
	to := pr.In.Context().Value(passedKey{}).(*passed)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = "http", to.addr
	out.URL.RawQuery = pr.In.URL.RawQuery // byte for byte
	out.Header.Del("Origin")
	out.Header.Del("X-Real-Ip")
	if trustedBy(p.cfg.TrustedProxies, pr.In.RemoteAddr) {
		out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	}
	pr.SetXForwarded()
	if len(to.body) > 0 {
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(to.body)), nil }
	}
	claim := p.run.next(p.cfg.Now())
	claim.signature = claim.sign(p.cfg.Key, out.Method, out.URL.RequestURI(), to.body)
	claim.write(out.Header)
}

// answered looks at the answer of the other node before it goes to the client.
func (p *Peers) answered(res *http.Response) error {
	if code := res.Header.Get(headerPeerRefused); code != "" {
		return &peerRefusal{code}
	}
	for name := range res.Header { // this node's own are there already
		if strings.HasPrefix(name, "Access-Control-") {
			delete(res.Header, name)
		}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		p.count("out", "upgraded")
	} else {
		p.count("out", "answered")
	}
	return nil
}

// peerRefusal is errPeerRefused with the code that the other node gave.
type peerRefusal struct{ code string }

func (e *peerRefusal) Error() string { return errPeerRefused.Error() + ": " + e.code }
func (e *peerRefusal) Unwrap() error { return errPeerRefused }

// failed answers where the other node did not. A client then comes again with a
// new session.
func (p *Peers) failed(w http.ResponseWriter, r *http.Request, err error) {
	to := r.Context().Value(passedKey{}).(*passed)
	switch {
	case p.ctx.Err() != nil:
		p.count("out", "closed")
	case r.Context().Err() != nil:
		p.count("out", "gone")
		return // the client went away: nobody reads this
	case errors.Is(err, errPeerRefused):
		p.count("out", "refused")
		p.log.ErrorContext(r.Context(), "another node refused what was passed on to it", "addr", to.addr, "error", err)
	default:
		p.count("out", "unreachable")
		p.log.WarnContext(r.Context(), "the node of a session does not answer", "addr", to.addr, "error", err)
	}
	w.Header().Set("Connection", "close")
	writeError(w, wire.Errorf(wire.CodeUnavailable, "The node that has this session does not answer; connect again."))
}

// peerWriter gives every write to the client its own deadline, also after an
// upgrade: a client that takes nothing must not hold a request for ever.
type peerWriter struct {
	http.ResponseWriter
	timeout time.Duration
}

func (w *peerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *peerWriter) Write(b []byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
	return w.ResponseWriter.Write(b)
}

// Hijack is of http.Hijacker. The connection has no CloseWrite on purpose: when
// the session's node has closed, the client's connection is closed whole, also
// under a client that does not close its own half.
func (w *peerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &peerConn{conn, w.timeout}, rw, nil
}

// peerConn is a client's connection after an upgrade.
type peerConn struct {
	net.Conn
	timeout time.Duration
}

func (c *peerConn) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.timeout))
	return c.Conn.Write(b)
}
