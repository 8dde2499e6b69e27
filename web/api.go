package web

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// api is what every REST route of Tandem stands behind: CORS, the method, who
// the caller is, and for writes a JSON body of bounded size. A form of a foreign
// page can send neither application/json nor, with a cookie, an allowed Origin
// (I5), so a cookie alone never changes anything. A DELETE needs no body: no form
// can send it, and front ends name no type for nothing.
func (s *Server) api(next http.Handler, allowed ...string) http.Handler {
	allow := strings.Join(append(slices.Clone(allowed), http.MethodOptions), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		originOK := s.cors(w, r, allow)
		if r.Method == http.MethodOptions {
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if !slices.Contains(allowed, r.Method) {
			w.Header().Set("Allow", allow)
			writeError(w, wire.Errorf(wire.CodeMethodNotAllowed, ""))
			return
		}
		if !originOK {
			writeError(w, wire.Errorf(wire.CodeOriginNotAllowed, ""))
			return
		}
		id, err := s.identify(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if writes(r.Method) && (r.Method != http.MethodDelete || r.ContentLength != 0) {
			if err := s.jsonBody(w, r, s.cfg.MaxBody); err != nil {
				writeError(w, err)
				return
			}
		}
		if id != nil {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, id))
		}
		next.ServeHTTP(w, r)
	})
}

// jsonBody makes sure that a body is JSON by its own account, and bounds it.
func (s *Server) jsonBody(w http.ResponseWriter, r *http.Request, limit int64) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return wire.Errorf(wire.CodeBadPayload, "The body must be application/json.")
	}
	s.boundBody(w)
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	return nil
}

func writes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead
}

type callerKey struct{}

// Caller is who sent a request of a REST route; nil where the server has no
// secret and the request names nobody.
func Caller(ctx context.Context) *auth.Identity {
	id, _ := ctx.Value(callerKey{}).(*auth.Identity)
	return id
}

// identify finds out who calls. An open server on this machine lets callers
// stay nameless.
func (s *Server) identify(r *http.Request) (*auth.Identity, error) {
	v := s.parts.Verifier
	c := v.FromRequest(r, s.cfg.Origins)
	if v.Open() && c.QueryUserID == "" {
		return nil, v.CheckLocal(c)
	}
	return v.Authenticate(r.Context(), c)
}

// cors sets the answer's CORS headers (Fetch standard §3.3) and reports whether
// the request's origin is allowed. Without an allowed origin there are none, and
// a browser shows the answer to nobody.
func (s *Server) cors(w http.ResponseWriter, r *http.Request, allow string) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	if !s.cfg.Origins.Allowed(r) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	return true
}
