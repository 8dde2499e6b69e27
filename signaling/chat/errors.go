package chat

import "github.com/tandem-rtc/tandem/signaling/wire"

// Errors of every store.
var (
	// ErrNotFound: no such message, or none that this user may know of.
	ErrNotFound error = &storeError{wire.CodeNotFound, "chat: not found"}
	// ErrBadCursor: not a cursor of this store.
	ErrBadCursor error = &storeError{wire.CodeBadPayload, "chat: bad cursor"}
	// ErrUnavailable: the store can not be written or read just now (away,
	// locked, full, read-only, closed). Nothing has happened.
	ErrUnavailable error = &storeError{wire.CodeUnavailable, "chat: store unavailable"}
)

// Errors of the rules: sentences that clients get.
var (
	ErrForbidden   error = wire.Errorf(wire.CodeForbidden, "Only the people of a conversation can do that.")
	ErrNotAuthor   error = wire.Errorf(wire.CodeForbidden, "Only the author of a message can do that.")
	ErrEmpty       error = wire.Errorf(wire.CodeBadPayload, "A message needs a text or media.")
	ErrTextTooLong error = wire.Errorf(wire.CodeTooLarge, "The text is longer than the server takes.")
	ErrText        error = wire.Errorf(wire.CodeBadPayload, "The text is not valid UTF-8.")
	ErrMedia       error = wire.Errorf(wire.CodeBadPayload, "Media must be an http or https URL of at most 2048 bytes.")
	ErrEmoji       error = wire.Errorf(wire.CodeBadPayload, "A reaction is an emoji of at most 64 bytes.")
	ErrClientID    error = wire.Errorf(wire.CodeBadPayload, "A clientId has at most 128 bytes of UTF-8.")
	ErrReply       error = wire.Errorf(wire.CodeBadPayload, "The message that is answered is not of this conversation.")
	ErrParties     error = wire.Errorf(wire.CodeBadPayload, "A message needs a sender and a receiver.")
)

// storeError has a code for clients and a text for logs.
type storeError struct {
	code wire.Code
	text string
}

func (e *storeError) Error() string { return e.text }

// Code is what clients get.
func (e *storeError) Code() string { return string(e.code) }
