package wire

import "unicode/utf8"

// Events of the base profile (PROTOCOL.md §2): existing front ends depend on
// every letter.
const (
	CallUser     = "call:user"
	CallIncoming = "call:incoming"
	CallAnswer   = "call:answer"
	CallAccepted = "call:accepted"
	CallEnd      = "call:end"
	CallRejected = "call:rejected"

	CallUnavailable = "call:unavailable"

	GetOnlineUsers = "getOnlineUsers"

	Typing         = "typing"
	StopTyping     = "stopTyping"
	UserTyping     = "userTyping"
	UserStopTyping = "userStopTyping"

	MessageDelivered        = "messageDelivered"
	MessageSeen             = "messageSeen"
	AllMessageSeen          = "allmessageSeen"
	MessageStatusUpdated    = "messageStatusUpdated"
	AllMessageStatusUpdated = "allmessageStatusUpdated"
	NewMessage              = "newMessage"
	ReactionUpdated         = "reactionUpdated"
	MessageDeleted          = "messageDeleted"
)

// Events of the extended profile (PROTOCOL.md §3).
const (
	CallRinging   = "call:ringing"
	CallCandidate = "call:candidate"
	CallSignal    = "call:signal"
	CallPeer      = "call:peer"
	CallResume    = "call:resume"
	CallTransfer  = "call:transfer"
	CallHandoff   = "call:handoff"
	CallInvite    = "call:invite"
	CallState     = "call:state"

	MessageSend          = "message:send"
	MessageSync          = "message:sync"
	MessageEdit          = "message:edit"
	MessageDelete        = "message:delete"
	MessageReact         = "message:react"
	MessageHistory       = "message:history"
	MessageConversations = "message:conversations"
	MessageEdited        = "message:edited"

	UserBlock   = "user:block"
	UserUnblock = "user:unblock"
	UserBlocks  = "user:blocks"
	UserBlocked = "user:blocked"

	PresenceWatch   = "presence:watch"
	PresenceUnwatch = "presence:unwatch"
	PresenceUpdate  = "presence:update"

	ICEServers = "ice:servers"

	AuthExpiring = "auth:expiring"
	AuthRefresh  = "auth:refresh"

	ServerDrain = "server:drain"
	Error       = "error"
	Ping        = "ping"
	// Disconnect is a clean goodbye: the session ends at once.
	Disconnect = "disconnect"

	// Plain JSON dialect only.
	Hello = "hello"
	Auth  = "auth"
	Seq   = "seq"
)

// Message statuses, in the order in which they rise (M2).
const (
	StatusSent      = "sent"
	StatusDelivered = "delivered"
	StatusSeen      = "seen"
)

// maxEventName bounds the names of events that back ends send, in bytes.
const maxEventName = 128

// ValidEventName reports whether a back end may name an event so.
func ValidEventName(name string) bool {
	return name != "" && len(name) <= maxEventName && utf8.ValidString(name)
}

// ReservedEvent reports whether Socket.IO keeps the name for itself: its clients
// never get such an event.
func ReservedEvent(name string) bool {
	switch name {
	case "connect", "connect_error", Disconnect, "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
