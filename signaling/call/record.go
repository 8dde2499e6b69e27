package call

import "time"

// Record is an ended call for the call log (C14).
type Record struct {
	ID       string        `json:"callId"`
	Caller   string        `json:"caller"` // user
	Callee   string        `json:"callee"` // user
	Reason   Reason        `json:"reason"`
	Video    bool          `json:"isVideoCall"`
	Started  time.Time     `json:"startedAt"`
	Answered time.Time     `json:"answeredAt,omitzero"`
	Ended    time.Time     `json:"endedAt"`
	Duration time.Duration `json:"-"` // from answer to end; zero if never answered
	// CallerDevice placed the call, or held the caller's side at the end;
	// CalleeDevice answered it, or held the callee's side at the end.
	CallerDevice string `json:"callerDevice,omitempty"`
	CalleeDevice string `json:"calleeDevice,omitempty"`
	Next         string `json:"next,omitempty"` // the call that took its place
}

// Missed reports whether the callee missed it: it was rung, or would have
// been, and did not get to answer or decline.
func (r Record) Missed() bool {
	if !r.Answered.IsZero() {
		return false
	}
	switch r.Reason {
	case NoAnswer, Offline, Busy, Cancelled, Lost:
		return true
	}
	return false
}

// Record is the call's entry for the log; complete once the call has ended.
func (c *Call) Record() Record {
	r := Record{
		ID: c.ID, Caller: c.Caller.User, Callee: c.Callee.User, Reason: c.Reason, Video: c.Info.Video,
		Started: c.Started.Time(), Answered: c.AnswerAt.Time(), Ended: c.EndAt.Time(),
		CallerDevice: c.Caller.Device, CalleeDevice: c.Callee.Device, Next: c.Next,
	}
	if c.AnswerAt != 0 && c.EndAt > c.AnswerAt {
		r.Duration = time.Duration(c.EndAt-c.AnswerAt) * time.Millisecond
	}
	return r
}
