package jsonws

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/turnstile"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// Server serves /ws. It is the http.Handler of the plain dialect.
type Server struct {
	cfg Config
	ws  *wsconn.Server
	sw  *signaling.Switchboard

	waiting  waiting
	entrance turnstile.Turnstile // for those who come back
	entering sync.WaitGroup      // requests that are becoming sockets

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex
	links  map[string]*link // by session id
	closed bool
}

// NewServer starts a server; Close ends it.
func NewServer(cfg Config, sw *signaling.Switchboard) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ws, err := wsconn.NewServer(cfg.WS)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, ws: ws, sw: sw, links: map[string]*link{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	sw.OnTake(signaling.TakeJSON, s.handOver)
	return s, nil
}

// Close ends all connections and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	here := slices.Collect(maps.Values(s.links))
	s.mu.Unlock()
	s.cancel()
	for _, l := range here {
		l.Close(wire.CloseGoingAway)
		l.Flush()
	}
	s.ws.Close()
	s.entering.Wait()
	s.mu.Lock()
	left := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		left = append(left, l)
	}
	s.mu.Unlock()
	for _, l := range left {
		l.over(false)
	}
}

// Len is the number of links, those of clients that are away included.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.links)
}

// ServeHTTP upgrades a request. Who the client is comes from the request (a
// token in the query, Authorization, the cookie, or userId where there is no
// secret); a client that shows none of these, or says auth=frame, sends an auth
// frame first.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Origins.Allowed(r) {
		refuse(w, wire.Errorf(wire.CodeOriginNotAllowed, ""))
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this path speaks WebSocket, subprotocol "+Subprotocol, http.StatusUpgradeRequired)
		return
	}
	if s.sw.Draining() {
		refuse(w, wire.Errorf(wire.CodeUnavailable, ""))
		return
	}
	if !s.begin() {
		refuse(w, wire.Errorf(wire.CodeUnavailable, ""))
		return
	}
	defer s.entering.Done()
	creds := s.cfg.Verifier.FromRequest(r, s.cfg.Origins)
	q := query(r.URL.RawQuery)
	creds.Token = q.Get("token")
	h := hello{device: q.Get("deviceId")}
	if t := q.Get("resume"); t != "" {
		h.resume = t
		h.lastSeq, _ = strconv.ParseUint(q.Get("seq"), 10, 64)
	}
	conn, err := s.ws.Upgrade(w, r, nil)
	if err != nil {
		return // the answer has been written
	}
	later := q.Get("auth") == "frame" ||
		(creds.Token == "" && creds.Authorization == "" && creds.Cookie == "" && (creds.QueryUserID == "" || !s.cfg.Verifier.Open()))
	if later {
		g := &guest{srv: s, creds: creds, hello: h}
		g.wait(conn)
		return
	}
	conn.Start(s.enter(context.WithoutCancel(r.Context()), conn, creds, h))
	conn.Flush()
}

// begin counts a request that Close has to wait for; false: the server is
// closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.entering.Add(1)
	return true
}

// query parses a query string; most have the one form that needs no map.
func query(raw string) url.Values {
	v, err := url.ParseQuery(raw)
	if err != nil {
		return url.Values{}
	}
	return v
}

func refuse(w http.ResponseWriter, p *wire.Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.Code.HTTPStatus())
	b := rawjson.AppendString([]byte(`{"error":`), p.Message)
	b = rawjson.AppendString(append(b, `,"code":`...), string(p.Code))
	_, _ = w.Write(append(b, '}', '\n'))
}

// hello is what a client says of itself.
type hello struct {
	device  string
	resume  string // token of the session it wants to take up again
	lastSeq uint64
}

