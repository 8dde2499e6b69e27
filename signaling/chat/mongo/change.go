package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// errLost: somebody else has changed it meanwhile.
var errLost = errors.New("chat/mongo: the message has changed")

// notGone leaves out what is being deleted.
var notGone = bson.E{Key: "tandem.gone", Value: bson.D{{Key: "$ne", Value: true}}}

// Mark implements chat.Messages.
func (s *Store) Mark(ctx context.Context, reader, id string, to chat.Status) (m *chat.Message, rose bool, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		m, rose, err = s.mark(ctx, reader, id, to)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return m, rose, nil
}

// MarkDelivered implements chat.Messages: one after the other, for each has an
// entry of its own in journals. What has risen is told, whatever becomes of the
// rest.
func (s *Store) MarkDelivered(ctx context.Context, reader string, ids []string) (rose []*chat.Message, err error) {
	for _, id := range ids {
		m, higher, err := s.Mark(ctx, reader, id, chat.Delivered)
		switch {
		case errors.Is(err, chat.ErrNotFound):
		case err != nil && len(rose) == 0:
			return nil, err
		case err != nil:
			return rose, nil
		case higher:
			rose = append(rose, m)
		}
	}
	return rose, nil
}

// lower matches every status below one, also an absent one.
func lower(to chat.Status) bson.E {
	names := bson.A{}
	for st := to; st <= chat.Seen; st++ {
		names = append(names, st.String())
	}
	return bson.E{Key: "status", Value: bson.D{{Key: "$nin", Value: names}}}
}

func (s *Store) mark(ctx context.Context, reader, id string, to chat.Status) (*chat.Message, bool, error) {
	its := bson.D{{Key: "_id", Value: value(id)}, {Key: "receiverId", Value: either(reader)}}
	if to > chat.Sent {
		token := bson.NewObjectID()
		raw, err := s.findAndUpdate(ctx, s.messages, append(slices.Clone(its), notGone, lower(to)), bson.D{
			{Key: "$set", Value: bson.D{{Key: "status", Value: to.String()}}},
			{Key: "$inc", Value: bson.D{{Key: "tandem.v", Value: int32(1)}}},
			{Key: "$push", Value: bson.D{{Key: "tandem.open", Value: token}}},
		}, "", false)
		if err == nil {
			d, err := read(raw)
			if err != nil {
				return nil, false, err
			}
			ctx, cancel := s.onward(ctx)
			defer cancel()
			return d.m, true, s.tellVersion(ctx, d, token)
		}
		if !isNone(err) {
			return nil, false, err
		}
	}
	raw, err := s.messages.FindOne(ctx, append(its, notGone)).Raw()
	if isNone(err) {
		return nil, false, chat.ErrNotFound
	}
	if err != nil {
		return nil, false, err
	}
	d, err := read(raw)
	if err != nil {
		return nil, false, err
	}
	return d.m, false, nil
}

