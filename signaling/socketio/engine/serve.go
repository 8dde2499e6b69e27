package engine

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// ServeHTTP serves polls, POSTs and upgrades. Requests are checked in the order
// of Node's server, so that each mistake gets the code that clients know.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if srv.cfg.Path != "" && strings.TrimSuffix(r.URL.Path, "/") != strings.TrimSuffix(srv.cfg.Path, "/") {
		http.NotFound(w, r)
		return
	}
	if !srv.cors(w, r) {
		srv.cfg.Logger.Debug("engine: origin refused", "origin", r.Header.Get("Origin"), "remote", r.RemoteAddr)
		refuse(w, Forbidden)
		return
	}
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		preflight(w, r)
		return
	}
	query := r.URL.Query()
	transport, sid := query.Get("transport"), query.Get("sid")
	if !srv.cfg.has(transport) {
		refuse(w, UnknownTransport)
		return
	}
	upgrade := isUpgrade(r)
	if sid != "" {
		srv.serveSession(w, r, transport, sid, upgrade)
		return
	}
	switch {
	case r.Method != http.MethodGet:
		refuse(w, BadHandshakeMethod)
	case (transport == WebSocket) != upgrade:
		refuse(w, BadRequest)
	default:
		srv.serveHandshake(w, r, query, transport)
	}
}

// isUpgrade reports whether a request wants to become a WebSocket.
func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// serveSession serves a request that names a session.
func (srv *Server) serveSession(w http.ResponseWriter, r *http.Request, transport, sid string, upgrade bool) {
	s := srv.lookup(sid)
	switch {
	case s == nil:
		if srv.cfg.Unknown == nil || !srv.cfg.Unknown(w, r, sid) {
			refuse(w, UnknownSession)
		}
	case (transport == WebSocket) != upgrade:
		refuse(w, BadRequest)
	case upgrade:
		srv.serveProbe(w, r, s)
	case r.Method == http.MethodGet:
		s.servePoll(w, r)
	case r.Method == http.MethodPost:
		s.servePost(w, r)
	default:
		refuse(w, BadRequest)
	}
}

// serveHandshake opens a session.
func (srv *Server) serveHandshake(w http.ResponseWriter, r *http.Request, query url.Values, transport string) {
	if query.Get("EIO") != "4" {
		if srv.allowed(w, r) {
			refuse(w, UnsupportedProtocolVersion)
		}
		return
	}
	if !srv.allowed(w, r) {
		return
	}
	s := &Socket{
		srv: srv, id: srv.newID(), remote: r.RemoteAddr,
		interval: srv.cfg.PingInterval, timeout: srv.cfg.PingTimeout,
		hs: &Handshake{
			Query: query, Header: r.Header, Host: r.Host, RemoteAddr: r.RemoteAddr,
			Transport: transport, Secure: r.TLS != nil,
		},
	}
	s.unconfirmed.Store(true)
	if transport == WebSocket {
		srv.openWebSocket(w, r, s)
	} else {
		srv.openPolling(w, s)
	}
}

// allowed asks Config.AllowRequest.
func (srv *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	if srv.cfg.AllowRequest == nil {
		return true
	}
	status, message := srv.cfg.AllowRequest(r)
	if status == 0 {
		return true
	}
	if message == "" {
		message = Forbidden.String()
	}
	refuseWith(w, status, Forbidden, message)
	return false
}

func (srv *Server) openPolling(w http.ResponseWriter, s *Socket) {
	s.poll = &polling{}
	if !srv.begin(s) {
		refuse(w, Forbidden)
		return
	}
	srv.wait(s)
	s.writePoll(w, s.openPacket(nil))
}

func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, s *Socket) {
	conn, err := srv.ws.Upgrade(w, r, handshakeHeader(w))
	if err != nil {
		return
	}
	s.conn = conn
	conn.Queue(MustArrive, false, s.openPacket(make([]byte, 0, 160)))
	if !srv.begin(s) {
		conn.Start(deaf{})
		conn.Close(CodeForbidden, "refused")
		return
	}
	conn.Start((*wsHandler)(s))
	srv.wait(s)
}

// wait counts a session among those that are not confirmed. No lock is held:
// another session may end of it.
func (srv *Server) wait(s *Socket) {
	if srv.cfg.MaxHandshakes < 0 {
		return
	}
	if oldest := srv.waiting.add(s, srv.cfg.MaxHandshakes); oldest != nil {
		oldest.Fail(ReasonForced, CodeGoingAway, errUnfinished)
	}
}

// begin asks the application for a Handler and makes the session known.
func (srv *Server) begin(s *Socket) bool {
	s.recv.Lock()
	accepted := func() (ok bool) {
		defer s.leave()
		s.handler = srv.accept(s, s.hs)
		return s.handler != nil
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !accepted || s.state.Load() == closed || !srv.register(s) {
		if s.state.Load() != closed {
			s.state.Store(closed)
			s.Confirm()
			if s.handler != nil {
				srv.spawn(s.closed)
			}
		}
		return false
	}
	s.due = srv.now() + s.interval
	srv.wheel.Schedule(&s.timer, s.interval, (*beat)(s))
	return true
}

// openPacket appends the packet that answers a handshake.
func (s *Socket) openPacket(b []byte) []byte {
	cfg := &s.srv.cfg
	b = append(b, `0{"sid":"`...)
	b = append(b, s.id...)
	b = append(b, `","upgrades":[`...)
	if s.conn == nil && cfg.has(WebSocket) && !cfg.NoUpgrades {
		b = append(b, `"websocket"`...)
	}
	b = append(b, `],"pingInterval":`...)
	b = strconv.AppendInt(b, cfg.PingInterval.Milliseconds(), 10)
	b = append(b, `,"pingTimeout":`...)
	b = strconv.AppendInt(b, cfg.PingTimeout.Milliseconds(), 10)
	b = append(b, `,"maxPayload":`...)
	b = strconv.AppendInt(b, cfg.MaxPayload, 10)
	return append(b, '}')
}

// serveProbe is an upgrade that names a session. One that makes no sense is
// accepted and closed, as Node does: clients are told by a close frame.
func (srv *Server) serveProbe(w http.ResponseWriter, r *http.Request, s *Socket) {
	conn, err := srv.ws.Upgrade(w, r, handshakeHeader(w))
	if err != nil {
		return
	}
	var handler wsconn.Handler = deaf{}
	pr, ok := s.newProbe(conn)
	if ok {
		handler = pr
	}
	conn.Start(handler)
	if !ok {
		conn.Close(CodeForbidden, "no upgrade possible")
	}
}

// handshakeHeader is what goes with 101: the CORS headers set before.
func handshakeHeader(w http.ResponseWriter) http.Header {
	h := http.Header{}
	for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary"} {
		if v := w.Header()[name]; v != nil {
			h[name] = v
		}
	}
	return h
}
