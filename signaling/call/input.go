package call

import (
	"encoding/json"
	"time"
)

// Who names a device of a user, with its session.
type Who struct {
	User   string
	Device string
	// Session is the id of the device's live session. It tells the news of an
	// old session's end from that of the present one; empty matches any.
	Session  string
	Extended bool // speaks the extended profile
}

// Input is something that happens to a call: one of the types below.
type Input interface{ input() }

type (
	// DeviceOnline: a device of either user is connected: a new session, or
	// one that came back. While the call rings, a callee's device rings (C2);
	// a party's device is back (C9); a party's device that was away when the
	// call ended hears of it (C13).
	DeviceOnline struct {
		Who
		// Recovered: the transport continues the old session and has given it
		// everything that was sent meanwhile.
		Recovered bool
	}

	// DeviceAway: a device vanished and may come back inside the window (C9).
	DeviceAway struct {
		Who
		Window time.Duration // zero: the call's own
	}

	// DeviceGone: a device's session is over for good (C9).
	DeviceGone struct {
		Who
		Lost bool // it vanished and can not come back any more; else a clean end
	}

	// Delivered: devices of the callee have the call:incoming. A device that
	// was not known before and comes too late is told at once that it is over.
	Delivered struct {
		Devices []Who // all of the callee: User may be empty
	}

	// Repeat: a call:user that belongs to this call (C10).
	Repeat struct {
		Who
		Signal Signal
	}

	// Answer: a call:answer, first or repeated.
	Answer struct {
		Who
		Signal Signal
	}

	// Reject: a call:rejected.
	Reject struct{ Who }

	// End: a call:end.
	End struct{ Who }

	// SendSignal: a call:signal.
	SendSignal struct {
		Who
		Signal Signal
	}

	// SendCandidates: a call:candidate. The signal's Raw is the JSON array
	// `candidates`.
	SendCandidates struct {
		Who
		Signal Signal
	}

	// Resume: a call:resume: the party's device, or another one of the same
	// user, takes the call again. The pending signals come as an EffectPending
	// to it, for the reply.
	Resume struct{ Who }

	// Handoff: a call:handoff: this device of a party takes its user's side of
	// the answered call from the device that holds it.
	Handoff struct{ Who }

	// TakeGlare: the device rang the caller of this ringing call and lost
	// (Decide said DoGlare): it is given this call instead (C8).
	TakeGlare struct{ Who }

	// MergeGlare: this call lost against another one between the same two
	// users that was claimed earlier (C8, P7).
	MergeGlare struct{ Into string }

	// Supersede: a party started another call (Decide) and left this one.
	Supersede struct {
		Who        // the device that moved on: it hears nothing
		By  string // the new call's id
	}

	// Abort: the server ends the call.
	Abort struct{ Reason Reason }

	// Timeout: look for deadlines that are due (Deadline). Early or repeated
	// ones do nothing.
	Timeout struct{}

	// Undelivered: an effect of this call was sent to a node which died before
	// it confirmed. Report first, by DeviceAway, that the devices of that node
	// have vanished.
	Undelivered struct{ Effect Effect }

	// Ack: the effects up to this number were handed over.
	Ack struct{ UpTo uint64 }
)

func (DeviceOnline) input()   {}
func (DeviceAway) input()     {}
func (DeviceGone) input()     {}
func (Delivered) input()      {}
func (Repeat) input()         {}
func (Answer) input()         {}
func (Reject) input()         {}
func (End) input()            {}
func (SendSignal) input()     {}
func (SendCandidates) input() {}
func (Resume) input()         {}
func (Handoff) input()        {}
func (TakeGlare) input()      {}
func (MergeGlare) input()     {}
func (Supersede) input()      {}
func (Abort) input()          {}
func (Timeout) input()        {}
func (Undelivered) input()    {}
func (Ack) input()            {}

// Ring is what a new call is made of.
type Ring struct {
	ID       string // made by the server, unguessable (C1)
	ClientID string // the client's own callId, if it sent one
	Caller   Who
	Callee   string // user
	Signal   Signal
	Info     Info
	// Devices are the callee's devices that get the call:incoming right away
	// (those of this node). They count as delivered. Others are reported by
	// Delivered.
	Devices []Who
	// Offline: the callee has no device connected and none vanished lately (C5).
	Offline bool
	// Waiting: the callee is in another call and rings anyway (DoWait).
	Waiting bool
	// RingFor is a shorter ring than Config.RingTimeout, if positive.
	RingFor time.Duration
}

// Signal is a raw signal with what SignalInfo found in it.
type Signal struct {
	// Raw is only borrowed: Step and New copy what they keep, but effects point
	// into it.
	Raw     json.RawMessage
	Kind    SignalKind
	Session uint64 // identity of the SDP session (RFC 8866 §5.2, without the version); zero: no o= line
	Hash    uint64 // of the bytes; the same on every node; zero: no signal
}
