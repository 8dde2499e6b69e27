package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// answerer is a route's own part: what it answers a caller, or why not.
type answerer func(r *http.Request, caller *auth.Identity) (status int, body any, err error)

// chatRoutes are the routes of messages and calls, as existing front ends call
// them (M6), each with its methods.
//
//	GET    /api/messages/{peer}?before=&limit=   the conversation, oldest first
//	POST   /api/messages/send/{peer}             {text, media, replyTo, clientId}
//	POST   /api/messages/react                   {messageId, emoji}: toggles
//	PATCH  /api/messages/{messageId}             {text}
//	DELETE /api/messages/{messageId}?forMe=1     for both, or for the caller
//	GET    /api/conversations?cursor=&limit=     with whom, the newest message, unread
//	GET    /api/calls?cursor=&limit=             ended calls, missed ones counted
//	POST   /api/calls/seen                       {until}
//	GET    /api/blocks                           whom the caller has blocked
//	POST   /api/blocks                           {userId}
//	DELETE /api/blocks/{userId}
func (s *Server) chatRoutes() map[string]map[string]answerer {
	return map[string]map[string]answerer{
		"/api/messages/{id}": {
			http.MethodGet: s.history, http.MethodPatch: s.editMessage, http.MethodDelete: s.deleteMessage,
		},
		"/api/messages/send/{id}": {http.MethodPost: s.sendMessage},
		"/api/messages/react":     {http.MethodPost: s.react},
		"/api/conversations":      {http.MethodGet: s.conversations},
		"/api/calls":              {http.MethodGet: s.calls},
		"/api/calls/seen":         {http.MethodPost: s.seeCalls},
		"/api/blocks":             {http.MethodGet: s.listBlocks, http.MethodPost: s.block},
		"/api/blocks/{id}":        {http.MethodDelete: s.unblock},
	}
}

// section is a part of the routes of users that a site may be without.
type section struct {
	routes map[string]map[string]answerer // by pattern and method
	on     func() bool
	off    error // what is answered while it is not on
}

func (s *Server) sections() []section {
	return []section{
		{s.chatRoutes(), s.chatOn, wire.Errorf(wire.CodeNotConfigured, "This server keeps no messages.")},
		{s.pushRoutes(), s.pushOn, wire.Errorf(wire.CodeNotConfigured, "This server sends no pushes.")},
	}
}

// ChatRoutes lists the routes of users, each as "METHOD /path", sorted: what the documents are
// held against.
func (s *Server) ChatRoutes() []string {
	var list []string
	for _, part := range s.sections() {
		for pattern, methods := range part.routes {
			for method := range methods {
				list = append(list, method+" "+pattern)
			}
		}
	}
	slices.Sort(list)
	return list
}

// userRoute serves a path while its section is on. What it does not serve, the
// whole path or a method, belongs to the back end if there is one.
func (s *Server) userRoute(part section, pattern string, rest http.Handler) http.Handler {
	methods := part.routes[pattern]
	var allowed []string
	for m := range methods {
		allowed = append(allowed, m)
		if m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	own := s.stats.counted(pattern, s.api(s.answering(part, methods), allowed...))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.BackendURL != "" && (!part.on() || !slices.Contains(allowed, wanted(r))) {
			rest.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
}

func (s *Server) chatOn() bool { return s.parts.Chat != nil && s.parts.Chat.ChatOn() }

// wanted is the method of a request, or that which a preflight asks about.
func wanted(r *http.Request) string {
	if m := r.Header.Get("Access-Control-Request-Method"); m != "" && r.Method == http.MethodOptions {
		return m
	}
	return r.Method
}

// answering answers with what the method's own part says. Messages and browsers are
// somebody's: a caller without a name is refused, also where names are believed.
func (s *Server) answering(part section, methods map[string]answerer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := Caller(r.Context())
		switch {
		case !part.on():
			writeError(w, part.off)
			return
		case caller == nil:
			writeError(w, errNameless)
			return
		case !s.rates.admit(caller.User):
			w.Header().Set("Retry-After", "1")
			writeError(w, wire.Errorf(wire.CodeRateLimited, ""))
			return
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		status, body, err := methods[method](r, caller)
		switch {
		case err == nil:
			switch b := body.(type) {
			case json.RawMessage:
				writeRaw(w, status, b)
			case sent:
				b.answer(w, status)
			default:
				writeJSON(w, status, body)
			}
		case r.Context().Err() != nil: // nobody reads an answer
			s.log.DebugContext(r.Context(), "a client went away", "method", r.Method, "path", r.URL.Path)
		default:
			s.fail(w, r, err)
		}
	})
}

// sent is a message whose author is to be answered before anybody hears of it:
// a status that came first would be of a message that it does not know (M1).
type sent struct {
	message json.RawMessage
	deliver func() // nil: it was delivered before
}

func (s sent) answer(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(s.message)))
	writeRaw(w, status, s.message)
	if s.deliver != nil {
		_ = http.NewResponseController(w).Flush() // one that went away has been answered, too
		s.deliver()
	}
}

var errNameless = wire.Errorf(wire.CodeUnauthorized, "Say who you are: this server believes ?userId= of requests from its own machine.")

// pathID is the last part of the path, as it was meant. chi routes by the
// escaped path where that says more than the plain one.
func pathID(r *http.Request) string {
	id := chi.URLParam(r, "id")
	if r.URL.RawPath == "" {
		return id
	}
	plain, err := url.PathUnescape(id)
	if err != nil {
		return id // can not be: net/url has parsed it
	}
	return plain
}

// lasting is the context of a change: it is finished even if who asked for it
// goes away meanwhile, so that what was stored is delivered too.
func lasting(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
