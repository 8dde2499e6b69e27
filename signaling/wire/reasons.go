package wire

// CloseCode is a WebSocket close code of the plain dialect (RFC 6455 §7.4.2:
// 4000 to 4999 are private), with the reason text that goes with it.
type CloseCode struct {
	Code   int
	Reason string
	// Final tells clients not to come back by themselves.
	Final bool
	Means string
}

// Close codes of /ws. PROTOCOL.md's table is checked against CloseCodes by a
// test. Socket.IO clients get the reason as a CONNECT_ERROR message, or no
// reason at all where the transport is just cut.
var (
	CloseNormal           = CloseCode{1000, "bye", true, "the client said goodbye; the server confirms"}
	CloseTooBig           = CloseCode{1009, "message too big", false, "a frame was larger than maxPayload"}
	CloseBadText          = CloseCode{1007, "invalid UTF-8", false, "a text frame was not valid UTF-8"}
	CloseBadFrame         = CloseCode{4400, "bad frame", false, "a frame was not a JSON object of this protocol"}
	CloseUnauthorized     = CloseCode{4401, "unauthorized", true, "no valid token"}
	CloseTokenExpired     = CloseCode{4402, "token_expired", true, "the token ran out and was not refreshed"}
	CloseForbidden        = CloseCode{4403, "forbidden", true, "identity_mismatch, or the origin is not allowed"}
	CloseHandshakeTimeout = CloseCode{4408, "handshake timeout", false, "the auth frame did not come in time"}
	CloseDisconnected     = CloseCode{4410, "disconnected", true, "a back end has ended the session"}
	CloseReplaced         = CloseCode{4409, "replaced", true, "the same device connected again: this socket is its old one"}
	CloseRateLimited      = CloseCode{4429, "rate_limited", false, "far too many events, or too many devices of one user"}
	CloseGoingAway        = CloseCode{1001, "server is going away", false, "drain or shutdown: connect again, to another node"}
)

// CloseCodes is the whole table.
func CloseCodes() []CloseCode {
	return []CloseCode{
		CloseNormal, CloseGoingAway, CloseBadText, CloseTooBig, CloseBadFrame, CloseUnauthorized, CloseTokenExpired,
		CloseForbidden, CloseHandshakeTimeout, CloseReplaced, CloseDisconnected, CloseRateLimited,
	}
}
