package chat

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// Store keeps everything that outlives a connection. Its parts are named by who
// needs them. Limits are positive; callers bound them. Errors that asking again
// may cure are wrapped in ErrUnavailable; the end of a context is told by its
// own error. Empty lists inside of a message are nil.
type Store interface {
	Messages
	Journal
	CallLog
	Blocks
	Custody
	// Close waits for what is being written; everything after it gives
	// ErrUnavailable. It may be called again.
	Close() error
}

// Messages are the conversations of pairs of users. What is between two users
// does not depend on their order. An error says that nothing has changed.
type Messages interface {
	// Add stores a new message and fills in ID, Status (Sent), Created and
	// Updated; one that is HiddenFor its receiver from the beginning is no news to
	// it. It returns when the message is durable. If this sender has
	// already sent one under the same ClientID, that one is returned as it is
	// now, and created is false (M1).
	Add(ctx context.Context, m Message) (stored *Message, created bool, err error)
	// AddMany does to messages of one sender what Add does to each, in their order
	// and at once where it can. It says of each what became of it.
	AddMany(ctx context.Context, list []Message) []Added
	// Sent finds what a sender has sent under a ClientID, as it is now (M1).
	// ErrNotFound: nothing.
	Sent(ctx context.Context, sender, clientID string) (*Message, error)
	// Get returns the message as it is now.
	Get(ctx context.Context, id string) (*Message, error)
	// History lists the newest limit messages between user and peer that user
	// has not hidden, oldest first; with before, the id of one of theirs, those
	// that are older than it (ErrBadCursor: it is none). None: an empty list.
	History(ctx context.Context, user, peer, before string, limit int) ([]*Message, error)
	// Mark raises the status of a message if reader is its receiver. rose tells
	// whether it was lower. ErrNotFound: no such message of that receiver.
	Mark(ctx context.Context, reader, id string, to Status) (m *Message, rose bool, err error)
	// MarkDelivered does to several messages of a reader what Mark with Delivered
	// does to one, at once where it can. rose are those that were lower, in the
	// order of ids; an id of none of the reader's messages is passed over.
	MarkDelivered(ctx context.Context, reader string, ids []string) (rose []*Message, err error)
	// MarkAll makes every message from author to reader seen, in one statement,
	// and says how many were not.
	MarkAll(ctx context.Context, reader, author string) (n int, err error)
	// Update changes a message by a rule: change gets a clone of it as it is and
	// says whether it changed it. It may be called again if somebody else was
	// faster, and its error is returned as it is. Only Text, Media, Reactions,
	// Edits and HiddenFor may change; Updated is the store's. A change of
	// HiddenFor alone is news for none but whom it was hidden from.
	Update(ctx context.Context, id string, change func(*Message) (bool, error)) (m *Message, changed bool, err error)
	// Remove deletes a message for both, if allow says so (its error is returned
	// as it is), and returns it as it was.
	Remove(ctx context.Context, id string, allow func(*Message) error) (*Message, error)
	// Conversations lists those with whom the user has messages that are not
	// hidden, newest first, from a cursor on ("" is the start); next is "" after
	// the last.
	Conversations(ctx context.Context, user, cursor string, limit int) (list []Conversation, next string, err error)
	// Partners lists up to limit users with whom the user has messages, those of
	// the newest first (P4).
	Partners(ctx context.Context, user string, limit int) ([]string, error)
}

// Added is what Add returns.
type Added struct {
	Message *Message
	Created bool
	Err     error
}

// Conversation is how one stands with somebody.
type Conversation struct {
	Peer   string
	Last   *Message
	Unread int // messages from Peer that are neither seen nor hidden
}

