package chat

import "github.com/tandem-rtc/tandem/signaling/wire/rawjson"

// Draft is a message that somebody wants to send.
type Draft struct {
	To, Text, Media string
	ReplyTo         string // id of the message that it answers, or ""
	ClientID        string
}

// isoMillis is how JavaScript writes times.
const isoMillis = "2006-01-02T15:04:05.000Z"

// AppendJSON writes a message as clients get it: the fields that existing front
// ends read, and behind them clientId and editedAt where there are any.
func AppendJSON(b []byte, m *Message) []byte {
	str := func(key, v string) {
		b = append(b, key...)
		b = rawjson.AppendString(b, v)
	}
	str(`{"_id":`, m.ID)
	str(`,"senderId":`, m.Sender)
	str(`,"receiverId":`, m.Receiver)
	str(`,"message":`, m.Text)
	if m.Media == "" {
		b = append(b, `,"media":null`...)
	} else {
		str(`,"media":`, m.Media)
	}
	str(`,"status":`, m.Status.String())
	if m.ReplyTo == nil {
		b = append(b, `,"replyTo":null`...)
	} else {
		str(`,"replyTo":{"messageId":`, m.ReplyTo.MessageID)
		str(`,"text":`, m.ReplyTo.Text)
		b = append(b, '}')
	}
	b = AppendReactions(append(b, `,"reactions":`...), m.Reactions)
	str(`,"createdAt":`, m.Created.UTC().Format(isoMillis))
	str(`,"updatedAt":`, m.Updated.UTC().Format(isoMillis))
	if m.ClientID != "" {
		str(`,"clientId":`, m.ClientID)
	}
	if n := len(m.Edits); n > 0 {
		str(`,"editedAt":`, m.Edits[n-1].At.UTC().Format(isoMillis))
	}
	return append(b, '}')
}

// AppendReactions writes [{"userId":…,"emoji":…}].
func AppendReactions(b []byte, list []Reaction) []byte {
	b = append(b, '[')
	for i, r := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendString(append(b, `{"userId":`...), r.User)
		b = rawjson.AppendString(append(b, `,"emoji":`...), r.Emoji)
		b = append(b, '}')
	}
	return append(b, ']')
}

// AppendList writes messages as an array.
func AppendList(b []byte, list []*Message) []byte {
	b = append(b, '[')
	for i, m := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendJSON(b, m)
	}
	return append(b, ']')
}
