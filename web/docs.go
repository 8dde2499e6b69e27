package web

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// docsPrefix is where the documents are; with a back end behind, which may have
// documents of its own, below the page.
const docsPrefix = "/docs"

//go:generate go run ./apidoc/gen

//go:embed docs/openapi.json docs/asyncapi.json
var documents embed.FS

//go:embed all:docs/dist
var docsPage embed.FS

// docs has the reference of the protocol: the page that shows it, and openapi.json
// and asyncapi.json, which the page and other programs read.
func (s *Server) docs() (http.Handler, error) {
	built, err := fs.Sub(docsPage, "docs/dist")
	if err != nil {
		return nil, fmt.Errorf("web: documents: %w", err)
	}
	p, err := loadPage(built)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"openapi.json", "asyncapi.json"} {
		body, err := documents.ReadFile("docs/" + name)
		if err != nil {
			return nil, fmt.Errorf("web: documents: %w", err)
		}
		p.files[name] = newAsset(name, body)
	}
	return s.stats.counted("docs", methods(p, http.MethodGet, http.MethodHead)), nil
}

// mountDocs serves them below a prefix.
func (s *Server) mountDocs(r chi.Router, prefix string) error {
	docs, err := s.docs()
	if err != nil {
		return err
	}
	r.Handle(prefix, http.RedirectHandler(prefix+"/", http.StatusPermanentRedirect))
	r.Handle(prefix+"/*", http.StripPrefix(prefix, docs))
	return nil
}