// Journal is the order in which things happened to a user's messages: what a
// device reads after it was away (M3).
type Journal interface {
	// Changes lists what happened since the cursor, oldest first, at most limit
	// changes; "" is the beginning of all. Reading on from each Cursor until
	// More is false gives every change that was complete when the last page was
	// read, each message in the state that it has by then: no gap however many
	// nodes write meanwhile, nothing twice that has not changed again.
	Changes(ctx context.Context, user, since string, limit int) (Changes, error)
	// Head is the cursor after which nothing has happened yet.
	Head(ctx context.Context, user string) (string, error)
}

// Changes are one page of a user's journal. A message is in one of Messages and
// Receipts.
type Changes struct {
	// Messages are new ones, and those whose text, media or reactions changed.
	Messages []*Message
	// Receipts are messages of which nothing but the status has risen.
	Receipts []Receipt
	// Deleted are ids of messages that are gone for this user: deleted for both,
	// by this user for themselves, or erased with the other's data (M8). What
	// Expire takes is not told: clients know how long a site keeps messages.
	Deleted []string
	Cursor  string
	More    bool
}

// Receipt says how far a message has come, or, with an empty MessageID, that
// Reader has seen everything that Author wrote until Until, which is earlier
// than whatever came after.
type Receipt struct {
	MessageID      string
	Author, Reader string
	Status         Status
	Until          time.Time
}

// CallLog keeps the records of ended calls (C14).
type CallLog interface {
	// LogCall stores a record; one that is there already (same ID) stays as it
	// is. It returns when the record is durable.
	LogCall(ctx context.Context, r call.Record) error
	// Calls lists the user's calls, those that ended last first, from a cursor
	// on; next is "" after the last.
	Calls(ctx context.Context, user, cursor string, limit int) (list []LoggedCall, next string, err error)
	// MissedCalls counts those that the user missed and has not looked at.
	MissedCalls(ctx context.Context, user string) (int, error)
	// SeeCalls says that the user has looked at the calls that ended until then.
	SeeCalls(ctx context.Context, user string, until time.Time) error
}

// LoggedCall is a call as one of its parties sees it.
type LoggedCall struct {
	call.Record
	// Missed: the user was called and did not get to answer. New: missed, and
	// not looked at.
	Missed, New bool
}

// LiveCalls is what a store that belongs to one node alone does besides: it keeps
// what would be left of the node's live calls if it died (C14). Where nodes share
// their calls another one ends them.
type LiveCalls interface {
	// KeepLive notes calls that are live at that time, or live in another way than
	// before, with the reason for which they end if the node dies, and forgets
	// those that are not.
	KeepLive(ctx context.Context, at time.Time, put []call.Record, drop []string) error
	// Interrupted is for a node that starts: it makes records of the calls that
	// were live when the last one died, and lists them.
	Interrupted(ctx context.Context) ([]call.Record, error)
}

// Blocks are whom users do not want to hear of.
type Blocks interface {
	// Block and Unblock are idempotent.
	Block(ctx context.Context, user, other string) error
	Unblock(ctx context.Context, user, other string) error
	// Blocked lists whom the user has blocked, sorted.
	Blocked(ctx context.Context, user string) ([]string, error)
	// BlockedBy lists who has blocked the user, sorted: all of them, however many.
	// Who was left out would ring and be shown online. It is asked for a user who
	// connects, and kept while that is there.
	BlockedBy(ctx context.Context, user string) ([]string, error)
}

// Custody is what a site owes the people whose data it keeps (M8).
type Custody interface {
	// Export calls each for every message of the user, oldest first.
	Export(ctx context.Context, user string, each func(*Message) error) error
	// Erase deletes the user's messages, reactions, call records, blocks and
	// journal; the messages go from the other side too.
	Erase(ctx context.Context, user string) error
	// Expire deletes what was created before then, a bounded number at a time,
	// and says how many messages and calls went.
	Expire(ctx context.Context, before time.Time) (n int, err error)
}

// Profiles finds what others may know of a user: an object with _id and fields
// of an allow-list, or nil (M5).
type Profiles interface {
	Profile(ctx context.Context, user string) (json.RawMessage, error)
}
