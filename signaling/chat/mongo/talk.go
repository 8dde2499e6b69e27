package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// What two people have is known in two places: a small document of ours, which
// says when the newest message was, until when all was seen at once, and which
// document of conversations is theirs; and that one, whose array of messages
// grows without a bound, and which is only ever written to.

// talk is the small one.
type talk struct {
	last  time.Time // of the newest message
	clock time.Time // whatever comes is later than this
	conv  any       // nil: not known yet
}

func readTalk(raw bson.Raw) *talk {
	t := &talk{last: instant(raw.Lookup("last")), clock: instant(raw.Lookup("clock"))}
	if v := raw.Lookup("conv"); v.Type != 0 {
		t.conv = anyOf(v)
	}
	return t
}

func userValues(a, b string) bson.A {
	list := bson.A{}
	for _, u := range both(a, b) {
		list = append(list, value(u))
	}
	return list
}

// touch notes that the two have a message of a time, and says what was known
// before.
func (s *Store) touch(ctx context.Context, a, b string, at time.Time) (*talk, error) {
	for try := 0; ; try++ {
		raw, err := s.talks.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: pairKey(a, b)}}, bson.D{
			{Key: "$max", Value: bson.D{{Key: "last", Value: at}}},
			{Key: "$setOnInsert", Value: bson.D{{Key: "users", Value: userValues(min(a, b), max(a, b))}}},
		}, options.FindOneAndUpdate().SetReturnDocument(options.Before).SetUpsert(true)).Raw()
		switch {
		case isNone(err):
			return &talk{}, nil // they have just met
		case isDuplicate(err) && try < 3:
			continue
		case err != nil:
			return nil, err
		}
		return readTalk(raw), nil
	}
}

// fence makes everything that comes between the two later than all that is there,
// and says which time that is. It leaves word that the reader has seen what the
// author wrote until due, which goes with paid.
func (s *Store) fence(ctx context.Context, reader, author string) (cut, due time.Time, err error) {
	key := bson.D{{Key: "_id", Value: pairKey(reader, author)}}
	raw, err := s.talks.FindOne(ctx, key).Raw()
	if err != nil && !isNone(err) {
		return cut, due, err
	}
	due = s.clock.now()
	if err == nil {
		if t := readTalk(raw); t.last.After(due) {
			due = t.last
		}
	}
	raw, err = s.findAndUpdate(ctx, s.talks, key, bson.D{
		{Key: "$max", Value: bson.D{{Key: "clock", Value: due}}},
		{Key: "$set", Value: bson.D{{Key: dueField(reader, author), Value: bson.D{
			{Key: "author", Value: value(author)}, {Key: "reader", Value: value(reader)}, {Key: "until", Value: due}, {Key: "since", Value: time.Now()},
		}}}},
		{Key: "$setOnInsert", Value: bson.D{{Key: "users", Value: userValues(min(reader, author), max(reader, author))}}},
	}, "clock", true)
	if err != nil {
		return cut, due, err
	}
	cut = instant(raw.Lookup("clock"))
	s.clock.after(cut.UnixMilli() + 1)
	return cut, due, nil
}

// dueField is where the word of a direction is.
func dueField(reader, author string) string {
	if author < reader {
		return "due.a"
	}
	return "due.b"
}

// paid takes back the word that fence left, unless there is another by now.
func (s *Store) paid(ctx context.Context, reader, author string, due time.Time) error {
	field := dueField(reader, author)
	_, err := s.talks.UpdateOne(ctx, bson.D{{Key: "_id", Value: pairKey(reader, author)}, {Key: field + ".until", Value: due}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: field, Value: ""}}}})
	return err
}

// list adds a message to the conversation of its two, for programs that read them
// from there.
func (s *Store) list(ctx context.Context, t *talk, m *chat.Message, id any) error {
	conv, err := s.conversation(ctx, t, m.Sender, m.Receiver)
	if err != nil {
		return err
	}
	return s.push(ctx, conv, m, id)
}

func (s *Store) push(ctx context.Context, conv any, m *chat.Message, id any) error {
	for try := 0; ; try++ {
		_, err := s.conversations.UpdateOne(ctx, bson.D{{Key: "_id", Value: conv}}, bson.D{
			{Key: "$push", Value: bson.D{{Key: "messages", Value: id}}},
			{Key: "$set", Value: bson.D{{Key: "updatedAt", Value: m.Created}}},
			{Key: "$setOnInsert", Value: bson.D{
				{Key: "participants", Value: userValues(m.Sender, m.Receiver)}, {Key: "createdAt", Value: m.Created}, {Key: "__v", Value: int32(0)},
			}},
		}, options.UpdateOne().SetUpsert(true))
		if isDuplicate(err) && try < 3 {
			continue
		}
		if isTooLarge(err) {
			s.log.Warn("a conversation is full: other programs do not find its newest messages there", "conversation", conv)
			return nil
		}
		return err
	}
}

// conversation is the id of the two's document of conversations: the one that
// another program made, or one that is made with the first message. Of nodes that
// look at once, the first decides.
func (s *Store) conversation(ctx context.Context, t *talk, a, b string) (any, error) {
	if t.conv != nil {
		return t.conv, nil
	}
	var conv any = bson.NewObjectID()
	switch raw, err := s.conversations.FindOne(ctx, theirs(a, b), options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Raw(); {
	case err == nil:
		conv = anyOf(raw.Lookup("_id"))
	case !isNone(err):
		return nil, err
	}
	key := bson.E{Key: "_id", Value: pairKey(a, b)}
	_, err := s.talks.UpdateOne(ctx, bson.D{key, {Key: "conv", Value: bson.D{{Key: "$exists", Value: false}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "conv", Value: conv}}}})
	if err != nil {
		return nil, err
	}
	raw, err := s.talks.FindOne(ctx, bson.D{key}).Raw()
	if err != nil {
		return nil, err
	}
	if t = readTalk(raw); t.conv == nil {
		return conv, nil
	}
	return t.conv, nil
}

// theirs finds the conversation of two people as other programs store it.
func theirs(a, b string) bson.D {
	if a == b {
		alone := bson.A{bson.A{value(a)}, bson.A{value(a), value(a)}}
		return bson.D{{Key: "participants", Value: bson.D{{Key: "$in", Value: alone}}}}
	}
	return bson.D{{Key: "$and", Value: bson.A{
		bson.D{{Key: "participants", Value: either(a)}}, bson.D{{Key: "participants", Value: either(b)}},
		bson.D{{Key: "participants", Value: bson.D{{Key: "$size", Value: 2}}}},
	}}}
}
