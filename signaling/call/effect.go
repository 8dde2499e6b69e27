package call

import "encoding/json"

// EffectKind says what an effect is about.
type EffectKind uint8

// The kinds of effects. In brackets the fields of Effect that they use.
const (
	// EffectIncoming: call:incoming [Signal, Items, Glare, Again]. What is
	// shown is in Call.Info, expiresAt in Call.RingUntil. Each of Items (later
	// signals of the caller) is one more call:incoming after it.
	EffectIncoming EffectKind = 1
	// EffectRinging: call:ringing to the caller [Count]. Extended only.
	EffectRinging EffectKind = 2
	// EffectAccepted: call:accepted to the caller [Signal, By].
	EffectAccepted EffectKind = 3
	// EffectEnded: call:end [Reason, BaseSilent, Next].
	EffectEnded EffectKind = 4
	// EffectRejected: call:rejected to the caller [Reason].
	EffectRejected EffectKind = 5
	// EffectUnavailable: call:unavailable to the caller [Reason is its code].
	EffectUnavailable EffectKind = 6
	// EffectPeer: call:peer [Away: reconnecting, else back]. Extended only.
	EffectPeer EffectKind = 7
	// EffectSignal: one signal inside the call [Signal, By, BaseSilent]:
	// call:signal to an extended device, call:accepted to a base one.
	EffectSignal EffectKind = 8
	// EffectCandidates: call:candidate [Signal is the array, By, BaseSilent];
	// each candidate a call:accepted to a base device.
	EffectCandidates EffectKind = 9
	// EffectPending: what was kept for the device [Items], in order: KeptSignal
	// as EffectSignal, KeptCandidates as EffectCandidates, KeptAnswer as
	// EffectAccepted. Resumed: it is the answer to a Resume or Handoff (also
	// with no items) and goes into its reply.
	EffectPending EffectKind = 10
	// EffectState: call:state to all devices of a user [State, Reason].
	// Extended only. News are made from it (the caller's one).
	EffectState EffectKind = 11
	// EffectRelease: the store takes the busy pointers of both users away
	// where they point to this call. No target.
	EffectRelease EffectKind = 12
	// EffectLog: the call's Record goes to the call log (C14). No target.
	EffectLog EffectKind = 13
)

var effectNames = [...]string{"", "incoming", "ringing", "accepted", "ended", "rejected", "unavailable",
	"peer", "signal", "candidates", "pending", "state", "release", "log"}

// String is the kind's name, for logs.
func (k EffectKind) String() string {
	if int(k) < len(effectNames) {
		return effectNames[k]
	}
	return "unknown"
}

// ExtendedOnly reports whether base devices are never told of such effects.
func (k EffectKind) ExtendedOnly() bool {
	return k == EffectRinging || k == EffectPeer || k == EffectState
}

// Scope says which devices of a user an effect is for.
type Scope uint8

// The scopes.
const (
	ToNobody  Scope = 0 // the store's own business
	ToDevice  Scope = 1 // To.Device
	ToDevices Scope = 2 // each of To.Devices
	ToAll     Scope = 3 // every device of the user, wherever it is
)

// To is the address of an effect.
type To struct {
	User    string
	Scope   Scope
	Device  string
	Devices []string
}

// Includes reports whether a device of To.User is addressed.
func (t *To) Includes(device string) bool {
	switch t.Scope {
	case ToAll:
		return true
	case ToDevice:
		return t.Device == device
	case ToDevices:
		for _, d := range t.Devices {
			if d == device {
				return true
			}
		}
	}
	return false
}

// Effect is one thing that somebody must be told. Seq counts the effects of
// one call from 1 without holes; a receiver that has seen a (call, Seq) drops
// its repetition.
type Effect struct {
	Seq  uint64
	Kind EffectKind
	To   To

	State      State
	Glare      bool // the device's own call lost: answer this one
	Again      bool // a further signal of a call that the device already has
	Away       bool
	BaseSilent bool // nothing of it goes to base devices
	Resumed    bool
	Count      int
	Reason     Reason
	Next       string // the call that takes this one's place
	// By is the device that sent it; Role the side it is on.
	By     string
	Role   Role
	Signal json.RawMessage
	Items  []Kept
}
