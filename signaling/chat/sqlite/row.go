package sqlite

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// columns are what row.dest scans, in its order, of messages m and their pairs p;
// storedColumns leave out what the pair says of the status.
var (
	columns       = columnsWith(`iif(m.n <= iif(m.dir, p.seen1, p.seen0), 4, m.status)`)
	storedColumns = columnsWith(`m.status`)
)

func columnsWith(status string) string {
	return `m.n, m.conv, m.dir, m.sender, m.receiver, ` + status + `, m.hidden, m.seq, m.content, m.rev, m.created, m.updated,
		m.text, m.media, m.reply_id, m.reply_text, m.client_id, m.reactions, m.edits`
}

// For whom a message is hidden: a set of bits.
const (
	hiddenSender   = 1
	hiddenReceiver = 2
)

// statusBase is Sent as it is stored: SQLite gives 0 and 1 no byte of their own,
// and a row that keeps its length is overwritten where it stands.
const statusBase = 2

// row is a message as it is stored.
type row struct {
	n, conv, dir     int64
	seq, content     int64
	rev, hidden      int64
	created, updated int64
	sender, receiver string
	status           int64
	text, media      string
	replyID          sql.NullString
	replyText        sql.NullString
	clientID         sql.NullString
	reactions, edits []byte
}

func (r *row) dest() []any {
	return []any{
		&r.n, &r.conv, &r.dir, &r.sender, &r.receiver, &r.status, &r.hidden, &r.seq, &r.content, &r.rev, &r.created, &r.updated,
		&r.text, &r.media, &r.replyID, &r.replyText, &r.clientID, &r.reactions, &r.edits,
	}
}

// storedReaction and storedEdit are the JSON of their columns.
type (
	storedReaction struct {
		User  string `json:"u"`
		Emoji string `json:"e"`
	}
	storedEdit struct {
		Text string `json:"t"`
		At   int64  `json:"at"`
	}
)

// size is about what it takes to keep a row.
func (r *row) size() int {
	return 400 + len(r.sender) + len(r.receiver) + len(r.text) + len(r.media) + len(r.replyText.String) + len(r.reactions) + len(r.edits)
}

func (r *row) message(t tag) (*chat.Message, error) {
	m := &chat.Message{
		ID: t.name(r.n, r.created), Sender: r.sender, Receiver: r.receiver, Text: r.text, Media: r.media,
		Status: chat.Status(r.status - statusBase), ClientID: r.clientID.String,
		Created: clock(r.created), Updated: clock(r.updated),
	}
	if r.replyID.Valid {
		m.ReplyTo = &chat.Reply{MessageID: r.replyID.String, Text: r.replyText.String}
	}
	if r.hidden&hiddenSender != 0 {
		m.HiddenFor = append(m.HiddenFor, r.sender)
	}
	if r.hidden&hiddenReceiver != 0 && (r.receiver != r.sender || m.HiddenFor == nil) {
		m.HiddenFor = append(m.HiddenFor, r.receiver)
	}
	if len(r.reactions) > 0 {
		var list []storedReaction
		if err := json.Unmarshal(r.reactions, &list); err != nil {
			return nil, unavailable(ErrCorrupt, err)
		}
		for _, e := range list {
			m.Reactions = append(m.Reactions, chat.Reaction{User: e.User, Emoji: e.Emoji})
		}
	}
	if len(r.edits) > 0 {
		var list []storedEdit
		if err := json.Unmarshal(r.edits, &list); err != nil {
			return nil, unavailable(ErrCorrupt, err)
		}
		for _, e := range list {
			m.Edits = append(m.Edits, chat.Edit{Text: e.Text, At: clock(e.At)})
		}
	}
	return m, nil
}

// packReactions and packEdits give nil, which is NULL, for an empty list.
func packReactions(list []chat.Reaction) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]storedReaction, 0, len(list))
	for _, r := range list {
		out = append(out, storedReaction{User: r.User, Emoji: r.Emoji})
	}
	b, err := json.Marshal(out)
	return string(b), err
}

func packEdits(list []chat.Edit) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]storedEdit, 0, len(list))
	for _, e := range list {
		out = append(out, storedEdit{Text: e.Text, At: e.At.UnixMilli()})
	}
	b, err := json.Marshal(out)
	return string(b), err
}

// hiddenBits is the set of those of the two who hid it.
func hiddenBits(m *chat.Message) (bits int64) {
	for _, user := range m.HiddenFor {
		if user == m.Sender {
			bits |= hiddenSender
		}
		if user == m.Receiver {
			bits |= hiddenReceiver
		}
	}
	return bits
}

func clock(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
