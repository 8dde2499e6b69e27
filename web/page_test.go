package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func testPage(t *testing.T) *page {
	t.Helper()
	p, err := loadPage(fstest.MapFS{
		"index.html":             {Data: []byte("<!doctype html><title>x</title>")},
		"assets/main-abc123.js":  {Data: []byte(strings.Repeat("let a = 1;\n", 500))},
		"assets/main-abc123.css": {Data: []byte("a{}")},
		"icon.svg":               {Data: []byte("<svg/>")},
		".hidden":                {Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func getPage(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.Path = path
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	h.ServeHTTP(rec, r)
	return rec
}

func TestPageHeaders(t *testing.T) {
	p := testPage(t)
	index := getPage(p, "/")
	h := index.Header()
	if index.Code != 200 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", index.Code, h)
	}
	for name, want := range map[string]string{
		"Permissions-Policy":      "camera=(self), microphone=(self), display-capture=(self)",
		"Content-Security-Policy": "frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "same-origin",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %q lacks %q", name, h.Get(name), want)
		}
	}
	if csp := h.Get("Content-Security-Policy"); strings.Contains(strings.Split(csp, "style-src")[0], "unsafe") {
		t.Errorf("scripts may be inline: %s", csp)
	}
	if got := getPage(p, "/assets/main-abc123.js").Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("hashed asset: %q", got)
	}
	icon := getPage(p, "/icon.svg")
	if got := icon.Header().Get("Cache-Control"); got != "no-cache" {
		t.Errorf("other file: %q", got)
	}
	if again := getPage(p, "/icon.svg", "If-None-Match", icon.Header().Get("Etag")); again.Code != http.StatusNotModified {
		t.Errorf("same file again: %d", again.Code)
	}
}

func TestPageGzip(t *testing.T) {
	p := testPage(t)
	plain := getPage(p, "/assets/main-abc123.js")
	packed := getPage(p, "/assets/main-abc123.js", "Accept-Encoding", "br, gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%v", packed.Header())
	}
	if packed.Header().Get("Etag") == plain.Header().Get("Etag") {
		t.Error("one etag for two forms")
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || string(text) != plain.Body.String() || len(text) == 0 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	part := getPage(p, "/assets/main-abc123.js", "Accept-Encoding", "gzip", "Range", "bytes=0-4")
	if part.Code != http.StatusPartialContent || part.Body.String() != "let a" || part.Header().Get("Content-Encoding") != "" {
		t.Errorf("range: %d %q %v", part.Code, part.Body, part.Header())
	}
	for accept, want := range map[string]string{"": "", "br": "", "gzip;q=0": "", "gzip; q=0.5": "gzip", "*": "gzip"} {
		if got := getPage(p, "/assets/main-abc123.js", "Accept-Encoding", accept).Header().Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q", accept, got)
		}
	}
	if got := getPage(p, "/assets/main-abc123.css", "Accept-Encoding", "gzip").Header().Get("Content-Encoding"); got != "" {
		t.Error("a file of 3 bytes was compressed")
	}
}

func TestPageHasNoOtherPaths(t *testing.T) {
	p := testPage(t)
	for _, path := range []string{
		"/nothing", "/assets", "/assets/", "/../index.html", "/assets/../index.html", "//index.html",
		"/..%2findex.html", "/index.html/", "/index.html\x00", "/C:/x", `/..\x`, "/server.go",
	} {
		if rec := getPage(p, path); rec.Code != http.StatusNotFound {
			t.Errorf("%q: %d", path, rec.Code)
		}
	}
	if _, err := loadPage(fstest.MapFS{}); err == nil {
		t.Error("a page without index.html")
	}
}

func TestEmbeddedPageIsServed(t *testing.T) {
	addr := serve(t, newServer(t, nil))
	res, body := ask(t, client(t), "GET", "http://"+addr+"/")
	if res.StatusCode != 200 || !strings.Contains(body, "<title>") {
		t.Fatalf("%d %.80s", res.StatusCode, body)
	}
	if res, _ := ask(t, client(t), "HEAD", "http://"+addr+"/"); res.StatusCode != 200 {
		t.Fatalf("HEAD: %d", res.StatusCode)
	}
}

// TestPage_ServiceWorker: it is served beside the page, wherever that is, is asked
// for again each time, and may load nothing from elsewhere.
func TestPage_ServiceWorker(t *testing.T) {
	back := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(back.Close)
	for path, backend := range map[string]string{"/sw.js": "", "/tandem/sw.js": back.URL} {
		s := newServer(t, func(c *Config, _ *Parts) { c.BackendURL = backend })
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		h := rec.Header()
		if rec.Code != http.StatusOK || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cache-Control") != "no-cache" ||
			h.Get("Content-Security-Policy") != workerPolicy || h.Get("Etag") == "" {
			t.Errorf("%s: %d %v", path, rec.Code, h)
		}
		if body := rec.Body.String(); !strings.Contains(body, "showNotification") || strings.Contains(body, "import(") || strings.Contains(body, "import{") {
			t.Errorf("%s is not the worker, or not one file: %.200s", path, body)
		}
	}
}
