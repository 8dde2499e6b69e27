package call

import (
	"encoding/json"
	"time"
)

// State of a call. It only moves forward.
type State uint8

// The states of a call.
const (
	Ringing  State = 1
	Answered State = 2
	Ended    State = 3
)

// String is the state's name as clients see it.
func (s State) String() string {
	switch s {
	case Ringing:
		return "ringing"
	case Answered:
		return "answered"
	case Ended:
		return "ended"
	}
	return "none"
}

// Reason says why a call ended, or why it is over for one device.
type Reason string

// The reasons, as clients see them.
const (
	Hangup            Reason = "hangup"
	Cancelled         Reason = "cancelled"
	Rejected          Reason = "rejected"
	Busy              Reason = "busy"
	Offline           Reason = "offline"
	NoAnswer          Reason = "no_answer"
	AnsweredElsewhere Reason = "answered_elsewhere" // of one device, never of a call
	Lost              Reason = "lost"
	Glare             Reason = "glare"
	Superseded        Reason = "superseded"
	Transferred       Reason = "transferred"
	Forbidden         Reason = "forbidden"
	Failed            Reason = "error"
)

// Role of a user in a call.
type Role uint8

// The two roles; zero is nobody.
const (
	Caller Role = 1
	Callee Role = 2
)

// Other is the other side.
func (r Role) Other() Role {
	switch r {
	case Caller:
		return Callee
	case Callee:
		return Caller
	}
	return 0
}

// String is the role's name, as in busy pointers.
func (r Role) String() string {
	switch r {
	case Caller:
		return "caller"
	case Callee:
		return "callee"
	}
	return "none"
}

// Stamp is a moment in Unix milliseconds; zero: it has not come.
type Stamp int64

// StampOf cuts a time to milliseconds.
func StampOf(t time.Time) Stamp { return Stamp(t.UnixMilli()) }

// Time is the moment as a time; the zero time if it has not come.
func (s Stamp) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(s))
}

func (s Stamp) add(d time.Duration) Stamp { return s + Stamp(d.Milliseconds()) }

// Call is one version of one call. It is never changed in place: what it
// points to is shared by all its versions and belongs to nobody.
type Call struct {
	ID       string
	ClientID string // the caller's own id for it: idempotency key (C1)
	Version  uint64 // counts every change, from 1
	State    State
	Reason   Reason // once ended

	Caller Party
	Callee Party // Device is empty until the call is answered

	// Rung lists the devices of the callee that are known to have the
	// call:incoming.
	Rung []Rung
	// Left lists the caller's devices that held its side before another one
	// took it (Resume, Handoff).
	Left []Rung

	Info    Info
	Offline bool // no device of the callee was connected; cleared by the first (C5)
	Cold    bool // no device of the callee was connected when it was placed (C5)
	Waiting bool // rings a callee who is in another call (C4)
	Told    bool // the caller has had its call:ringing

	Started  Stamp
	AnswerAt Stamp
	EndAt    Stamp
	// RingUntil is the end of ringing; clients know it as expiresAt.
	RingUntil Stamp

	// Next is the call that took this one's place (superseded) or that this
	// one was merged into (glare).
	Next string

	// Offers are the caller's signals that every ringing device gets, the
	// call's first signal before all others.
	Offers []Kept
	// Kept waits, in order, for an answer or for a device to come back (C11).
	Kept      []Kept
	KeptBytes int // bytes of Offers (but the first) and Kept

	// Limits are the settings that the call was made with.
	Limits Limits

	// Seq is the number of the newest effect; Outbox holds those that are not
	// acknowledged, oldest first, without holes.
	Seq    uint64
	Outbox []Effect
}

// Limits is the part of Config that a call needs later. Times in milliseconds.
type Limits struct {
	Ring   int64
	Window int64
	Keep   int
	Bytes  int
}

// Party is one of the two users of a call and the device that holds its side.
type Party struct {
	User     string
	Device   string
	Session  string // the device's session, so that the late news of an older one's end is known as such
	Extended bool
	// AwayUntil is set while the device has vanished: the end of its resume
	// window.
	AwayUntil Stamp
	// Heard is set, once the call has ended, if the device ended it itself, or
	// has gone: it need not be told again.
	Heard bool
	// SDP identifies the party's media session (SignalInfo); zero: unknown.
	SDP uint64
	// Satisfied: the party has an answer to the last offer that it made. A
	// base device is given no other: it would destroy a simple-peer object.
	Satisfied bool
	// Seen are the hashes of the signals that the device was given.
	Seen hashes
}

// Away reports whether the device has vanished.
func (p Party) Away() bool { return p.AwayUntil != 0 }

// Rung is a device that rings, or rang, or held a side once, and does not now.
type Rung struct {
	Device   string
	Session  string
	Extended bool
	Away     bool // it vanished or went: what it is told meanwhile is told again when it returns
	Silent   bool // it was told that it is over
	Heard    bool // it ended or answered it itself, or has gone: it need not be told again
	Glare    bool // it rang the caller itself and was given this call instead (C8)
}

// KeptKind says what a kept item is.
type KeptKind uint8

// The kinds of kept items.
const (
	KeptSignal     KeptKind = 1 // a call:signal, or a repeated call:user or call:answer
	KeptCandidates KeptKind = 2 // the array of a call:candidate
	KeptAnswer     KeptKind = 3 // the answer itself: call:accepted
)

// Kept is a signal that waits for somebody who can use it.
type Kept struct {
	To     Role
	From   string // the device that sent it
	Kind   KeptKind
	Hash   uint64
	Signal json.RawMessage
	Again  bool // it came back from a node that died (Undelivered)
}

// Info is what the callee is shown, prepared by the outside and opaque here.
type Info struct {
	From       json.RawMessage // the caller's profile, a JSON object
	CallerName string
	Video      bool
	Metadata   json.RawMessage
}

// Live reports whether the call is ringing or answered.
func (c *Call) Live() bool { return c.State == Ringing || c.State == Answered }

// RoleOf says which side the user is on; zero: none.
func (c *Call) RoleOf(user string) Role {
	switch user {
	case c.Caller.User:
		return Caller
	case c.Callee.User:
		return Callee
	}
	return 0
}

// Party is the party with that role; nil for zero.
func (c *Call) Party(r Role) *Party {
	switch r {
	case Caller:
		return &c.Caller
	case Callee:
		return &c.Callee
	}
	return nil
}

// Holds reports whether the device holds a side of the live call: it rang, or
// it answered. A device that is merely rung holds nothing.
func (c *Call) Holds(user, device string) bool {
	r := c.RoleOf(user)
	return r != 0 && c.Live() && device != "" && c.Party(r).Device == device
}

// Earlier reports whether a was claimed before b: of two live calls between
// the same users it is the one that stays (C8, P7).
func Earlier(a, b *Call) bool {
	if a.Started != b.Started {
		return a.Started < b.Started
	}
	return a.ID < b.ID
}

// Deadline is the next moment at which Step with Timeout does something; the
// zero time if there is none.
func Deadline(c *Call) time.Time { return c.deadline().Time() }

func (c *Call) deadline() Stamp {
	if !c.Live() {
		return 0
	}
	d := c.Caller.AwayUntil
	if c.State == Ringing && (d == 0 || c.RingUntil < d) {
		d = c.RingUntil
	}
	if b := c.Callee.AwayUntil; b != 0 && (d == 0 || b < d) {
		d = b
	}
	return d
}