// MarkAll implements chat.Messages. The fence makes "all" something that stays
// true: what comes is later.
func (s *Store) MarkAll(ctx context.Context, reader, author string) (n int, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		switch err := s.messages.FindOne(ctx, unseen(reader, author), options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err(); {
		case isNone(err):
			return nil
		case err != nil:
			return err
		}
		cut, due, err := s.fence(ctx, reader, author)
		if err != nil {
			return err
		}
		ctx, cancel := s.onward(ctx)
		defer cancel()
		if n, err = s.seen(ctx, reader, author, cut); err != nil {
			return err
		}
		return s.paid(ctx, reader, author, due)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// seen makes what an author wrote to a reader until then seen, with one statement,
// and tells both if that changed anything.
func (s *Store) seen(ctx context.Context, reader, author string, until time.Time) (n int, err error) {
	res, err := s.messages.UpdateMany(ctx, append(unseen(reader, author), bson.E{Key: "createdAt", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gt", Value: until}}}}}),
		bson.D{{Key: "$set", Value: bson.D{{Key: "status", Value: chat.Seen.String()}}}})
	if err != nil || res.ModifiedCount == 0 {
		return 0, err
	}
	_, err = s.tell(ctx, both(author, reader), entryDoc{Author: value(author), Reader: value(reader), Until: until})
	return int(res.ModifiedCount), err
}

// unseen matches what a reader has not seen of an author.
func unseen(reader, author string) bson.D {
	return bson.D{
		{Key: "receiverId", Value: either(reader)}, {Key: "senderId", Value: either(author)}, {Key: "status", Value: bson.D{{Key: "$ne", Value: chat.Seen.String()}}},
	}
}

// Update implements chat.Messages.
func (s *Store) Update(ctx context.Context, id string, change func(*chat.Message) (bool, error)) (m *chat.Message, changed bool, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		for {
			d, err := s.find(ctx, id)
			if err != nil {
				return err
			}
			next := d.m.Clone()
			if changed, err = change(next); err != nil {
				return &ruleError{err}
			}
			if !changed {
				m = d.m
				return nil
			}
			if m, err = s.replace(ctx, d, next); !errors.Is(err, errLost) {
				return err
			}
		}
	})
	if err != nil {
		return nil, false, err
	}
	return m, changed, nil
}

// find reads a message; ErrNotFound if there is none.
func (s *Store) find(ctx context.Context, id string) (*stored, error) {
	raw, err := s.messages.FindOne(ctx, bson.D{{Key: "_id", Value: value(id)}}).Raw()
	if isNone(err) {
		return nil, chat.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	d, err := read(raw)
	if err == nil && d.gone {
		err = chat.ErrNotFound
	}
	return d, err
}

// unchanged matches a message that is as it was read, also by other programs.
func (d *stored) unchanged() bson.D {
	f := bson.D{{Key: "_id", Value: d.id}, notGone}
	for _, field := range []struct {
		key   string
		value any
		there bool
	}{
		{"tandem.v", d.version, d.adopted}, {"tandem.rev", d.rev, d.rev > 0}, {"updatedAt", d.updated, d.updated.Type != 0},
	} {
		if field.there {
			f = append(f, bson.E{Key: field.key, Value: field.value})
		} else {
			f = append(f, bson.E{Key: field.key, Value: bson.D{{Key: "$exists", Value: false}}})
		}
	}
	return f
}

// replace stores what a rule made of a message. Hiding alone is no new version:
// it is told to whom it is hidden from, and to nobody else.
func (s *Store) replace(ctx context.Context, d *stored, next *chat.Message) (*chat.Message, error) {
	was := d.m
	hid := slices.DeleteFunc(slices.Clone(next.HiddenFor), was.HiddenFrom)
	content := len(hid) == 0 || next.Text != was.Text || next.Media != was.Media ||
		!slices.Equal(next.Reactions, was.Reactions) || !slices.Equal(next.Edits, was.Edits)
	token, version := bson.NewObjectID(), d.version
	set := bson.D{
		{Key: "message", Value: next.Text}, {Key: "updatedAt", Value: s.clock.now()}, {Key: "reactions", Value: reactionDocs(next.Reactions)},
		{Key: "tandem.edits", Value: editDocs(next.Edits)}, {Key: "tandem.hidden", Value: userDocs(next.HiddenFor)}, {Key: "tandem.rev", Value: d.rev + 1},
	}
	if next.Media != "" || was.Media != "" {
		set = append(set, bson.E{Key: "media", Value: next.Media})
	}
	if content {
		version++
		set = append(set, bson.E{Key: "tandem.v", Value: version}, bson.E{Key: "tandem.c", Value: version})
	}
	raw, err := s.findAndUpdate(ctx, s.messages, d.unchanged(),
		bson.D{{Key: "$set", Value: set}, {Key: "$push", Value: bson.D{{Key: "tandem.open", Value: token}}}}, "", false)
	if isNone(err) {
		return nil, errLost
	}
	if err != nil {
		return nil, err
	}
	now, err := read(raw)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.onward(ctx)
	defer cancel()
	if len(hid) > 0 {
		if _, err := s.tell(ctx, hid, entryDoc{Gone: d.id}); err != nil {
			return nil, err
		}
	}
	if content {
		return now.m, s.tellVersion(ctx, now, token)
	}
	s.marks.put(markJob{id: d.id, token: token})
	return now.m, nil
}

// Remove implements chat.Messages. The message is marked first, which decides who
// removes it, so that a node that dies before all have heard of it leaves
// something to go on from.
func (s *Store) Remove(ctx context.Context, id string, allow func(*chat.Message) error) (m *chat.Message, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		for {
			d, err := s.find(ctx, id)
			if err != nil {
				return err
			}
			if err := allow(d.m.Clone()); err != nil {
				return &ruleError{err}
			}
			_, err = s.findAndUpdate(ctx, s.messages, d.unchanged(), bson.D{
				{Key: "$set", Value: bson.D{{Key: "tandem.gone", Value: true}}},
				{Key: "$push", Value: bson.D{{Key: "tandem.open", Value: bson.NewObjectID()}}},
			}, "", false)
			if isNone(err) {
				continue
			}
			if err != nil {
				return err
			}
			m = d.m
			ctx, cancel := s.onward(ctx)
			defer cancel()
			if _, err := s.tell(ctx, both(m.Sender, m.Receiver), entryDoc{Gone: d.id}); err != nil {
				return err
			}
			return s.bury(ctx, d)
		}
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// bury deletes a message that all have heard is gone.
func (s *Store) bury(ctx context.Context, d *stored) error {
	raw, err := s.talks.FindOne(ctx, bson.D{{Key: "_id", Value: pairKey(d.m.Sender, d.m.Receiver)}}).Raw()
	if err != nil && !isNone(err) {
		return err
	}
	if err == nil {
		if t := readTalk(raw); t.conv != nil {
			_, err := s.conversations.UpdateOne(ctx, bson.D{{Key: "_id", Value: t.conv}}, bson.D{{Key: "$pull", Value: bson.D{{Key: "messages", Value: d.id}}}})
			if err != nil {
				return err
			}
		}
	}
	_, err = s.messages.DeleteOne(ctx, bson.D{{Key: "_id", Value: d.id}})
	return err
}
