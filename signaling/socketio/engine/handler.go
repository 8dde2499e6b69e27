package engine

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// Lane says what becomes of a packet when the client does not keep up.
type Lane = wsconn.Lane

// The two lanes.
const (
	MustArrive = wsconn.MustArrive
	Droppable  = wsconn.Droppable
)

// Handler is what a session's messages are handed to. Calls for one socket
// never overlap.
type Handler interface {
	// OnMessage gets one message. data is valid during the call only.
	OnMessage(s *Socket, binary bool, data []byte)
	// OnIdle comes when everything that had arrived has been handed over:
	// flush here what was gathered for other sockets meanwhile. The socket's
	// own queue is flushed after it.
	OnIdle(s *Socket)
	// OnClose comes exactly once, after the last OnMessage.
	OnClose(s *Socket, c Close)
}

// Heartbeater may be implemented by a Handler that wants to hear of heartbeats.
// Whatever was queued before a ping has reached the client when its pong comes:
// transports keep order. Both are called with the socket's lock held and must
// neither block nor call back into the socket.
type Heartbeater interface {
	OnPing(s *Socket)
	OnPong(s *Socket)
}

// Reason says why a session ended.
type Reason uint8

// The reasons.
const (
	// ReasonTransportClose: the client closed the transport or vanished.
	ReasonTransportClose Reason = iota + 1
	// ReasonTransportError: the client broke the rules of the transport.
	ReasonTransportError
	// ReasonPingTimeout: no pong in time.
	ReasonPingTimeout
	// ReasonParseError: a packet could not be decoded.
	ReasonParseError
	// ReasonForced: this side closed it.
	ReasonForced
	// ReasonSlow: the client did not take what was queued for it.
	ReasonSlow
)

// String gives the reason as Node's server words it.
func (r Reason) String() string {
	switch r {
	case ReasonTransportClose:
		return "transport close"
	case ReasonTransportError:
		return "transport error"
	case ReasonPingTimeout:
		return "ping timeout"
	case ReasonParseError:
		return "parse error"
	case ReasonForced:
		return "forced close"
	case ReasonSlow:
		return "slow"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Close says how a session ended.
type Close struct {
	Reason Reason
	// Code is the WebSocket close code: the one received, or the one sent if
	// this side closed first; 1005 if the client's close frame had none, 1006
	// if there was no close frame. It is 0 over polling, except that an
	// Engine.IO close packet counts as 1005 on both transports: clients send
	// one when they give up a transport that failed, too, so it says nothing
	// about why.
	Code int
	// Err has details, for logs only; often nil.
	Err error
}

// WebSocket close codes this package sends (RFC 6455 §7.4). wsconn adds 1002
// for broken frames, 1007 for invalid UTF-8, and 1009 for messages that are
// larger than MaxPayload.
const (
	CodeNone        = 1005 // never sent: a close without a code
	CodeNormal      = 1000 // the server closed the session, or answered a close packet
	CodeGoingAway   = 1001 // Abort: come back
	CodeParseError  = 1002 // a packet that can't be decoded
	CodeForbidden   = 1008 // refused by the application, or an upgrade that makes no sense
	CodePingTimeout = 1001 // no pong in time
)

// Handshake is the request that opened a session. It is kept until
// [Socket.ReleaseHandshake].
type Handshake struct {
	Query      url.Values
	Header     http.Header
	Host       string
	RemoteAddr string
	Transport  string // of the handshake: Polling or WebSocket
	Secure     bool   // came over TLS
}
