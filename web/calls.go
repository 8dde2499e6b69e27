package web

import (
	"net/http"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// loggedCall is an ended call as one of its two people sees it.
type loggedCall struct {
	ID           string      `json:"callId"`
	Caller       string      `json:"caller"`
	Callee       string      `json:"callee"`
	Reason       call.Reason `json:"reason"`
	Video        bool        `json:"isVideoCall"`
	Started      string      `json:"startedAt"`
	Answered     string      `json:"answeredAt,omitempty"`
	Ended        string      `json:"endedAt"`
	DurationMs   int64       `json:"durationMs"` // from answer to end
	CallerDevice string      `json:"callerDevice,omitempty"`
	CalleeDevice string      `json:"calleeDevice,omitempty"`
	NextCall     string      `json:"next,omitempty"` // the call that took its place
	Missed       bool        `json:"missed"`
	New          bool        `json:"new"` // missed, and not looked at
}

type callsAnswer struct {
	Calls  []loggedCall `json:"calls"`
	Next   string       `json:"next,omitempty"`
	Missed int          `json:"missed"` // new ones, on all pages
}

func (s *Server) calls(r *http.Request, caller *auth.Identity) (int, any, error) {
	if s.parts.Calls == nil {
		return 0, nil, errNoCallLog
	}
	cursor, limit, err := pageOf(r, "cursor", chatPage)
	if err != nil {
		return 0, nil, err
	}
	list, next, missed, err := s.parts.Calls.Calls(r.Context(), caller.User, cursor, limit)
	if err != nil {
		return 0, nil, err
	}
	answer := callsAnswer{Calls: make([]loggedCall, len(list)), Next: next, Missed: missed}
	for i := range list {
		answer.Calls[i] = callOf(&list[i])
	}
	return http.StatusOK, answer, nil
}

var errNoCallLog = wire.Errorf(wire.CodeNotConfigured, "This server keeps no log of calls.")

func callOf(c *chat.LoggedCall) loggedCall {
	return loggedCall{
		ID: c.ID, Caller: c.Caller, Callee: c.Callee, Reason: c.Reason, Video: c.Video,
		Started: isoTime(c.Started), Answered: isoTime(c.Answered), Ended: isoTime(c.Ended), DurationMs: c.Duration.Milliseconds(),
		CallerDevice: c.CallerDevice, CalleeDevice: c.CalleeDevice, NextCall: c.Next, Missed: c.Missed, New: c.New,
	}
}

// isoTime is a time as JavaScript writes dates (ISO 8601, milliseconds, UTC); ""
// for none.
func isoTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

type seenAnswer struct {
	Until string `json:"until"`
}

// seeCalls notes that the caller has looked at the calls until then, or now: a
// time to come would hide calls that are missed later.
func (s *Server) seeCalls(r *http.Request, caller *auth.Identity) (int, any, error) {
	if s.parts.Calls == nil {
		return 0, nil, errNoCallLog
	}
	var body seenBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	until := time.Now()
	if !body.Until.IsZero() && body.Until.Before(until) {
		until = body.Until.Time
	}
	if err := s.parts.Calls.SeeCalls(lasting(r), caller.User, until); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, seenAnswer{isoTime(until)}, nil
}
