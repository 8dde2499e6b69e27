package wire

import (
	"errors"
	"net/http"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Code names an error for programs. It never changes once released.
type Code string

// The codes. codeTable below is the one place where each has its sentence and
// its HTTP status; PROTOCOL.md's table is checked against it by a test.
const (
	CodeBadPayload       Code = "bad_payload"
	CodeUnknownEvent     Code = "unknown_event"
	CodeTooLarge         Code = "payload_too_large"
	CodeRateLimited      Code = "rate_limited"
	CodeUnauthorized     Code = "unauthorized"
	CodeTokenExpired     Code = "token_expired"
	CodeIdentityMismatch Code = "identity_mismatch"
	CodeOriginNotAllowed Code = "origin_not_allowed"
	CodeForbidden        Code = "forbidden"
	CodeTooManySessions  Code = "too_many_sessions"
	CodeNotInCall        Code = "not_in_call"
	CodeAlreadyAnswered  Code = "already_answered"
	CodeCallEnded        Code = "call_ended"
	CodeNotAnswered      Code = "not_answered"
	CodeBusy             Code = "busy"
	CodeOffline          Code = "offline"
	CodeNotFound         Code = "not_found"
	CodeMethodNotAllowed Code = "method_not_allowed"
	CodeNotConfigured    Code = "not_configured"
	CodeUnavailable      Code = "unavailable"
	CodeBackendDown      Code = "backend_unreachable"
	CodeInternal         Code = "internal"
)

type codeInfo struct {
	status  int
	message string
}

var codeTable = map[Code]codeInfo{
	CodeBadPayload:       {http.StatusBadRequest, "The payload does not have the shape that this event takes."},
	CodeUnknownEvent:     {http.StatusNotFound, "There is no such event."},
	CodeTooLarge:         {http.StatusRequestEntityTooLarge, "The payload is larger than the server takes."},
	CodeRateLimited:      {http.StatusTooManyRequests, "Too many of these in a short time; try again later."},
	CodeUnauthorized:     {http.StatusUnauthorized, "No valid token was given."},
	CodeTokenExpired:     {http.StatusUnauthorized, "The token has expired."},
	CodeIdentityMismatch: {http.StatusForbidden, "The user id given is not the token's."},
	CodeOriginNotAllowed: {http.StatusForbidden, "This origin is not allowed."},
	CodeForbidden:        {http.StatusForbidden, "Not allowed."},
	CodeTooManySessions:  {http.StatusTooManyRequests, "This user has too many devices connected."},
	CodeNotInCall:        {http.StatusConflict, "You are not in this call."},
	CodeAlreadyAnswered:  {http.StatusConflict, "The call was answered on another device."},
	CodeCallEnded:        {http.StatusGone, "The call has ended."},
	CodeNotAnswered:      {http.StatusConflict, "The call is not answered yet."},
	CodeBusy:             {http.StatusConflict, "User is currently on another call"},
	CodeOffline:          {http.StatusNotFound, "User is offline"},
	CodeNotFound:         {http.StatusNotFound, "Not found."},
	CodeMethodNotAllowed: {http.StatusMethodNotAllowed, "This method is not allowed here."},
	CodeNotConfigured:    {http.StatusNotImplemented, "This server is not set up for that."},
	CodeUnavailable:      {http.StatusServiceUnavailable, "Not possible right now; try again shortly."},
	CodeBackendDown:      {http.StatusBadGateway, "The back end behind this server does not answer."},
	CodeInternal:         {http.StatusInternalServerError, "Something went wrong on the server."},
}

// Codes returns every error code. The order is not fixed.
func Codes() []Code {
	all := make([]Code, 0, len(codeTable))
	for c := range codeTable {
		all = append(all, c)
	}
	return all
}

// Message is the code's sentence for people.
func (c Code) Message() string { return codeTable[c].message }

// HTTPStatus is the status that an HTTP answer with this code has; a code that
// is not in the table counts as internal.
func (c Code) HTTPStatus() int {
	if info, ok := codeTable[c]; ok {
		return info.status
	}
	return http.StatusInternalServerError
}

// Problem is an error that may be shown to a client: a code and a sentence.
type Problem struct {
	Code    Code
	Message string
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Message }

// Errorf makes a Problem; an empty message takes the code's own.
func Errorf(c Code, message string) *Problem {
	if message == "" {
		message = c.Message()
	}
	return &Problem{Code: c, Message: message}
}

// ProblemOf turns any error into what a client may see. Errors that carry a
// known code keep it; all others become CodeInternal with its own sentence, so
// that no internal text leaks (known reports which it was).
func ProblemOf(err error) (p *Problem, known bool) {
	if errors.As(err, &p) {
		return p, true
	}
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		c := Code(coded.Code())
		if _, ok := codeTable[c]; ok {
			return Errorf(c, ""), true
		}
	}
	return Errorf(CodeInternal, ""), false
}

// AppendProblem writes {"code":…,"message":…}.
func AppendProblem(b []byte, p *Problem) []byte {
	b = append(b, `{"code":`...)
	b = rawjson.AppendString(b, string(p.Code))
	b = append(b, `,"message":`...)
	b = rawjson.AppendString(b, p.Message)
	return append(b, '}')
}

// AppendErrorArg writes {"error":{"code":…,"message":…}}: the argument of a
// Socket.IO acknowledgement that says no.
func AppendErrorArg(b []byte, p *Problem) []byte {
	b = append(b, `{"error":`...)
	return append(AppendProblem(b, p), '}')
}
