package shape

// CallUser rings somebody.
type CallUser struct {
	To          UserID   `json:"to"`
	Signal      Signal   `json:"signal"`
	From        *Profile `json:"from,omitempty"`
	FromID      UserID   `json:"fromId,omitempty"` // overwritten by the verified user
	CallerName  string   `json:"callerName,omitempty"`
	IsVideoCall bool     `json:"isVideoCall,omitempty"`
	CallID      string   `json:"callId,omitempty"`  // the client's own id for it: sending it again never rings twice
	RingFor     int64    `json:"ringFor,omitempty"` // milliseconds, up to 300000
	Metadata    Any      `json:"metadata,omitempty"`
}

// CallAnswer takes a call. One of to (the caller) and callId has to be there.
type CallAnswer struct {
	To     UserID `json:"to,omitempty"`
	CallID CallID `json:"callId,omitempty"`
	Signal Signal `json:"signal"`
	From   *Any   `json:"from,omitempty"` // ignored
}

// CallRef names a call; without any member, the one live call of the device.
type CallRef struct {
	To     UserID `json:"to,omitempty"`
	CallID CallID `json:"callId,omitempty"`
	From   *Any   `json:"from,omitempty"` // ignored
}

// CallName names a call by its id.
type CallName struct {
	CallID CallID `json:"callId"`
}

// CallReply is what became of a call.
type CallReply struct {
	CallID CallID      `json:"callId"`
	State  ReplyStatus `json:"state"` // glare: the other one was first, callId is its call
}

// CallSignal is a signal inside a call.
type CallSignal struct {
	CallID CallID `json:"callId"`
	Signal Signal `json:"signal"`
}

// CallCandidates are ICE candidates.
type CallCandidates struct {
	CallID     CallID `json:"callId"`
	Candidates []Any  `json:"candidates"` // RTCIceCandidateInit objects, up to 64
}

// TransferOrder sends the other party to somebody else: to a user, or to the
// other party of a second call.
type TransferOrder struct {
	CallID     CallID `json:"callId"`
	To         UserID `json:"to,omitempty"`
	WithCallID CallID `json:"withCallId,omitempty"`
}

// Transfer asks a client to ring somebody else.
type Transfer struct {
	CallID      CallID `json:"callId"`
	To          UserID `json:"to"`
	By          UserID `json:"by"`
	IsVideoCall bool   `json:"isVideoCall"`
}

// IncomingCall rings.
type IncomingCall struct {
	From         *Profile `json:"from"`
	Signal       Signal   `json:"signal"`
	CallerName   string   `json:"callerName"`
	IsVideoCall  bool     `json:"isVideoCall"`
	FromID       UserID   `json:"fromId"`
	CallID       CallID   `json:"callId"`
	ExpiresAt    Millis   `json:"expiresAt"`         // when it stops ringing
	PeerExtended bool     `json:"peerExtended"`      // the caller's device knows the extended events
	Glare        bool     `json:"glare,omitempty"`   // it won against a call that this device was making: answer it
	Waiting      bool     `json:"waiting,omitempty"` // the user is in another call
	Metadata     Any      `json:"metadata,omitempty"`
}

// AcceptedBy is who has answered, or sent a further signal.
type AcceptedBy struct {
	CallID   CallID `json:"callId"`
	By       UserID `json:"by"`
	Device   string `json:"device"`
	Extended bool   `json:"extended"`
}

// CallEnded says that a call is over for this device.
type CallEnded struct {
	CallID CallID    `json:"callId"`
	Reason EndReason `json:"reason"`
	Next   CallID    `json:"next,omitempty"` // the call that took its place
}

// CallUnavailable says why a call came to nothing.
type CallUnavailable struct {
	Reason string    `json:"reason"` // a sentence; for busy exactly `User is currently on another call`
	Code   EndReason `json:"code"`
	CallID CallID    `json:"callId"`
}

// CallRinging says that at least one device rings.
type CallRinging struct {
	CallID  CallID `json:"callId"`
	Devices int    `json:"devices"`
}

// CallPeer tells of the other party's connection.
type CallPeer struct {
	CallID CallID     `json:"callId"`
	State  PeerStatus `json:"state"`
}

// CallChange goes to all devices of both users.
type CallChange struct {
	CallID CallID     `json:"callId"`
	State  CallStatus `json:"state"`
	Reason EndReason  `json:"reason,omitempty"`
	Next   CallID     `json:"next,omitempty"`
}

// ResumedCall describes a call to a device that takes it again.
type ResumedCall struct {
	CallID       CallID      `json:"callId"`
	State        CallStatus  `json:"state"`
	Role         Role        `json:"role"`
	Peer         ResumedPeer `json:"peer"`
	PeerExtended bool        `json:"peerExtended"`
	IsVideoCall  bool        `json:"isVideoCall"`
	StartedAt    Millis      `json:"startedAt"`
	AnsweredAt   Millis      `json:"answeredAt,omitempty"`
	ExpiresAt    Millis      `json:"expiresAt,omitempty"` // while it rings
	Metadata     Any         `json:"metadata,omitempty"`
}

// ResumedPeer is the other party. Of a callee only the id is known.
type ResumedPeer struct {
	ID      UserID   `json:"id"`
	Name    string   `json:"name,omitempty"`
	Profile *Profile `json:"profile,omitempty"`
	Away    bool     `json:"away"` // its connection is lost
}

// Resumed is a call and what was kept for the device that takes it.
type Resumed struct {
	Call    ResumedCall `json:"call"`
	Pending []KeptEvent `json:"pending"`
}

// KeptEvent is an event that came before its receiver.
type KeptEvent struct {
	Event string `json:"event"`
	Args  []Any  `json:"args"`
}
