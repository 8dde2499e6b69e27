package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

var errTooManyConnections = wire.Errorf(wire.CodeUnavailable, "This server has as many connections as it takes; try again shortly.")

type errorBody struct {
	Error string    `json:"error"`
	Code  wire.Code `json:"code"`
}

// writeError answers with the error's code, its status and its sentence; errors
// that are not meant for clients become code "internal".
func writeError(w http.ResponseWriter, err error) {
	p, _ := wire.ProblemOf(err)
	if p.Code.HTTPStatus() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110 §11.6.1
	}
	writeJSON(w, p.Code.HTTPStatus(), errorBody{p.Message, p.Code})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"Something went wrong on the server.","code":"internal"}`)
	}
	writeRaw(w, status, body)
}

// writeRaw answers with what is JSON already.
func writeRaw(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// fail answers an error of a handler and logs it: as an error only if clients are
// not told what it was. What makes a part unavailable is logged once, where it is
// noticed, not by each request.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	level := slog.LevelDebug
	if _, known := wire.ProblemOf(err); !known {
		level = slog.LevelError
	}
	s.log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	writeError(w, err)
}

// recoverPanic keeps a panic of one request from the process: it is logged with
// its stack and answered 500 if the answer has not begun.
func (s *Server) recoverPanic(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares by identity too
		panic(v)
	}
	s.stats.panics.Inc()
	s.log.ErrorContext(r.Context(), "a request panicked",
		"method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	// Writing to a hijacked connection or after the header fails quietly.
	w.Header().Set("Connection", "close")
	writeError(w, wire.Errorf(wire.CodeInternal, ""))
}