// enter makes a socket the link of a session: a new one, or, with a good resume
// token of the same user, the one that the client left (I8). On failure the
// client is told and the socket closes. It returns the socket's handler.
func (s *Server) enter(ctx context.Context, conn *wsconn.Conn, creds auth.Credentials, h hello) wsconn.Handler {
	id, err := s.cfg.Verifier.Authenticate(ctx, creds)
	if err != nil {
		return s.turnAway(conn, err)
	}
	if h.device != "" && !wire.ValidUserID(h.device) {
		return s.turnAway(conn, wire.Errorf(wire.CodeBadPayload, "deviceId is not usable."))
	}
	was := parseToken(h.resume)
	if was.sid != "" {
		// An earlier try may be on its way in; this one comes after it.
		leave, err := s.entrance.Enter(s.ctx, entranceKey(id.User, was.sid))
		if err != nil {
			return s.turnAway(conn, wire.Errorf(wire.CodeUnavailable, ""))
		}
		defer leave()
	}
	l, whole := s.resume(conn, id, &was, h.lastSeq)
	if whole {
		return l
	}
	if l != nil && h.device == "" { // the device's lineage (DESIGN 3)
		h.device = l.device
	}
	if device, ok := signaling.Unseal(s.cfg.Key, id.User, was.seal); ok && l == nil && !s.inUse(id.User, was.sid) {
		if err := s.sw.Admit(id.User, device); err != nil {
			return s.turnAway(conn, err)
		}
		handler, inUse := s.fetch(ctx, conn, id, device, &was, h.lastSeq)
		if handler != nil {
			return handler
		}
		if h.device == "" && !inUse {
			h.device = device
		}
	}
	l = &link{srv: s, conn: conn, sid: s.sw.Tagged(newID()), user: id.User, device: h.device}
	if l.device == "" {
		l.device = l.sid
	}
	if err := s.sw.Admit(id.User, l.device); err != nil {
		return s.turnAway(conn, err)
	}
	l.greet()
	return s.open(ctx, l, id, signaling.Hello{})
}

// entranceKey is a session of the user: who guesses sessions of others is in
// nobody's way.
func entranceKey(user, sid string) string { return user + " " + sid }

// open gives a link that has greeted its client a session.
func (s *Server) open(ctx context.Context, l *link, id *auth.Identity, h signaling.Hello) wsconn.Handler {
	s.mu.Lock()
	s.links[l.sid] = l
	s.mu.Unlock()
	h.SessionID, h.Device, h.Extended, h.Dialect = l.sid, l.device, true, "json"
	sess, err := s.sw.Open(ctx, l, id, h)
	if err != nil {
		s.forget(l)
		return s.turnAway(l.conn, err)
	}
	l.started(sess)
	return l
}

// resume hands the link that a token names over to a new socket. It returns nil
// if there is none, and whole is false if not all that the client missed is
// still there: then the client starts anew, as the same device.
func (s *Server) resume(conn *wsconn.Conn, id *auth.Identity, was *ticket, lastSeq uint64) (_ *link, whole bool) {
	if was.sid == "" {
		return nil, false
	}
	s.mu.Lock()
	l := s.links[was.sid]
	s.mu.Unlock()
	if l == nil || l.user != id.User {
		return nil, false
	}
	known, whole := l.takeOver(conn, was.secret, lastSeq)
	if !known {
		return nil, false
	}
	if whole {
		l.sess.Renew(id)
	}
	return l, whole
}

// turnAway tells a client why it can not come in and closes.
func (s *Server) turnAway(conn *wsconn.Conn, err error) wsconn.Handler {
	p, known := wire.ProblemOf(err)
	if !known {
		s.cfg.Logger.Error("a client could not be let in", "peer", conn.RemoteAddr(), "error", err)
	}
	conn.Queue(wsconn.MustArrive, false, appendErrorEvent(nil, p, wire.Auth))
	why := wire.CloseForbidden
	switch p.Code {
	case wire.CodeUnauthorized:
		why = wire.CloseUnauthorized
	case wire.CodeTokenExpired:
		why = wire.CloseTokenExpired
	case wire.CodeTooManySessions, wire.CodeRateLimited:
		why = wire.CloseRateLimited
	case wire.CodeUnavailable, wire.CodeInternal:
		why = wire.CloseGoingAway
	}
	conn.Close(why.Code, string(p.Code))
	return deaf{}
}

func (s *Server) forget(l *link) {
	s.mu.Lock()
	if s.links[l.sid] == l {
		delete(s.links, l.sid)
	}
	s.mu.Unlock()
}

// newID makes a session id: 120 random bits.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// deaf is the handler of a socket that is being turned away.
type deaf struct{}

func (deaf) OnMessage(*wsconn.Conn, bool, []byte) {}
func (deaf) OnIdle(*wsconn.Conn)                  {}
func (deaf) OnClose(*wsconn.Conn, wsconn.Cause)   {}
