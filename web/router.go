package web

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// pagePrefix is where the built-in page is when a back end has the root.
const pagePrefix = "/tandem"

// newRouter has every path but those of the dialects.
//
//	GET /api/users/online   who is online
//	/api/messages/… /api/conversations /api/calls   see chatRoutes
//	GET /docs/…             the reference of all this, and its OpenAPI and AsyncAPI
//	/api/push/…             see pushRoutes
//	GET /healthz /readyz    is the process alive, should it get traffic
//	everything else         the back end, or the built-in page
func (s *Server) newRouter() (http.Handler, error) {
	r := chi.NewRouter()
	r.Handle("/api/users/online", s.stats.counted("/api/users/online",
		s.api(http.HandlerFunc(s.onlineUsers), http.MethodGet, http.MethodHead)))
	r.Handle("/healthz", methods(http.HandlerFunc(s.healthz), http.MethodGet, http.MethodHead))
	r.Handle("/readyz", methods(http.HandlerFunc(s.readyz), http.MethodGet, http.MethodHead))

	page, err := newPage()
	if err != nil {
		return nil, err
	}
	var rest http.Handler
	if s.cfg.BackendURL == "" {
		rest = s.stats.counted("page", methods(page, http.MethodGet, http.MethodHead))
		if err := s.mountDocs(r, docsPrefix); err != nil {
			return nil, err
		}
	} else {
		proxy, err := s.newProxy()
		if err != nil {
			return nil, err
		}
		rest = s.stats.counted("backend", proxy)
		mounted := s.stats.counted("page", methods(http.StripPrefix(pagePrefix, page), http.MethodGet, http.MethodHead))
		r.Handle(pagePrefix, http.RedirectHandler(pagePrefix+"/", http.StatusPermanentRedirect))
		r.Handle(pagePrefix+"/*", mounted)
		if err := s.mountDocs(r, pagePrefix+docsPrefix); err != nil {
			return nil, err
		}
	}
	for _, part := range s.sections() {
		for pattern := range part.routes {
			r.Handle(pattern, s.userRoute(part, pattern, rest))
		}
	}
	r.NotFound(rest.ServeHTTP)
	r.MethodNotAllowed(rest.ServeHTTP)
	return r, nil
}

// methods answers 405 with an Allow header to all but the given methods.
func methods(next http.Handler, allowed ...string) http.Handler {
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, m := range allowed {
			if r.Method == m {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		writeError(w, wire.Errorf(wire.CodeMethodNotAllowed, ""))
	})
}
