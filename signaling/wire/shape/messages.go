package shape

// Typing is to whom somebody types.
type Typing struct {
	SenderID   string `json:"senderId,omitempty"` // ignored
	ReceiverID UserID `json:"receiverId"`
}

// ReceiptOf is of a message that its receiver has, or has seen.
type ReceiptOf struct {
	MessageID MessageID `json:"messageId"`
	SenderID  UserID    `json:"senderId"` // its author
}

// ReceiptOfAll is of all messages of an author.
type ReceiptOfAll struct {
	SenderID   UserID `json:"senderId"`             // the author
	ReceiverID UserID `json:"receiverId,omitempty"` // the reader; overwritten by the verified user
}

// MessageReceipt tells an author how far a message has come.
type MessageReceipt struct {
	MessageID MessageID     `json:"messageId"`
	Status    MessageStatus `json:"status"`
}

// AllReceipt tells an author that somebody has seen everything.
type AllReceipt struct {
	SenderID   UserID        `json:"senderId"`
	ReceiverID UserID        `json:"receiverId"`
	Status     MessageStatus `json:"status"`
}

// Reaction is one user's emoji.
type Reaction struct {
	UserID UserID `json:"userId"`
	Emoji  string `json:"emoji"`
}

// Reply is an answered message, as it read then.
type Reply struct {
	MessageID MessageID `json:"messageId"`
	Text      string    `json:"text"`
}

// Message is a stored message.
type Message struct {
	ID         MessageID     `json:"_id"`
	SenderID   UserID        `json:"senderId"`
	ReceiverID UserID        `json:"receiverId"`
	Message    string        `json:"message"`
	Media      *string       `json:"media"` // an http or https URL
	Status     MessageStatus `json:"status"`
	ReplyTo    *Reply        `json:"replyTo"`
	Reactions  []Reaction    `json:"reactions"`
	CreatedAt  ISOTime       `json:"createdAt"`
	UpdatedAt  ISOTime       `json:"updatedAt"`
	ClientID   string        `json:"clientId,omitempty"` // the author's own id for it
	EditedAt   ISOTime       `json:"editedAt,omitempty"`
}

// MessageSend is a message to send: a text, or media, or both.
type MessageSend struct {
	To       UserID    `json:"to"`
	Text     string    `json:"text,omitempty"`     // up to 16 KiB
	Media    string    `json:"media,omitempty"`    // an http or https URL
	ReplyTo  MessageID `json:"replyTo,omitempty"`  // a message of the two
	ClientID string    `json:"clientId,omitempty"` // sending it again gives the same message
}

// OneMessage is a message as it is now.
type OneMessage struct {
	Message Message `json:"message"`
}

// MessageSync asks for what happened since.
type MessageSync struct {
	Since string `json:"since,omitempty"` // the cursor of the last answer; without it from the beginning
	Limit *int   `json:"limit,omitempty"` // 100, at most 500; 0: nothing but the cursor of now
}

// Synced is what happened since. Ask on while there is more.
type Synced struct {
	Messages []Message   `json:"messages"`
	Receipts []Receipt   `json:"receipts"`
	Deleted  []MessageID `json:"deleted"`
	Cursor   string      `json:"cursor"`
	More     bool        `json:"more"`
}

// Receipt is how far one message has come, or all that an author wrote until
// then.
type Receipt struct {
	MessageID  MessageID     `json:"messageId,omitempty"`
	SenderID   UserID        `json:"senderId,omitempty"`
	ReceiverID UserID        `json:"receiverId,omitempty"`
	Until      Millis        `json:"until,omitempty"`
	Status     MessageStatus `json:"status"`
}

// MessageHistory asks for the newest messages with somebody, or those before one.
type MessageHistory struct {
	Peer   UserID    `json:"peer"`
	Before MessageID `json:"before,omitempty"`
	Limit  int       `json:"limit,omitempty"` // at most 500
}

// History is oldest first.
type History struct {
	Messages []Message `json:"messages"`
}

// MessageConversations asks with whom there are messages.
type MessageConversations struct {
	Cursor string `json:"cursor,omitempty"` // the next of the page before
	Limit  int    `json:"limit,omitempty"`  // 100, at most 500
}

// Conversation is how a user stands with somebody.
type Conversation struct {
	Peer        UserID  `json:"peer"`
	Unread      int     `json:"unread"`
	LastMessage Message `json:"lastMessage"`
}

// Conversations is newest first.
type Conversations struct {
	Conversations []Conversation `json:"conversations"`
	Next          string         `json:"next"` // the cursor of the next page; empty after the last
}

// MessageEdit is a new text.
type MessageEdit struct {
	MessageID MessageID `json:"messageId"`
	Text      string    `json:"text"`
}

// MessageReact puts an emoji to a message or takes it back.
type MessageReact struct {
	MessageID MessageID `json:"messageId"`
	Emoji     string    `json:"emoji"`
	On        *bool     `json:"on,omitempty"` // absent: what it was not
}

// Reactions are those of a message now.
type Reactions struct {
	MessageID MessageID  `json:"messageId"`
	Reactions []Reaction `json:"reactions"`
}

// MessageDelete deletes a message.
type MessageDelete struct {
	MessageID MessageID `json:"messageId"`
	ForMe     bool      `json:"forMe,omitempty"` // for the sender of the event alone
}

// Deleted names a message that is gone.
type Deleted struct {
	MessageID MessageID `json:"messageId"`
}

// Watch names users, up to 500.
type Watch struct {
	Users []UserID `json:"users"`
}

// Presence is whether a user is there.
type Presence struct {
	User     UserID  `json:"user"`
	Online   bool    `json:"online"`
	Devices  int     `json:"devices"`
	LastSeen *Millis `json:"lastSeen"`
}

// Block is a user to block, or to block no longer.
type Block struct {
	UserID UserID `json:"userId"`
}

// Blocked says on a user's own devices whether it blocks somebody.
type Blocked struct {
	UserID  UserID `json:"userId"`
	Blocked bool   `json:"blocked"`
}

// Blocks are the users that a user blocks.
type Blocks struct {
	Users []UserID `json:"users"`
}
