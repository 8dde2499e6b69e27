package socketio

import "github.com/tandem-rtc/tandem/signaling/socketio/engine"

// Reason says why a socket was disconnected. The words are those of Node's
// server, as far as it knows them.
type Reason string

// The reasons.
const (
	ReasonClientDisconnect Reason = "client namespace disconnect" // the client sent DISCONNECT
	ReasonServerDisconnect Reason = "server namespace disconnect" // Socket.Disconnect(false)
	ReasonServerClose      Reason = "forced server close"         // Socket.Disconnect(true), Cut, or a protocol violation
	ReasonShutdown         Reason = "server shutting down"        // Server.Close
	ReasonTransportClose   Reason = "transport close"             // the client closed the transport or vanished
	ReasonTransportError   Reason = "transport error"             // the client broke the rules of the transport
	ReasonPingTimeout      Reason = "ping timeout"                // no pong in time
	ReasonParseError       Reason = "parse error"                 // a packet that can't be decoded
	ReasonSlow             Reason = "slow"                        // the client did not take what was queued for it
	ReasonReplaced         Reason = "replaced"                    // the client came back too late to be recovered, as a new socket
	ReasonMoved            Reason = "moved"                       // Socket.Export: it goes on in another server
)

func reasonOf(r engine.Reason) Reason {
	switch r {
	case engine.ReasonTransportError:
		return ReasonTransportError
	case engine.ReasonPingTimeout:
		return ReasonPingTimeout
	case engine.ReasonParseError:
		return ReasonParseError
	case engine.ReasonForced:
		return ReasonServerClose
	case engine.ReasonSlow:
		return ReasonSlow
	}
	return ReasonTransportClose
}
