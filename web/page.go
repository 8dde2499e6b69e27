package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// page serves the embedded files. Paths are looked up in a table that is made
// once, so no path of a request ever reaches a file system.
type page struct {
	files map[string]*asset // by path without leading slash; "" is index.html
}

type asset struct {
	name    string
	kind    string // Content-Type
	etag    string
	body    []byte
	hashed  bool // the name changes with the content
	gzipped func() []byte
}

const (
	contentPolicy = "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; " +
		"img-src 'self' data: blob: https:; style-src 'self' 'unsafe-inline'; " +
		"worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// workerPolicy is for the service worker, which has none of the page's.
	workerPolicy = "default-src 'self'"
	permissions  = "camera=(self), microphone=(self), display-capture=(self), " +
		"speaker-selection=(self), autoplay=(self), fullscreen=(self), geolocation=(), payment=(), usb=()"

	// workerFile is the service worker, which shows what is pushed.
	workerFile = "sw.js"

	// minGzip is the size in bytes from which compression pays.
	minGzip = 1 << 10
)

func newPage() (*page, error) {
	files, err := pageFiles()
	if err != nil {
		return nil, fmt.Errorf("web: page: %w", err)
	}
	return loadPage(files)
}

func loadPage(files fs.FS) (*page, error) {
	p := &page{files: map[string]*asset{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		p.files[name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: page: %w", err)
	}
	index, ok := p.files["index.html"]
	if !ok {
		return nil, errors.New("web: page: there is no index.html")
	}
	p.files[""] = index
	return p, nil
}

func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	a := &asset{
		name:   name,
		kind:   contentType(name),
		etag:   `"` + hex.EncodeToString(sum[:12]) + `"`,
		body:   body,
		hashed: strings.HasPrefix(name, "assets/"), // Vite puts the hashed names there
	}
	a.gzipped = sync.OnceValue(func() []byte { return compress(a) })
	return a
}

// contentType does not ask the machine's MIME table: it differs between
// machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".ico":
		return "image/x-icon"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// compress returns nil where it does not pay.
func compress(a *asset) []byte {
	text := strings.HasPrefix(a.kind, "text/") || strings.Contains(a.kind, "json") || strings.Contains(a.kind, "svg")
	if !text || len(a.body) < minGzip {
		return nil
	}
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(a.body); err != nil || z.Close() != nil || buf.Len() >= len(a.body) {
		return nil
	}
	return buf.Bytes()
}

// ServeHTTP serves one file. A path without a file is 404: the page has one
// address and keeps its state in the fragment.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := p.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		writeError(w, wire.Errorf(wire.CodeNotFound, ""))
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case a.name == "index.html":
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Permissions-Policy", permissions)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	case a.name == workerFile:
		// It is beside the page, which is as far as it reaches, and browsers look
		// for a newer one.
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", workerPolicy)
	case a.hashed:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	body := a.body
	if gz := a.gzipped(); gz != nil {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = gz
		}
	}
	h.Set("Etag", a.etag)
	if h.Get("Content-Encoding") != "" {
		h.Set("Etag", strings.TrimSuffix(a.etag, `"`)+`-gz"`)
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as needed. Ranges
// are of the plain form.
func acceptsGzip(r *http.Request) bool {
	if r.Header.Get("Range") != "" {
		return false
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
