package shape

import "encoding/json"

// UserID names a user: 1 to 128 bytes of UTF-8.
type UserID string

// CallID names a call. The server makes it.
type CallID string

// MessageID names a stored message: 24 hex digits.
type MessageID string

// Signal is any JSON: an SDP object, a candidate. It is passed on unaltered.
type Signal struct{ json.RawMessage }

// Any is JSON that means something to clients only.
type Any struct{ json.RawMessage }

// Millis is a time in milliseconds since 1970.
type Millis int64

// ISOTime is a time as ISO 8601 writes it, in UTC with milliseconds.
type ISOTime string

// Nothing is an object without members that count.
type Nothing struct{}

// CallStatus is how far a call has come.
type CallStatus string

// ReplyStatus is what became of a call that a client did something about.
type ReplyStatus string

// EndReason is why a call ended.
type EndReason string

// MessageStatus is how far a message has come. It only rises.
type MessageStatus string

// ErrorCode names an error for programs. It never changes once released.
type ErrorCode string

// PeerStatus is what became of the other party's connection.
type PeerStatus string

// Role is which of the two a user is in a call.
type Role string

// Profile is what a user is shown of another one: an allow-list of fields, those
// of the token before those that the client sent.
type Profile struct {
	ID         UserID `json:"_id,omitempty"` // the verified user id
	Username   string `json:"username,omitempty"`
	FullName   string `json:"fullName,omitempty"`
	Name       string `json:"name,omitempty"`
	ProfilePic string `json:"profilePic,omitempty"` // an http or https URL
	Gender     string `json:"gender,omitempty"`
}

// Problem is an error.
type Problem struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"`         // a sentence for people, which may change
	Event   string    `json:"event,omitempty"` // in the event `error`: what it is about
}

// Hello is the first frame on /ws.
type Hello struct {
	SID            string `json:"sid"` // of this session
	User           UserID `json:"user"`
	Device         string `json:"device"`
	Resumed        bool   `json:"resumed"`        // the former session goes on
	ResumeToken    string `json:"resumeToken"`    // good for one return
	ResumeWindowMs int64  `json:"resumeWindowMs"` // how long a lost session is kept
	Node           string `json:"node"`
	ServerTime     Millis `json:"serverTime"`
	PingIntervalMs int64  `json:"pingIntervalMs"`
	MaxPayload     int64  `json:"maxPayload"` // bytes of a frame
}

// AuthFrame is who the client of /ws is, where its request could not say so.
type AuthFrame struct {
	Token    string       `json:"token,omitempty"`
	UserID   UserID       `json:"userId,omitempty"` // believed where the server has no secret
	DeviceID string       `json:"deviceId,omitempty"`
	Resume   *ResumeFrame `json:"resume,omitempty"`
}

// ResumeFrame names a session to go on with.
type ResumeFrame struct {
	Token   string `json:"token"`
	LastSeq int64  `json:"lastSeq,omitempty"` // of the last event that arrived
}

// Pong answers a ping.
type Pong struct {
	ServerTime Millis `json:"serverTime"`
}

// Expiring says that the token runs out.
type Expiring struct {
	InMs int64 `json:"inMs"`
}

// Refresh brings a new token.
type Refresh struct {
	Token string `json:"token"`
}

// Refreshed says until when the new token holds.
type Refreshed struct {
	ExpiresAt *Millis `json:"expiresAt"` // null: it does not run out
}

// Drain says that this server goes away.
type Drain struct {
	ReconnectWithinMs int64 `json:"reconnectWithinMs"`
}

// IceServer is an RTCIceServer.
type IceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// IceServersReply has the STUN and TURN servers.
type IceServersReply struct {
	IceServers []IceServer `json:"iceServers"`
	TTL        int64       `json:"ttl"` // seconds for which the credentials hold
}
