package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Messages that other programs wrote are in no journal. They are found by having
// no version, and put into the journals of both when one of the two asks what
// happened, oldest first. Giving them a version decides which node does so.

// maxAdopt is how many are adopted with one statement.
const maxAdopt = 500

// adopt puts what other programs wrote to or from a user into the journals.
func (s *Store) adopt(ctx context.Context, user string) error {
	theirs := bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "receiverId", Value: either(user)}, foreign}, bson.D{{Key: "senderId", Value: either(user)}, foreign},
	}}}
	for {
		if more, err := s.adoptSome(ctx, theirs); err != nil || !more {
			return err
		}
	}
}

// foreign matches what has no version.
var foreign = bson.E{Key: "tandem.v", Value: bson.D{{Key: "$exists", Value: false}}}

func (s *Store) adoptSome(ctx context.Context, theirs bson.D) (more bool, err error) {
	ids := bson.A{}
	opts := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(maxAdopt).SetProjection(bson.D{{Key: "_id", Value: 1}})
	err = s.each(ctx, s.messages, theirs, opts, func(raw bson.Raw) error {
		ids = append(ids, anyOf(raw.Lookup("_id")))
		return nil
	})
	if err != nil || len(ids) == 0 {
		return false, err
	}
	token := bson.NewObjectID()
	_, err = s.messages.UpdateMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, foreign}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "tandem.v", Value: int32(0)}}}, {Key: "$push", Value: bson.D{{Key: "tandem.open", Value: token}}},
	})
	if err != nil {
		return false, err
	}
	var list []*stored
	err = s.each(ctx, s.messages, bson.D{{Key: "tandem.open", Value: token}}, options.Find().SetSort(bson.D{{Key: "createdAt", Value: 1}, {Key: "_id", Value: 1}}), func(raw bson.Raw) error {
		d, err := read(raw)
		if err == nil && d.m.Sender != "" && d.m.Receiver != "" {
			list = append(list, d)
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if err := s.introduceAll(ctx, list); err != nil {
		return false, err
	}
	_, err = s.messages.UpdateMany(ctx, bson.D{{Key: "tandem.open", Value: token}}, bson.D{{Key: "$pull", Value: bson.D{{Key: "tandem.open", Value: token}}}})
	return len(ids) == maxAdopt, err
}

// introduceAll makes adopted messages known. Their conversations know them
// already, if there are any.
func (s *Store) introduceAll(ctx context.Context, list []*stored) error {
	entries, newest := map[string][]entryDoc{}, map[string]*stored{}
	var order []string
	for _, d := range list {
		for _, user := range both(d.m.Sender, d.m.Receiver) {
			if entries[user] == nil {
				order = append(order, user)
			}
			entries[user] = append(entries[user], entryDoc{Message: d.id, Version: d.version})
		}
		newest[pairKey(d.m.Sender, d.m.Receiver)] = d
	}
	for _, d := range newest {
		t, err := s.touch(ctx, d.m.Sender, d.m.Receiver, latest(d.m.Created))
		if err != nil {
			return err
		}
		if t.conv == nil {
			if _, err := s.conversation(ctx, t, d.m.Sender, d.m.Receiver); err != nil {
				return err
			}
		}
	}
	for _, user := range order {
		if _, err := s.write(ctx, user, entries[user]...); err != nil {
			return err
		}
	}
	return nil
}

// latest is the time of a message, but not one that a wrong clock has put into
// the future: whatever comes would have to be later.
func latest(t time.Time) time.Time {
	if now := time.Now(); t.After(now) {
		return now
	}
	return t
}
