package apidoc

import (
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// sessions are the events of presence and of the session itself.
func sessions() []Event {
	list := []Event{
		{
			Name: wire.PresenceWatch, Tag: "Presence",
			Summary: "Tells how users are, and from then on when that changes: up to 500 at a time, 2,000 in all.",
			Args:    []Arg{arg[shape.Watch]("watch")}, Ack: ack[[]shape.Presence](),
			Example: Try{Body: `{"users":["${peer}","${third}"]}`},
		},
		{
			Name: wire.PresenceUnwatch, Tag: "Presence", Summary: "Tells no more of users.",
			Args: []Arg{arg[shape.Watch]("watch")}, Ack: ack[[]shape.Presence](),
			Example: Try{Body: `{"users":["${peer}"]}`},
		},
		{
			Name: wire.PresenceUpdate, To: Client, Tag: "Presence",
			Summary: "A watched user came, went, or took another device.",
			Args:    []Arg{arg[shape.Presence]("presence")},
			Shown:   `[{"user":"${peer}","online":false,"devices":0,"lastSeen":1795659065000}]`,
		},
		{
			Name: wire.UserBlock, Tag: "Presence", Stored: true,
			Summary: "Blocks a user, who is not told: its calls and messages reach this user no more, and it sees it offline.",
			Args:    []Arg{arg[shape.Block]("block")}, Ack: ack[shape.Nothing](),
			Codes:   []wire.Code{wire.CodeForbidden, wire.CodeNotFound},
			Example: Try{Body: `{"userId":"${third}"}`},
		},
		{
			Name: wire.UserUnblock, Tag: "Presence", Stored: true, Summary: "Blocks a user no longer.",
			Args: []Arg{arg[shape.Block]("block")}, Ack: ack[shape.Nothing](),
			Codes:   []wire.Code{wire.CodeForbidden, wire.CodeNotFound},
			Example: Try{Body: `{"userId":"${third}"}`},
		},
		{
			Name: wire.UserBlocks, Tag: "Presence", Stored: true, Summary: "Whom this user blocks.",
			Args: []Arg{optional[shape.Nothing]("none")}, Ack: ack[shape.Blocks](), Example: Try{Body: `{}`},
		},
		{
			Name: wire.UserBlocked, To: Client, Tag: "Presence",
			Summary: "On another device, this user has blocked somebody, or no longer does.",
			Args:    []Arg{arg[shape.Blocked]("block")},
			Shown:   `[{"userId":"${third}","blocked":true}]`,
		},
		{
			Name: wire.ICEServers, Tag: "Session", Summary: "The STUN and TURN servers, with credentials.",
			Args: []Arg{optional[shape.Nothing]("none")}, Ack: ack[shape.IceServersReply](), Example: Try{Body: `{}`},
		},
		{
			Name: wire.AuthExpiring, To: Client, Tag: "Session",
			Summary: "The token runs out: send `auth:refresh` in time, or the session is closed.",
			Args:    []Arg{arg[shape.Expiring]("expiring")}, Shown: `[{"inMs":60000}]`,
		},
		{
			Name: wire.AuthRefresh, Tag: "Session", Summary: "A new token of the same user.",
			Args: []Arg{arg[shape.Refresh]("refresh")}, Ack: ack[shape.Refreshed](),
			Codes:   []wire.Code{wire.CodeUnauthorized, wire.CodeTokenExpired, wire.CodeIdentityMismatch},
			Example: Try{Body: `{"token":"${token}"}`},
		},
		{
			Name: wire.ServerDrain, To: Client, Tag: "Session",
			Summary: "This server goes away: connect again, elsewhere if there is an elsewhere.",
			Args:    []Arg{arg[shape.Drain]("drain")}, Shown: `[{"reconnectWithinMs":5000}]`,
		},
		{
			Name: wire.Ping, Tag: "Session", Summary: "Whether the connection lives, for pages, which do not see pings.",
			Args: []Arg{optional[shape.Nothing]("none")}, Ack: ack[shape.Pong](), Example: Try{Body: `{}`},
		},
		{
			Name: wire.Error, To: Client, Tag: "Session",
			Summary: "What was wrong with an event that asked for no acknowledgement.",
			Args:    []Arg{arg[shape.Problem]("problem")}, Cause: "nonsense", At: "me",
			Shown: `[{"code":"bad_payload","message":"to is missing.","event":"call:user"}]`,
		},
		{
			Name: wire.Hello, To: Client, Tag: "Session", Plain: true, Summary: "The first frame of the server.",
			Args: []Arg{arg[shape.Hello]("hello")}, Cause: "connect", At: "me",
			Shown: `[{"sid":"s1","user":"${me}","device":"laptop","resumed":false,"resumeToken":"s1.4uV.9x","resumeWindowMs":20000,"node":"node0","serverTime":1795659065000,"pingIntervalMs":25000,"maxPayload":1048576}]`,
		},
		{
			Name: wire.Auth, Tag: "Session", Plain: true,
			Summary: "Who the client is, as its first frame, where the request could not say so. Answered by `hello`.",
			Args:    []Arg{arg[shape.AuthFrame]("auth")}, Codes: []wire.Code{wire.CodeUnauthorized, wire.CodeTokenExpired, wire.CodeIdentityMismatch},
		},
		{
			Name: wire.Seq, Tag: "Session", Plain: true, Summary: "Up to which event everything has arrived: the server need not keep those any longer.",
			Args: []Arg{arg[int64]("seq")},
		},
		{
			Name: wire.Disconnect, Tag: "Session", Plain: true, Summary: "Goodbye: the session ends at once, and so do its calls. Of Socket.IO it is a packet of its own, which `socket.disconnect()` sends.",
		},
	}
	return extended(list)
}
