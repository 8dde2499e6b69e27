package apidoc

import (
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// shown and answer are what signals look like in examples.
const (
	offer  = `{"type":"offer","sdp":"v=0"}`
	answer = `{"type":"answer","sdp":"v=0"}`
)

// baseCalls are the events of calls in the base profile (PROTOCOL.md §2).
func baseCalls() []Event {
	inCall := []wire.Code{wire.CodeNotInCall, wire.CodeCallEnded, wire.CodeNotFound}
	return []Event{
		{
			Name: wire.CallUser, Tag: "Calls",
			Summary: "Rings every device of a user. Repeated to the same user it is a further signal of the same call.",
			Args:    []Arg{arg[shape.CallUser]("call")}, Ack: ack[shape.CallReply](),
			Codes:   []wire.Code{wire.CodeBusy, wire.CodeOffline, wire.CodeForbidden, wire.CodeNotFound, wire.CodeCallEnded, wire.CodeAlreadyAnswered},
			Example: Try{Body: `{"to":"${peer}","signal":` + offer + `,"callerName":"Alice","isVideoCall":true}`},
		},
		{
			Name: wire.CallAnswer, Tag: "Calls",
			Summary: "Takes a call. The first answer wins; repeated it is a further signal.",
			Args:    []Arg{arg[shape.CallAnswer]("answer")}, Ack: ack[shape.CallReply](),
			Codes:   append(inCall, wire.CodeAlreadyAnswered),
			Example: Try{Before: "ringing", Body: `{"to":"${peer}","callId":"${callId}","signal":` + answer + `}`},
		},
		{
			Name: wire.CallEnd, Tag: "Calls",
			Summary: "Hangs up, or gives up while it rings. It ends the sender's own call, whatever `to` says.",
			Args:    []Arg{optional[shape.CallRef]("call")}, Ack: ack[shape.CallReply](), Codes: inCall,
			Example: Try{Before: "calling", Body: `{"to":"${peer}","callId":"${callId}"}`},
		},
		{
			Name: wire.CallRejected, Tag: "Calls",
			Summary: "Declines a call.",
			Args:    []Arg{optional[shape.CallRef]("call")}, Ack: ack[shape.CallReply](), Codes: inCall,
			Example: Try{Before: "ringing", Body: `{"to":"${peer}","callId":"${callId}"}`},
		},
		{
			Name: wire.CallIncoming, To: Client, Tag: "Calls",
			Summary: "A call rings, or a further signal of one that rings (same `callId`).",
			Args:    []Arg{arg[shape.IncomingCall]("call")}, Cause: wire.CallUser, At: "peer",
			Shown: `[{"from":{"_id":"${me}","fullName":"Alice A."},"signal":` + offer + `,"callerName":"Alice","isVideoCall":true,"fromId":"${me}","callId":"${callId}","expiresAt":1795659110000,"peerExtended":true}]`,
		},
		{
			Name: wire.CallAccepted, To: Client, Tag: "Calls",
			Summary: "The call was answered, or, to base devices, a further signal of a live call.",
			Args:    []Arg{arg[shape.Signal]("signal"), arg[shape.AcceptedBy]("by")}, Cause: wire.CallAnswer, At: "peer",
			Shown: `[` + answer + `,{"callId":"${callId}","by":"${me}","device":"laptop","extended":true}]`,
		},
		{
			Name: wire.CallEnd, To: Client, Tag: "Calls",
			Summary: "A call is over for this device.",
			Args:    []Arg{arg[shape.CallEnded]("end")}, Cause: wire.CallEnd, At: "peer",
			Shown: `[{"callId":"${callId}","reason":"cancelled"}]`,
		},
		{
			Name: wire.CallRejected, To: Client, Tag: "Calls",
			Summary: "The callee has declined.",
			Args:    []Arg{arg[shape.CallEnded]("end")}, Cause: wire.CallRejected, At: "peer",
			Shown: `[{"callId":"${callId}","reason":"rejected"}]`,
		},
		{
			Name: wire.CallUnavailable, To: Client, Tag: "Calls",
			Summary: "A call came to nothing: busy, offline, no_answer, forbidden.",
			Args:    []Arg{arg[shape.CallUnavailable]("why")}, Cause: "offline", At: "me",
			Shown: `[{"reason":"User is offline","code":"offline","callId":"${callId}"}]`,
		},
	}
}

// baseMessages are receipts, typing and presence in the base profile, and what is
// told of messages.
func baseMessages() []Event {
	message := `{"_id":"${messageId}","senderId":"${me}","receiverId":"${peer}","message":"Hello","media":null,"status":"sent","replyTo":null,"reactions":[],"createdAt":"2026-11-26T02:11:05.000Z","updatedAt":"2026-11-26T02:11:05.000Z"}`
	return []Event{
		receipt(wire.MessageDelivered, "A message has arrived. Only its receiver may say so; its author is told if the status has risen.", ""),
		receipt(wire.MessageSeen, "A message was seen.", `await tandem.messages.seen({ _id: "${messageId}", senderId: "${peer}" })`),
		{
			Name: wire.AllMessageSeen, Tag: "Messages",
			Summary: "Everything that an author wrote is seen; the author is told.",
			Args:    []Arg{arg[shape.ReceiptOfAll]("all")}, Ack: ack[shape.Nothing](),
			Example: Try{Before: "message", Body: `{"receiverId":"${me}","senderId":"${peer}"}`},
			SDK:     `await tandem.messages.allSeen("${peer}")`,
		},
		typing(wire.Typing, "Tells the receiver's devices that this user types. It ends by itself after 6 s.", ""),
		typing(wire.StopTyping, "The user has stopped typing.", "typing"),
		{
			Name: wire.GetOnlineUsers, To: Client, Tag: "Presence",
			Summary: "Who is online: on connect and, at most once a second, when it changed. On a large site only users whom the session had to do with.",
			Args:    []Arg{arg[[]shape.UserID]("users")}, Cause: "connect", At: "me",
			Shown: `[["${me}","${peer}"]]`,
		},
		{
			Name: wire.NewMessage, To: Client, Tag: "Messages",
			Summary: "A message, to the receiver's devices and to the author's other extended ones.",
			Args:    []Arg{arg[shape.Message]("message"), arg[shape.Profile]("author")}, Cause: wire.MessageSend, At: "peer",
			Shown: `[` + message + `,{"_id":"${me}","fullName":"Alice A."}]`,
		},
		{
			Name: wire.MessageStatusUpdated, To: Client, Tag: "Messages",
			Summary: "How far a message of this user has come. Extended devices hear, too, that another device of theirs has seen a message of somebody else.",
			Args:    []Arg{arg[shape.MessageReceipt]("receipt")}, Cause: wire.MessageSeen, At: "peer",
			Shown: `[{"messageId":"${messageId}","status":"seen"}]`,
		},
		{
			Name: wire.AllMessageStatusUpdated, To: Client, Tag: "Messages",
			Summary: "Somebody has seen everything of this user, or, to extended devices, another device of theirs has seen everything of somebody.",
			Args:    []Arg{arg[shape.AllReceipt]("all")}, Cause: wire.AllMessageSeen, At: "peer",
			Shown: `[{"senderId":"${peer}","receiverId":"${me}","status":"seen"}]`,
		},
		{
			Name: wire.ReactionUpdated, To: Client, Tag: "Messages",
			Summary: "The reactions of a message, as they are now; to both people.",
			Args:    []Arg{arg[shape.Reactions]("now")}, Cause: wire.MessageReact, At: "peer",
			Shown: `[{"messageId":"${messageId}","reactions":[{"userId":"${me}","emoji":"👍"}]}]`,
		},
		{
			Name: wire.MessageDeleted, To: Client, Tag: "Messages",
			Summary: "A message is gone. Extended devices are told which; base ones what is left of the conversation, oldest first, then author and receiver, then which.",
			Args:    []Arg{arg[shape.Deleted]("gone")}, Cause: wire.MessageDelete, At: "peer",
			Shown: `[{"messageId":"${messageId}"}]`,
			Base:  []Arg{arg[[]shape.Message]("left"), arg[shape.UserID]("author"), arg[shape.UserID]("receiver"), arg[shape.Deleted]("gone")},
		},
		{
			Name: wire.UserTyping, To: Client, Tag: "Presence",
			Summary: "Somebody types: the id, a bare string.",
			Args:    []Arg{arg[shape.UserID]("user")}, Cause: wire.Typing, At: "peer", Shown: `["${me}"]`,
		},
		{
			Name: wire.UserStopTyping, To: Client, Tag: "Presence",
			Summary: "Somebody types no more.",
			Args:    []Arg{arg[shape.UserID]("user")}, Cause: wire.StopTyping, At: "peer", Shown: `["${me}"]`,
		},
	}
}

func receipt(name, summary, sdk string) Event {
	return Event{
		Name: name, Tag: "Messages", Summary: summary,
		Args: []Arg{arg[shape.ReceiptOf]("receipt")}, Ack: ack[shape.Nothing](), Codes: []wire.Code{wire.CodeNotFound, wire.CodeForbidden},
		Example: Try{Before: "message", Body: `{"messageId":"${messageId}","senderId":"${peer}"}`}, SDK: sdk,
	}
}

func typing(name, summary, before string) Event {
	return Event{
		Name: name, Tag: "Presence", Summary: summary, Args: []Arg{arg[shape.Typing]("to")},
		Example: Try{Before: before, Body: `{"receiverId":"${peer}"}`},
	}
}
