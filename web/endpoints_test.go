package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/web/apidoc"
)

// undocumented are patterns of pages, not of the API.
var undocumented = []string{docsPrefix, docsPrefix + "/*"}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// routesOf are the routes that a server has: its routers say where, and a request
// for each method whether. Names of parameters are left out.
func routesOf(t *testing.T) []string {
	t.Helper()
	const key = "a key of a back end"
	// Whom a request reaches does not matter here: a panic is an answer, too.
	s := newServer(t, func(c *Config, p *Parts) { c.ServerKeys, p.Backend = []string{key}, struct{ Backend }{} })
	router, ok := s.routes.(chi.Routes)
	if !ok {
		t.Fatalf("the routes are a %T: this test has to walk them", s.routes)
	}
	patterns := map[string]bool{}
	walk := func(prefix string, r chi.Routes) {
		err := chi.Walk(r, func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			if !slices.Contains(undocumented, route) {
				patterns[prefix+route] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	walk("", router)
	walk(strings.TrimSuffix(backendPrefix, "/"), s.backendRoutes())
	var list []string
	for p := range patterns {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			r := httptest.NewRequest(method, parameter.ReplaceAllString(p, "x"), nil)
			r.RemoteAddr = "127.0.0.1:1"
			r.Host = "localhost"
			r.Header.Set("Authorization", "Bearer "+key)
			rec := httptest.NewRecorder()
			if s.ServeHTTP(rec, r); rec.Code != http.StatusMethodNotAllowed {
				list = append(list, method+" "+parameter.ReplaceAllString(p, "{}"))
			}
		}
	}
	slices.Sort(list)
	return list
}

func TestEveryRouteIsDocumented(t *testing.T) {
	var documented []string
	for _, e := range Documented().Endpoints {
		documented = append(documented, e.Method+" "+parameter.ReplaceAllString(e.Path, "{}"))
	}
	there := routesOf(t)
	if len(there) < 15 {
		t.Fatalf("only %v were found", there)
	}
	for _, r := range there {
		if !slices.Contains(documented, r) {
			t.Errorf("%s is served and not documented: add an apidoc.Endpoint to web/endpoints.go, then run `go generate ./web/...`", r)
		}
	}
	for _, r := range documented {
		if !slices.Contains(there, r) {
			t.Errorf("%s is documented in web/endpoints.go, and not served", r)
		}
	}
}

func TestEndpointsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Documented().Endpoints {
		if e.ID == "" || seen[e.ID] || e.Summary == "" || e.Tag == "" || e.Answer == nil || e.Status == 0 {
			t.Errorf("%s %s lacks something, or its ID stands twice: %+v", e.Method, e.Path, e)
		}
		seen[e.ID] = true
		inPath := parameter.FindAllString(e.Path, -1)
		for _, p := range e.Params {
			if i := slices.Index(inPath, "{"+p.Name+"}"); p.In == "path" && i < 0 {
				t.Errorf("%s %s has no parameter %s", e.Method, e.Path, p.Name)
			}
		}
		for _, p := range inPath {
			if !slices.ContainsFunc(e.Params, func(q apidoc.Param) bool { return "{"+q.Name+"}" == p }) {
				t.Errorf("%s %s: %s is not described", e.Method, e.Path, p)
			}
		}
		if (e.Body != nil) != (e.Example.Body != "") {
			t.Errorf("%s %s: a body needs an example, and none without", e.Method, e.Path)
		}
		for _, c := range e.Codes {
			if !slices.Contains(wire.Codes(), c) {
				t.Errorf("%s %s: there is no code %q", e.Method, e.Path, c)
			}
		}
	}
}
