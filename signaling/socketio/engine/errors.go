package engine

import (
	"encoding/json"
	"net/http"
)

// ErrorCode is the code in the JSON body of a refused request,
// {"code":n,"message":"…"}.
type ErrorCode int

// The error codes of Engine.IO with their HTTP status: 403 for Forbidden, 400
// for the others.
const (
	UnknownTransport           ErrorCode = 0
	UnknownSession             ErrorCode = 1
	BadHandshakeMethod         ErrorCode = 2
	BadRequest                 ErrorCode = 3
	Forbidden                  ErrorCode = 4
	UnsupportedProtocolVersion ErrorCode = 5
)

// String is the message that goes with the code.
func (c ErrorCode) String() string {
	switch c {
	case UnknownTransport:
		return "Transport unknown"
	case UnknownSession:
		return "Session ID unknown"
	case BadHandshakeMethod:
		return "Bad handshake method"
	case Forbidden:
		return "Forbidden"
	case UnsupportedProtocolVersion:
		return "Unsupported protocol version"
	}
	return "Bad request"
}

// Status is the HTTP status that goes with the code.
func (c ErrorCode) Status() int {
	if c == Forbidden {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// refuse answers a request with the code's own status and message.
func refuse(w http.ResponseWriter, code ErrorCode) {
	refuseWith(w, code.Status(), code, code.String())
}

func refuseWith(w http.ResponseWriter, status int, code ErrorCode, message string) {
	body, _ := json.Marshal(struct {
		Code    ErrorCode `json:"code"`
		Message string    `json:"message"`
	}{code, message})
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
