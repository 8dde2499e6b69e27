// Package sio is the Socket.IO dialect of Tandem: it binds the main namespace
// of a socketio.Server to the switchboard. An app written against Socket.IO 4
// connects here without change (DESIGN 1.1); one that says auth.tandem: 1 gets
// the extended events too.
package sio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Config of a Server.
type Config struct {
	// IO configures the layers below. Origin, AllowRequest, the tag of ids, the
	// recovery hooks and the logger are filled in.
	IO       socketio.Config
	Verifier *auth.Verifier
	Origins  *auth.Origins
	// Key is what the nodes of a cluster share: pids are sealed with it, so
	// that each of them knows whose they are. Nil: a random one.
	Key    []byte
	Logger *slog.Logger
}

// Server is the http.Handler of /socket.io/.
type Server struct {
	cfg Config
	io  *socketio.Server
	sw  *signaling.Switchboard
}

// NewServer starts a server; Close ends it.
func NewServer(cfg Config, sw *signaling.Switchboard) (*Server, error) {
	if cfg.Verifier == nil {
		return nil, errors.New("sio: a verifier is required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Key == nil {
		cfg.Key = signaling.NewSealKey()
	}
	s := &Server{cfg: cfg, sw: sw}
	io := cfg.IO
	io.Engine.Origin = cfg.Origins.Allowed
	io.Engine.Tag = sw.Tag
	io.Engine.AllowRequest = s.allow
	io.Logger = cfg.Logger
	io.Recovery.CleanClose = func(so *socketio.Socket, _ int) bool { return !linkOf(so).resume }
	io.Recovery.Allow = s.mayRecover
	io.Recovery.Fetch = s.fetch
	io.Recovery.Seal = s.seal
	var err error
	if s.io, err = socketio.NewServer(io); err != nil {
		return nil, err
	}
	root := s.io.Of("/")
	root.Use(s.admit)
	root.OnConnection(s.connected)
	root.Hook(socketio.Hooks{Packet: packet, Idle: idle, Away: away, Back: back, Disconnect: disconnected})
	sw.OnTake(signaling.TakeSocketIO, s.handOver)
	return s, nil
}

// ServeHTTP serves Engine.IO requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.io.ServeHTTP(w, r) }

// Close ends all sessions and waits for them.
func (s *Server) Close() { s.io.Close() }

// offer is what Tandem reads of the CONNECT payload.
type offer struct {
	token    string
	device   string
	pid      string // of the session that the client had before
	extended bool
	resume   bool
}

// read takes the known members of auth; others are the application's own.
// tandem: 1 (or true) and resume: true are declarations, anything else is none.
func (o *offer) read(raw json.RawMessage) error {
	var bad error
	err := rawjson.Object(raw, func(k, v []byte) bool {
		switch string(k) {
		case "token":
			if t, ok := rawjson.String(v); ok {
				o.token = t
			}
		case "deviceId":
			if rawjson.IsNull(v) {
				return true
			}
			d, ok := rawjson.String(v)
			if !ok || !wire.ValidUserID(d) {
				bad = wire.Errorf(wire.CodeBadPayload, "auth.deviceId is not usable.")
				return false
			}
			o.device = d
		case "pid":
			if p, ok := rawjson.String(v); ok {
				o.pid = p
			}
		case "tandem":
			o.extended = string(v) == "1" || string(v) == "true"
		case "resume":
			o.resume = string(v) == "true"
		}
		return true
	})
	if bad != nil {
		return bad
	}
	if err != nil {
		return wire.Errorf(wire.CodeBadPayload, "auth has to be an object.")
	}
	return nil
}

// admit decides who a client is, before its CONNECT is answered (I1).
func (s *Server) admit(so *socketio.Socket) error {
	if s.sw.Draining() {
		return socketio.ErrComeAgain
	}
	hs := so.Handshake()
	var o offer
	if err := o.read(hs.Auth); err != nil {
		return refusal(err)
	}
	creds := s.cfg.Verifier.FromHandshake(hs.Header, hs.Query, hs.RemoteAddr, hs.Host, s.cookieTrusted(hs))
	creds.Token = o.token
	id, err := s.cfg.Verifier.Authenticate(context.Background(), creds)
	if err != nil {
		return refusal(err)
	}
	e := &entrance{id: id}
	if device, ok := s.unseal(o.pid, id.User); ok && (o.device == "" || o.device == device) {
		o.device, e.sealed = device, true
	}
	device := o.device
	if device == "" {
		device = so.ID()
	}
	if err := s.sw.Admit(id.User, device); err != nil {
		return refusal(err)
	}
	so.Data = &link{so: so, srv: s, entrance: e, device: o.device, extended: o.extended, resume: o.resume}
	return nil
}

// cookieTrusted asks the origin rules as they stood for the handshake request.
func (s *Server) cookieTrusted(hs *socketio.Handshake) bool {
	r := &http.Request{Method: http.MethodGet, Header: hs.Header, Host: hs.Host}
	if hs.Transport == engine.Polling {
		// The session that it opens takes events: it counts as a write (I5).
		r.Method = http.MethodPost
	}
	return s.cfg.Origins.CookieTrusted(r)
}

// refusal is the CONNECT_ERROR for an error: its message is the stable code.
func refusal(err error) error {
	p, _ := wire.ProblemOf(err)
	return &socketio.ConnectError{
		Message: string(p.Code),
		Data:    map[string]string{"code": string(p.Code), "message": p.Message},
	}
}

// connected opens the session once the client was greeted.
func (s *Server) connected(so *socketio.Socket) {
	l := linkOf(so)
	e := l.entrance
	l.entrance = nil
	h := signaling.Hello{
		SessionID: so.ID(), Device: l.device, Extended: l.extended, Dialect: "socket.io",
		Moved: so.Recovered(), Luggage: e.luggage,
	}
	so.ReleaseHandshake()
	sess, err := s.sw.Open(context.Background(), l, e.id, h)
	if err != nil {
		if p, _ := wire.ProblemOf(err); p.Code == wire.CodeUnavailable {
			so.Cut() // it starts anew, as the same device
		} else {
			so.Disconnect(true)
		}
		return
	}
	l.sess.Store(sess)
	so.Flush()
	if l.gone.Load() { // it was disconnected meanwhile
		sess.Closed(false)
	}
}

// mayRecover lets a client have its session back if its fresh token is of the
// same user, and it is the same kind of device (I8).
func (s *Server) mayRecover(old, fresh *socketio.Socket) bool {
	a, b := linkOf(old), linkOf(fresh)
	sess := a.sess.Load()
	if sess == nil || b.entrance == nil || sess.User() != b.entrance.id.User || a.extended != b.extended || (b.device != "" && b.device != sess.Device()) {
		return false
	}
	b.device = sess.Device() // also if it has missed too much to be recovered (C13)
	a.renewed.Store(b.entrance.id)
	return true
}

// packet hands an event to the session. Binary events are not part of the
// application.
func packet(so *socketio.Socket, e *socketio.Event) bool {
	l := linkOf(so)
	sess := l.sess.Load()
	if sess == nil {
		return true
	}
	r := requests.Get().(*request)
	r.event = e
	r.Event, r.Args = e.Name, e.List(r.few[:0])
	if e.HasAck {
		r.Reply = r
	}
	if len(e.Attachments) > 0 {
		r.Event = binaryEvent
	}
	sess.Receive(&r.Request)
	r.free()
	return true
}

// binaryEvent is no event: what comes with attachments is refused as unknown.
var binaryEvent = []byte("(binary)")

func idle(so *socketio.Socket) {
	if sess := linkOf(so).sess.Load(); sess != nil {
		sess.Idle()
	}
}

func away(so *socketio.Socket, reason socketio.Reason, code int) {
	l := linkOf(so)
	l.srv.cfg.Logger.Debug("socket lost", "session", so.ID(), "reason", string(reason), "code", code)
	if sess := l.sess.Load(); sess != nil {
		sess.Idle()
		sess.Away()
	}
}

func back(so *socketio.Socket) {
	l := linkOf(so)
	so.ReleaseHandshake()
	l.applyHeartbeat()
	sess := l.sess.Load()
	if sess == nil {
		return
	}
	if id := l.renewed.Swap(nil); id != nil {
		sess.Renew(id)
	}
	sess.Back()
	so.Flush()
}

// disconnected ends the session. It was a clean end if the client said so: with
// a DISCONNECT packet, or with close 1000 or 1001 and no declaration that it
// resumes (C9).
func disconnected(so *socketio.Socket, reason socketio.Reason, code int) {
	l := linkOf(so)
	l.gone.Store(true)
	sess := l.sess.Load()
	if sess == nil {
		return
	}
	clean := reason == socketio.ReasonClientDisconnect
	if reason == socketio.ReasonTransportClose && (code == engine.CodeNormal || code == engine.CodeGoingAway) {
		clean = !l.resume
	}
	sess.Idle()
	sess.Closed(clean) // nothing, if the session has moved
}

// heartbeatTimeout is how long after a ping the pong may take, for a client that
// may be silent for all in all.
func heartbeatTimeout(every, all time.Duration) time.Duration {
	if all <= every {
		return 0
	}
	return all - every
}
