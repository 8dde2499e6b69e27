package wire

import (
	"strconv"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Bounds of what a page of messages or conversations may have.
const (
	MaxMessagePage = 500
	messagePage    = 100 // of a request that names no limit
	maxChatCursor  = 512
	// MaxMessageText bounds a text before anybody looks at it.
	MaxMessageText = 1 << 20
	maxMedia       = 4096
	maxEmoji       = 256
)

// MessageSendPayload is the one argument of message:send.
type MessageSendPayload struct{ To, Text, Media, ReplyTo, ClientID string }

// MessageSyncPayload is the one argument of message:sync.
type MessageSyncPayload struct {
	Since string // the cursor of the last answer; "" from the beginning
	Limit int    // 0: nothing but the cursor of now
}

// MessageEditPayload is the one argument of message:edit.
type MessageEditPayload struct{ MessageID, Text string }

// MessageReactPayload is the one argument of message:react.
type MessageReactPayload struct {
	MessageID, Emoji string
	On               *bool // nil: what it was not
}

// MessageDeletePayload is the one argument of message:delete.
type MessageDeletePayload struct {
	MessageID string
	ForMe     bool
}

// MessageHistoryPayload is the one argument of message:history.
type MessageHistoryPayload struct {
	Peer, Before string
	Limit        int // 0: not named
}

// ConversationsPayload is the one argument of message:conversations.
type ConversationsPayload struct {
	Cursor string
	Limit  int
}

// UserBlockPayload is the one argument of user:block and user:unblock.
type UserBlockPayload struct{ UserID string }

// DecodeMessageSend reads the arguments of message:send. replyTo is the id of a
// message, or an object with it.
func DecodeMessageSend(args [][]byte) (p MessageSendPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "to":
			return userID("to", v, &p.To)
		case "text":
			return text("text", v, MaxMessageText, &p.Text)
		case "media":
			return text("media", v, maxMedia, &p.Media)
		case "clientId":
			return text("clientId", v, MaxMessageID, &p.ClientID)
		case "replyTo":
			return replyTo(v, &p.ReplyTo)
		}
		return nil
	})
	if err == nil && p.To == "" {
		err = missing("to")
	}
	return p, err
}

func replyTo(v []byte, dst *string) (bad *Problem) {
	if rawjson.KindOf(v) != rawjson.Record {
		return text("replyTo", v, MaxMessageID, dst)
	}
	err := rawjson.Object(v, func(k, v []byte) bool {
		if string(k) == "messageId" {
			bad = text("replyTo.messageId", v, MaxMessageID, dst)
		}
		return bad == nil
	})
	if err != nil && bad == nil {
		return wrongType("replyTo", "the id of a message")
	}
	return bad
}

// DecodeMessageSync reads the arguments of message:sync; it may have none.
func DecodeMessageSync(args [][]byte) (p MessageSyncPayload, err error) {
	p.Limit = messagePage
	if len(args) > 0 {
		err = fields(args, func(k, v []byte) *Problem {
			switch string(k) {
			case "since":
				return text("since", v, maxChatCursor, &p.Since)
			case "limit":
				return pageLimit(v, 0, &p.Limit)
			}
			return nil
		})
	}
	return p, err
}

// pageLimit reads a limit from least to MaxMessagePage.
func pageLimit(v []byte, least int64, dst *int) *Problem {
	if rawjson.IsNull(v) {
		return nil
	}
	n, ok := rawjson.Int64(v)
	if !ok || n < least {
		return wrongType("limit", "a number from "+strconv.FormatInt(least, 10)+" to "+strconv.Itoa(MaxMessagePage))
	}
	*dst = int(min(n, MaxMessagePage))
	return nil
}

// DecodeMessageEdit reads the arguments of message:edit.
func DecodeMessageEdit(args [][]byte) (p MessageEditPayload, err error) {
	err = ofMessage(args, &p.MessageID, func(k, v []byte) *Problem {
		if string(k) == "text" {
			return text("text", v, MaxMessageText, &p.Text)
		}
		return nil
	})
	return p, err
}

// DecodeMessageReact reads the arguments of message:react.
func DecodeMessageReact(args [][]byte) (p MessageReactPayload, err error) {
	err = ofMessage(args, &p.MessageID, func(k, v []byte) *Problem {
		switch string(k) {
		case "emoji":
			return text("emoji", v, maxEmoji, &p.Emoji)
		case "on":
			if rawjson.IsNull(v) {
				return nil
			}
			b, ok := rawjson.Bool(v)
			if !ok {
				return wrongType("on", "true or false")
			}
			p.On = &b
		}
		return nil
	})
	return p, err
}

// DecodeMessageDelete reads the arguments of message:delete.
func DecodeMessageDelete(args [][]byte) (p MessageDeletePayload, err error) {
	err = ofMessage(args, &p.MessageID, func(k, v []byte) *Problem {
		if string(k) != "forMe" || rawjson.IsNull(v) {
			return nil
		}
		b, ok := rawjson.Bool(v)
		if !ok {
			return wrongType("forMe", "true or false")
		}
		p.ForMe = b
		return nil
	})
	return p, err
}

// ofMessage reads fields of an event about a message that there is.
func ofMessage(args [][]byte, id *string, f func(k, v []byte) *Problem) error {
	err := fields(args, func(k, v []byte) *Problem {
		if string(k) == "messageId" {
			return text("messageId", v, MaxMessageID, id)
		}
		return f(k, v)
	})
	if err == nil && *id == "" {
		err = missing("messageId")
	}
	return err
}

// DecodeUserBlock reads the arguments of user:block and user:unblock.
func DecodeUserBlock(args [][]byte) (p UserBlockPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		if string(k) == "userId" {
			return userID("userId", v, &p.UserID)
		}
		return nil
	})
	if err == nil && p.UserID == "" {
		err = missing("userId")
	}
	return p, err
}

// DecodeMessageHistory reads the arguments of message:history.
func DecodeMessageHistory(args [][]byte) (p MessageHistoryPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "peer":
			return userID("peer", v, &p.Peer)
		case "before":
			return text("before", v, MaxMessageID, &p.Before)
		case "limit":
			return pageLimit(v, 1, &p.Limit)
		}
		return nil
	})
	if err == nil && p.Peer == "" {
		err = missing("peer")
	}
	return p, err
}

// DecodeConversations reads the arguments of message:conversations; it may have
// none.
func DecodeConversations(args [][]byte) (p ConversationsPayload, err error) {
	p.Limit = messagePage
	if len(args) > 0 {
		err = fields(args, func(k, v []byte) *Problem {
			switch string(k) {
			case "cursor":
				return text("cursor", v, maxChatCursor, &p.Cursor)
			case "limit":
				return pageLimit(v, 1, &p.Limit)
			}
			return nil
		})
	}
	return p, err
}
