package mongo

import (
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// messageDoc is a message as it is first stored: the fields of existing programs,
// and ours.
type messageDoc struct {
	ID        bson.ObjectID `bson:"_id"`
	Sender    any           `bson:"senderId"`
	Receiver  any           `bson:"receiverId"`
	Text      string        `bson:"message"`
	Media     string        `bson:"media,omitempty"`
	Status    string        `bson:"status"`
	ReplyTo   *replyDoc     `bson:"replyTo,omitempty"`
	Reactions bson.A        `bson:"reactions"`
	Created   time.Time     `bson:"createdAt"`
	Updated   time.Time     `bson:"updatedAt"`
	Mongoose  int32         `bson:"__v"` // Mongoose counts changes of arrays in it
	Ours      oursDoc       `bson:"tandem"`
}

type replyDoc struct {
	MessageID any    `bson:"messageId"`
	Text      string `bson:"text"`
}

// oursDoc is what a message has for Tandem alone. What is absent counts as 0.
type oursDoc struct {
	// Version counts the changes that journals tell of, Content is the one that
	// last changed more than the status, Rev counts the others.
	Version int32 `bson:"v"`
	Content int32 `bson:"c"`
	// Key is unique: author and clientId. ClientID is that one alone.
	Key      string `bson:"key,omitempty"`
	ClientID string `bson:"client,omitempty"`
	// Hidden is for whom it is hidden.
	Hidden bson.A `bson:"hidden,omitempty"`
	// Open are the changes that journals may not know of yet.
	Open []bson.ObjectID `bson:"open"`
}

// placeDoc says where in the journals of author and receiver the content of a
// version is told.
type placeDoc struct {
	Version  int32 `bson:"v"`
	Sender   int64 `bson:"s"`
	Receiver int64 `bson:"r"`
}

func (p placeDoc) of(m *chat.Message, user string) int64 {
	if user == m.Sender {
		return p.Sender
	}
	return p.Receiver
}

// stored is a message as it was read.
type stored struct {
	m       *chat.Message
	id      any // as it stands in the document
	version int32
	content int32
	rev     int64
	adopted bool // a version is there
	gone    bool // deleted for both, but not from everywhere yet
	open    []bson.ObjectID
	place   placeDoc
	updated bson.RawValue // as it stands in the document
}

// read makes a message of a document of whatever program: what is missing or of
// another type than expected counts as empty.
func read(raw bson.Raw) (*stored, error) {
	fields, err := raw.Elements()
	if err != nil {
		return nil, unavailable(errors.New("a document is damaged"), err)
	}
	s := &stored{m: &chat.Message{}}
	m := s.m
	for _, f := range fields {
		v := f.Value()
		switch f.Key() {
		case "_id":
			m.ID, s.id = text(v), anyOf(v)
		case "senderId":
			m.Sender = text(v)
		case "receiverId":
			m.Receiver = text(v)
		case "message":
			m.Text = text(v)
		case "media":
			m.Media = text(v)
		case "status":
			m.Status = chat.ParseStatus(text(v))
		case "createdAt":
			m.Created = instant(v)
		case "updatedAt":
			m.Updated, s.updated = instant(v), v
		case "replyTo":
			m.ReplyTo = readReply(v)
		case "reactions":
			m.Reactions = readReactions(v)
		case "tandem":
			s.readOurs(v)
		}
	}
	if m.Created.IsZero() {
		if oid, ok := s.id.(bson.ObjectID); ok {
			m.Created = oid.Timestamp().UTC()
		}
	}
	if m.Updated.IsZero() {
		m.Updated = m.Created
	}
	return s, nil
}

func anyOf(v bson.RawValue) any {
	if v.Type == bson.TypeObjectID {
		return v.ObjectID()
	}
	return v
}

func (s *stored) readOurs(v bson.RawValue) {
	doc, ok := v.DocumentOK()
	if !ok {
		return
	}
	fields, _ := doc.Elements() // what is damaged counts as absent
	for _, f := range fields {
		v := f.Value()
		switch f.Key() {
		case "v":
			s.version, s.adopted = int32(number(v)), true
		case "c":
			s.content = int32(number(v))
		case "rev":
			s.rev = number(v)
		case "client":
			s.m.ClientID = text(v)
		case "gone":
			s.gone = v.Type == bson.TypeBoolean && v.Boolean()
		case "hidden":
			each(v, func(v bson.RawValue) { s.m.HiddenFor = append(s.m.HiddenFor, text(v)) })
		case "open":
			each(v, func(v bson.RawValue) {
				if v.Type == bson.TypeObjectID {
					s.open = append(s.open, v.ObjectID())
				}
			})
		case "edits":
			each(v, func(v bson.RawValue) {
				if d, ok := v.DocumentOK(); ok {
					s.m.Edits = append(s.m.Edits, chat.Edit{Text: text(d.Lookup("text")), At: instant(d.Lookup("at"))})
				}
			})
		case "at":
			if d, ok := v.DocumentOK(); ok {
				s.place = placeDoc{int32(number(d.Lookup("v"))), number(d.Lookup("s")), number(d.Lookup("r"))}
			}
		}
	}
}

// each calls f for every value of an array.
func each(v bson.RawValue, f func(bson.RawValue)) {
	a, ok := v.ArrayOK()
	if !ok {
		return
	}
	values, _ := a.Values()
	for _, v := range values {
		f(v)
	}
}

func readReply(v bson.RawValue) *chat.Reply {
	d, ok := v.DocumentOK()
	if !ok {
		return nil
	}
	r := &chat.Reply{MessageID: text(d.Lookup("messageId")), Text: text(d.Lookup("text"))}
	if r.MessageID == "" {
		return nil
	}
	return r
}

func readReactions(v bson.RawValue) (list []chat.Reaction) {
	each(v, func(v bson.RawValue) {
		d, ok := v.DocumentOK()
		if !ok {
			return
		}
		if r := (chat.Reaction{User: text(d.Lookup("userId")), Emoji: text(d.Lookup("emoji"))}); r.User != "" && r.Emoji != "" {
			list = append(list, r)
		}
	})
	return list
}

func reactionDocs(list []chat.Reaction) bson.A {
	out := bson.A{}
	for _, r := range list {
		out = append(out, bson.D{{Key: "userId", Value: value(r.User)}, {Key: "emoji", Value: r.Emoji}})
	}
	return out
}

func editDocs(list []chat.Edit) bson.A {
	out := bson.A{}
	for _, e := range list {
		out = append(out, bson.D{{Key: "text", Value: e.Text}, {Key: "at", Value: e.At}})
	}
	return out
}

func userDocs(list []string) bson.A {
	out := bson.A{}
	for _, u := range list {
		out = append(out, value(u))
	}
	return out
}
