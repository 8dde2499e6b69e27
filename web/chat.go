package web

import (
	"context"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Chat is what the REST routes of messages stand on. Its errors carry wire
// codes.
type Chat interface {
	// ChatOn reports whether messages are kept at all.
	ChatOn() bool
	// SendMessage stores a message; deliver, if not nil, is called when its author
	// has been answered and tells everybody else (M1). from is its author: the
	// claims of its token are the profile that the receiver is shown.
	SendMessage(ctx context.Context, from *auth.Identity, d chat.Draft) (m *chat.Message, deliver func(), err error)
	History(ctx context.Context, user, peer, before string, limit int) ([]*chat.Message, error)
	React(ctx context.Context, user, id, emoji string) (*chat.Message, error)
	EditMessage(ctx context.Context, user, id, text string) (*chat.Message, error)
	// DeleteMessage deletes it for both, or with forMe for the user alone.
	DeleteMessage(ctx context.Context, user, id string, forMe bool) error
	Conversations(ctx context.Context, user, cursor string, limit int) ([]chat.Conversation, string, error)
}

// CallLog is what the REST routes of ended calls stand on (C14).
type CallLog interface {
	// Calls lists a user's calls, those that ended last first, and counts those
	// that the user missed and has not looked at.
	Calls(ctx context.Context, user, cursor string, limit int) (list []chat.LoggedCall, next string, missed int, err error)
	// SeeCalls says that the user has looked at those that ended until then.
	SeeCalls(ctx context.Context, user string, until time.Time) error
}
