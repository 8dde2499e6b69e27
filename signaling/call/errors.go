package call

// Error is a refusal with a stable code that clients get to see.
type Error struct {
	code string
	text string
}

func (e *Error) Error() string { return "call: " + e.text }

// Code is the stable name of the error, as in an error reply.
func (e *Error) Code() string { return e.code }

// What Step and Match refuse. A refusal may come together with effects (a late
// answerer is told again that the call is over), never with a change of who
// is in the call.
var (
	// ErrNotInCall: the sender is no party of the call, or not the device
	// that holds it, or there is no such call (C7).
	ErrNotInCall = &Error{"not_in_call", "not a party of this call"}
	// ErrAlreadyAnswered: another device of the callee was first (C3).
	ErrAlreadyAnswered = &Error{"already_answered", "answered by another device"}
	// ErrEnded: the call is over.
	ErrEnded = &Error{"call_ended", "the call has ended"}
	// ErrNotAnswered: what was asked needs an answered call.
	ErrNotAnswered = &Error{"not_answered", "the call is not answered yet"}
	// ErrBusy: one of the two users is in another call (C4).
	ErrBusy = &Error{"busy", "the user is on another call"}
	// ErrSelf: a user rang itself.
	ErrSelf = &Error{"bad_payload", "a user can not call itself"}
	// ErrVersion: a stored call was written by a program that is newer.
	ErrVersion = &Error{"internal", "unknown version of a stored call"}
	// ErrInput: Step does not know this kind of input.
	ErrInput = &Error{"internal", "unknown input"}
)
