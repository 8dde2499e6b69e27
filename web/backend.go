package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Backend is what back ends may do over /api/server (M9). Errors carry wire
// codes; with one, a Reach says what was done all the same.
type Backend interface {
	EmitToUsers(ctx context.Context, users []string, event string, args []byte) (signaling.Reach, error)
	EmitToAll(ctx context.Context, event string, args []byte) (signaling.Reach, error)
	Disconnect(ctx context.Context, user, device string) (signaling.Reach, error)
	UserState(ctx context.Context, user string) (*signaling.UserState, error)
	EndCall(ctx context.Context, id string) error
}

const (
	backendPrefix = "/api/server/"
	maxEmitUsers  = 10_000
	// maxEmitTo is what these take of a body, beside the event, in bytes.
	maxEmitTo = maxEmitUsers * (wire.MaxUserID + 4)
	// minServerKey is how long a server key has to be, in bytes.
	minServerKey = 16
)

// backendKeys are the hashes of the server keys: comparing them takes the same
// time whatever was shown.
type backendKeys [][sha256.Size]byte

func newBackendKeys(keys []string) backendKeys {
	list := make(backendKeys, len(keys))
	for i, k := range keys {
		list[i] = sha256.Sum256([]byte(k))
	}
	return list
}

func (list backendKeys) has(key string) bool {
	sum, found := sha256.Sum256([]byte(key)), 0
	for i := range list {
		found |= subtle.ConstantTimeCompare(sum[:], list[i][:])
	}
	return found == 1
}

// newBackend is the router of /api/server. It is for servers: no CORS, no
// cookies, a bearer key.
//
//	POST /api/server/emit             an event to users, or to all
//	POST /api/server/disconnect       end a user's sessions, or those of one device
//	GET  /api/server/users/{id}       where a user is connected, and in which calls
//	POST /api/server/calls/{id}/end   end a call
func (s *Server) newBackend() http.Handler {
	r := s.backendRoutes()
	keys := newBackendKeys(s.cfg.ServerKeys)
	guarded := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		scheme, key, _ := strings.Cut(req.Header.Get("Authorization"), " ")
		switch {
		case s.parts.Backend == nil || len(keys) == 0:
			writeError(w, wire.Errorf(wire.CodeNotConfigured, "This server takes nothing from back ends: set TANDEM_SERVER_KEYS."))
			return
		case !strings.EqualFold(scheme, "Bearer") || !keys.has(strings.TrimSpace(key)):
			writeError(w, wire.Errorf(wire.CodeUnauthorized, "No valid server key was given."))
			return
		}
		r.ServeHTTP(w, req)
	})
	return s.stats.counted(backendPrefix, http.StripPrefix(strings.TrimSuffix(backendPrefix, "/"), guarded))
}

func (s *Server) backendRoutes() chi.Router {
	r := chi.NewRouter()
	r.Post("/emit", s.backendEmit)
	r.Post("/disconnect", s.backendDisconnect)
	r.Get("/users/{id}", s.backendUser)
	r.Post("/calls/{id}/end", s.backendEndCall)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { writeError(w, wire.Errorf(wire.CodeNotFound, "")) })
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, wire.Errorf(wire.CodeMethodNotAllowed, ""))
	})
	return r
}

// oneOrMany is a user id or an array of them.
type oneOrMany []string

func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

type emitBody struct {
	To    oneOrMany         `json:"to"`
	All   bool              `json:"all"`
	Event string            `json:"event"`
	Args  []json.RawMessage `json:"args"`
}

func (b *emitBody) check() error {
	bad := func(text string) error { return wire.Errorf(wire.CodeBadPayload, text) }
	switch {
	case !wire.ValidEventName(b.Event):
		return bad("event must be a name of 1 to 128 bytes.")
	case wire.ReservedEvent(b.Event):
		return bad("event is a name that Socket.IO keeps for itself.")
	case b.All == (len(b.To) > 0):
		return bad("Name users in to, or say all: one of the two.")
	case len(b.To) > maxEmitUsers:
		return bad("to has more than 10000 users.")
	}
	for _, u := range b.To {
		if !wire.ValidUserID(u) {
			return bad("to must be a user id or an array of them.")
		}
	}
	for _, a := range b.Args {
		if !rawjson.Valid(a) { // encoding/json lets pass what clients would hang up on
			return bad("args must be JSON in UTF-8, and not nested too deep.")
		}
	}
	return nil
}

func (s *Server) backendEmit(w http.ResponseWriter, r *http.Request) {
	var b emitBody
	if err := s.readBackend(w, r, s.cfg.MaxBody+maxEmitTo, &b); err != nil {
		writeError(w, err)
		return
	}
	if err := b.check(); err != nil {
		writeError(w, err)
		return
	}
	var args []byte
	for i, a := range b.Args {
		if i > 0 {
			args = append(args, ',')
		}
		args = append(args, a...)
	}
	if int64(len(args)) > s.cfg.MaxBody {
		writeError(w, wire.Errorf(wire.CodeTooLarge, ""))
		return
	}
	var reach signaling.Reach
	var err error
	if b.All {
		reach, err = s.parts.Backend.EmitToAll(r.Context(), b.Event, args)
	} else {
		slices.Sort(b.To)
		reach, err = s.parts.Backend.EmitToUsers(r.Context(), slices.Compact(b.To), b.Event, args)
	}
	s.reached(w, r, reach, err)
}

type disconnectBody struct {
	User   string `json:"user"`
	Device string `json:"device"`
}

func (s *Server) backendDisconnect(w http.ResponseWriter, r *http.Request) {
	var b disconnectBody
	if err := s.readBackend(w, r, s.cfg.MaxBody, &b); err != nil {
		writeError(w, err)
		return
	}
	if !wire.ValidUserID(b.User) || len(b.Device) > wire.MaxUserID {
		writeError(w, wire.Errorf(wire.CodeBadPayload, "user must be a user id; device may name one of the user's devices."))
		return
	}
	reach, err := s.parts.Backend.Disconnect(r.Context(), b.User, b.Device)
	s.reached(w, r, reach, err)
}

// reachFailed is the answer where not all nodes could be reached.
type reachFailed struct {
	errorBody
	signaling.Reach
}

func (s *Server) reached(w http.ResponseWriter, r *http.Request, reach signaling.Reach, err error) {
	if reach.Nodes == nil {
		reach.Nodes = map[string]int{}
	}
	if err == nil {
		writeJSON(w, http.StatusOK, reach)
		return
	}
	p, known := wire.ProblemOf(err)
	if !known {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, p.Code.HTTPStatus(), reachFailed{errorBody{p.Message, p.Code}, reach})
}

func (s *Server) backendUser(w http.ResponseWriter, r *http.Request) {
	id := pathID(r)
	if !wire.ValidUserID(id) {
		writeError(w, wire.Errorf(wire.CodeBadPayload, "That is no user id."))
		return
	}
	u, err := s.parts.Backend.UserState(r.Context(), id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, u)
}

func (s *Server) backendEndCall(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	if id == "" || len(id) > wire.MaxCallID {
		writeError(w, wire.Errorf(wire.CodeNotFound, ""))
		return
	}
	if err := s.parts.Backend.EndCall(r.Context(), id); err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

// readBackend reads the body of a write, of up to limit bytes.
func (s *Server) readBackend(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if err := s.jsonBody(w, r, limit); err != nil {
		return err
	}
	return readBody(r, v)
}
