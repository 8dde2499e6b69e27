package wire

import (
	"encoding/json"
	"time"
)

// Bounds of the strings and numbers that clients send.
const (
	MaxUserID     = 128
	MaxCallID     = 128
	MaxMessageID  = 128
	MaxName       = 256
	MaxToken      = 16 << 10
	MaxMetadata   = 4096
	MaxCandidates = 64
	MaxWatch      = 500
	MaxRingFor    = 5 * time.Minute
)

// Payloads keep what is only forwarded as raw JSON. Raw fields are slices of
// the frame that was read: whoever keeps one copies it.

// CallUserPayload is the one argument of call:user.
type CallUserPayload struct {
	To         string
	Signal     json.RawMessage // required
	From       json.RawMessage // the caller's profile object; nil if it was no object
	CallerName string
	IsVideo    bool
	CallID     string        // the client's own id for it, optional
	RingFor    time.Duration // 0: the server's
	Metadata   json.RawMessage
}

// CallAnswerPayload is the one argument of call:answer. To is the caller.
type CallAnswerPayload struct {
	To, CallID string
	Signal     json.RawMessage
}

// CallRefPayload names a call: call:end, call:rejected, call:resume,
// call:handoff. Base clients give To, extended ones CallID.
type CallRefPayload struct {
	To, CallID string
}

// CallSignalPayload is the one argument of call:signal.
type CallSignalPayload struct {
	CallID string
	Signal json.RawMessage
}

// CallCandidatePayload is the one argument of call:candidate.
type CallCandidatePayload struct {
	CallID     string
	Candidates json.RawMessage // the array, as it came
}

// CallTransferPayload is the one argument of call:transfer.
type CallTransferPayload struct {
	CallID, To, WithCallID string
}

// TypingPayload is the one argument of typing and stopTyping.
type TypingPayload struct{ ReceiverID string }

// ReceiptPayload is the one argument of messageDelivered and messageSeen.
type ReceiptPayload struct{ MessageID, SenderID string }

// AllSeenPayload is the one argument of allmessageSeen; SenderID is the author.
type AllSeenPayload struct{ SenderID string }

// WatchPayload is the one argument of presence:watch and presence:unwatch.
type WatchPayload struct{ Users []string }

// RefreshPayload is the one argument of auth:refresh.
type RefreshPayload struct{ Token string }
