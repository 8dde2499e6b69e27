package chat

import (
	"slices"
	"time"
)

// Status of a message; it only rises (M2).
type Status uint8

const (
	Sent Status = iota
	Delivered
	Seen
)

var statusNames = [...]string{Sent: "sent", Delivered: "delivered", Seen: "seen"}

// String is the status as clients and stored documents write it.
func (s Status) String() string { return statusNames[min(s, Seen)] }

// ParseStatus reads what String writes; anything else counts as Sent, as a
// document without a status does.
func ParseStatus(s string) Status {
	switch s {
	case "delivered":
		return Delivered
	case "seen":
		return Seen
	}
	return Sent
}

// Message is one message between two people. Values are shared between readers:
// whoever changes one changes a Clone.
type Message struct {
	// ID has 24 hex digits, made by the store, as MongoDB makes them.
	ID               string
	Sender, Receiver string
	Text             string
	// Media is the URL of what is attached, or "".
	Media  string
	Status Status
	// ReplyTo is the message that this one answers, as it read then.
	ReplyTo   *Reply
	Reactions []Reaction // one a user at most, in the order in which they came
	// ClientID is the sender's own name for it: a second send under the same
	// name is the same message (M1). "" for none.
	ClientID string
	// Edits are the former texts, oldest first.
	Edits []Edit
	// HiddenFor are those of the two who deleted it for themselves.
	HiddenFor []string
	// Created and Updated are in milliseconds, UTC.
	Created, Updated time.Time
}

// Reply names an answered message.
type Reply struct{ MessageID, Text string }

// Reaction is one user's emoji.
type Reaction struct{ User, Emoji string }

// Edit is a text that a message had until At.
type Edit struct {
	Text string
	At   time.Time
}

// Party reports whether the user is one of the two people of the message.
func (m *Message) Party(user string) bool { return user == m.Sender || user == m.Receiver }

// Peer is the other one of the two.
func (m *Message) Peer(user string) string {
	if user == m.Sender {
		return m.Receiver
	}
	return m.Sender
}

// HiddenFrom reports whether the user deleted it for themselves.
func (m *Message) HiddenFrom(user string) bool { return slices.Contains(m.HiddenFor, user) }

// Clone is a copy that shares nothing that can change.
func (m *Message) Clone() *Message {
	c := *m
	if m.ReplyTo != nil {
		r := *m.ReplyTo
		c.ReplyTo = &r
	}
	c.Reactions, c.Edits, c.HiddenFor = slices.Clone(m.Reactions), slices.Clone(m.Edits), slices.Clone(m.HiddenFor)
	return &c
}
