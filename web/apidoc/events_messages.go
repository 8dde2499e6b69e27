package apidoc

import (
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// messages are the events of stored messages (PROTOCOL.md §3.1).
func messages() []Event {
	known := []wire.Code{wire.CodeNotFound, wire.CodeForbidden}
	list := []Event{
		{
			Name:    wire.MessageSend,
			Summary: "Sends a message; acknowledged once it is stored. The same `clientId` again gives the same message and delivers nothing twice.",
			Args:    []Arg{arg[shape.MessageSend]("message")}, Ack: ack[shape.OneMessage](),
			Codes:   []wire.Code{wire.CodeForbidden, wire.CodeNotFound, wire.CodeBusy, wire.CodeOffline},
			Example: Try{Body: `{"to":"${peer}","text":"Hello"}`},
			SDK:     `console.log(await tandem.messages.send("${peer}", { text: "Hello" }))`,
		},
		{
			Name:    wire.MessageSync,
			Summary: "What happened since the `cursor` of the last answer. Messages that a device gets this way count as delivered.",
			Args:    []Arg{optional[shape.MessageSync]("since")}, Ack: ack[shape.Synced](),
			Example: Try{Before: "message", Body: `{"limit":50}`},
		},
		{
			Name:    wire.MessageHistory,
			Summary: "The newest messages with somebody, or those before one of them, oldest first.",
			Args:    []Arg{arg[shape.MessageHistory]("page")}, Ack: ack[shape.History](), Codes: []wire.Code{wire.CodeNotFound},
			Example: Try{Before: "message", Body: `{"peer":"${peer}","limit":20}`},
			SDK:     `console.log(await tandem.messages.history("${peer}", { limit: 20 }))`,
		},
		{
			Name:    wire.MessageConversations,
			Summary: "With whom there are messages, newest first, with the last message and how many are unread.",
			Args:    []Arg{optional[shape.MessageConversations]("page")}, Ack: ack[shape.Conversations](),
			Example: Try{Before: "message", Body: `{"limit":20}`},
			SDK:     `console.log(await tandem.messages.conversations({ limit: 20 }))`,
		},
		{
			Name:    wire.MessageEdit,
			Summary: "Gives a message of one's own another text.",
			Args:    []Arg{arg[shape.MessageEdit]("edit")}, Ack: ack[shape.OneMessage](), Codes: known,
			Example: Try{Before: "ownMessage", Body: `{"messageId":"${messageId}","text":"Shall we talk now?"}`},
			SDK:     `console.log(await tandem.messages.edit("${messageId}", "Shall we talk now?"))`,
		},
		{
			Name: wire.MessageEdited, To: Client,
			Summary: "A message has another text; to both people.",
			Args:    []Arg{arg[shape.OneMessage]("edited")}, Cause: wire.MessageEdit, At: "peer",
			Shown: `[{"message":{"_id":"${messageId}","senderId":"${me}","receiverId":"${peer}","message":"Shall we talk now?","media":null,"status":"delivered","replyTo":null,"reactions":[],"createdAt":"2026-11-26T02:11:05.000Z","updatedAt":"2026-11-26T02:12:00.000Z","editedAt":"2026-11-26T02:12:00.000Z"}}]`,
		},
		{
			Name:    wire.MessageReact,
			Summary: "Puts an emoji to a message. The same again takes it back, another replaces it; with `on` it is put there or taken back, however often that is asked.",
			Args:    []Arg{arg[shape.MessageReact]("reaction")}, Ack: ack[shape.OneMessage](), Codes: known,
			Example: Try{Before: "message", Body: `{"messageId":"${messageId}","emoji":"👍","on":true}`},
			SDK:     `console.log(await tandem.messages.react("${messageId}", "👍"))`,
		},
		{
			Name:    wire.MessageDelete,
			Summary: "Deletes a message for both, if the sender is the author, or with `forMe` for the sender of the event alone.",
			Args:    []Arg{arg[shape.MessageDelete]("which")}, Ack: ack[shape.Nothing](), Codes: known,
			Example: Try{Before: "ownMessage", Body: `{"messageId":"${messageId}"}`},
			SDK:     `await tandem.messages.delete("${messageId}")`,
		},
	}
	for i := range list {
		list[i].Tag, list[i].Stored = "Messages", list[i].To == Server
	}
	return extended(list)
}
