package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

const (
	// chunk is how many documents one step of custody deletes.
	chunk = 500
	// exportTime is how long the export of a user may take.
	exportTime = time.Hour
)

// ofUser matches what a user wrote or got.
func ofUser(user string) bson.D {
	return bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "senderId", Value: either(user)}}, bson.D{{Key: "receiverId", Value: either(user)}}}}}
}

// Export implements chat.Custody.
func (s *Store) Export(ctx context.Context, user string, each func(*chat.Message) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	limited, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	if err := s.ready(limited); err != nil {
		return wrap(ctx, err)
	}
	opts := options.Find().SetSort(bson.D{{Key: "createdAt", Value: 1}, {Key: "_id", Value: 1}}).SetAllowDiskUse(true)
	return wrap(ctx, s.each(limited, s.messages, append(ofUser(user), notGone), opts, func(raw bson.Raw) error {
		d, err := read(raw)
		if err != nil {
			return err
		}
		if err := each(d.m); err != nil {
			return &ruleError{err}
		}
		return nil
	}))
}

// Erase implements chat.Custody.
func (s *Store) Erase(ctx context.Context, user string) error {
	for more := true; more; {
		err := s.do(ctx, func(ctx context.Context) (err error) {
			more, err = s.eraseMessages(ctx, user)
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.do(ctx, func(ctx context.Context) error {
		s.cache.forget(user)
		for _, step := range []struct {
			from  *driver.Collection
			match bson.D
		}{
			{s.conversations, bson.D{{Key: "participants", Value: either(user)}}},
			{s.talks, bson.D{{Key: "users", Value: value(user)}}},
			{s.calls, bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "caller", Value: value(user)}}, bson.D{{Key: "callee", Value: value(user)}}}}}},
			{s.blocks, bson.D{{Key: "user", Value: value(user)}}},
			{s.journals, bson.D{{Key: "user", Value: value(user)}}},
			{s.heads, bson.D{{Key: "_id", Value: user}}},
		} {
			if _, err := step.from.DeleteMany(ctx, step.match); err != nil {
				return err
			}
		}
		return nil
	})
}

// eraseMessages deletes a chunk of a user's messages. The others' devices hear of
// every one before it is gone.
func (s *Store) eraseMessages(ctx context.Context, user string) (more bool, err error) {
	ids, gone := bson.A{}, map[string][]entryDoc{}
	err = s.each(ctx, s.messages, ofUser(user), options.Find().SetLimit(chunk), func(raw bson.Raw) error {
		d, err := read(raw)
		if err != nil {
			return err
		}
		ids = append(ids, d.id)
		if peer := d.m.Peer(user); peer != user && peer != "" && !d.m.HiddenFrom(peer) {
			gone[peer] = append(gone[peer], entryDoc{Gone: d.id})
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return false, err
	}
	for peer, entries := range gone {
		if _, err := s.write(ctx, peer, entries...); err != nil {
			return false, err
		}
	}
	_, err = s.messages.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	return len(ids) == chunk, err
}

// Expire implements chat.Custody.
func (s *Store) Expire(ctx context.Context, before time.Time) (n int, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		messages, err := s.expireMessages(ctx, before)
		if err != nil {
			return err
		}
		calls, err := s.expireCalls(ctx, before)
		if err != nil {
			return err
		}
		n = messages + calls
		return s.expireJournals(ctx, before)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (s *Store) expireMessages(ctx context.Context, before time.Time) (int, error) {
	ids, pairs := bson.A{}, map[[2]string]bson.A{}
	opts := options.Find().SetSort(bson.D{{Key: "createdAt", Value: 1}}).SetLimit(chunk)
	err := s.each(ctx, s.messages, bson.D{{Key: "createdAt", Value: bson.D{{Key: "$lt", Value: before}}}}, opts, func(raw bson.Raw) error {
		d, err := read(raw)
		if err == nil {
			ids = append(ids, d.id)
			pair := [2]string{min(d.m.Sender, d.m.Receiver), max(d.m.Sender, d.m.Receiver)}
			pairs[pair] = append(pairs[pair], d.id)
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	res, err := s.messages.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return 0, err
	}
	for pair, ids := range pairs {
		if err := s.unlist(ctx, pair[0], pair[1], ids); err != nil {
			return 0, err
		}
	}
	return int(res.DeletedCount), nil
}

// unlist takes messages out of the conversation of two people, and that away once
// it is empty.
func (s *Store) unlist(ctx context.Context, a, b string, ids bson.A) error {
	key := bson.D{{Key: "_id", Value: pairKey(a, b)}}
	raw, err := s.talks.FindOne(ctx, key).Raw()
	if isNone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	conv := readTalk(raw).conv
	err = s.messages.FindOne(ctx, between(a, b), options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if isNone(err) {
		if _, err := s.talks.DeleteOne(ctx, key); err != nil || conv == nil {
			return err
		}
		_, err := s.conversations.DeleteOne(ctx, bson.D{{Key: "_id", Value: conv}})
		return err
	}
	if err != nil || conv == nil {
		return err
	}
	_, err = s.conversations.UpdateOne(ctx, bson.D{{Key: "_id", Value: conv}},
		bson.D{{Key: "$pullAll", Value: bson.D{{Key: "messages", Value: ids}}}})
	return err
}

func (s *Store) expireCalls(ctx context.Context, before time.Time) (int, error) {
	ids := bson.A{}
	opts := options.Find().SetLimit(chunk).SetProjection(bson.D{{Key: "_id", Value: 1}})
	err := s.each(ctx, s.calls, bson.D{{Key: "endedAt", Value: bson.D{{Key: "$lt", Value: before}}}}, opts, func(raw bson.Raw) error {
		ids = append(ids, text(raw.Lookup("_id")))
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	res, err := s.calls.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return 0, err
	}
	return int(res.DeletedCount), nil
}

// expireJournals deletes documents that nothing was written to since then, but
// never a user's newest: the places in it would be given again.
func (s *Store) expireJournals(ctx context.Context, before time.Time) error {
	type place struct {
		user string
		k    int64
	}
	var list []place
	opts := options.Find().SetLimit(chunk).SetProjection(bson.D{{Key: "user", Value: 1}, {Key: "k", Value: 1}})
	old := bson.D{{Key: "until", Value: bson.D{{Key: "$lt", Value: before}}}, {Key: "n", Value: bson.D{{Key: "$gte", Value: perChunk}}}}
	err := s.each(ctx, s.journals, old, opts, func(raw bson.Raw) error {
		list = append(list, place{text(raw.Lookup("user")), number(raw.Lookup("k"))})
		return nil
	})
	if err != nil {
		return err
	}
	ids := bson.A{}
	for _, p := range list {
		raw, err := s.heads.FindOne(ctx, bson.D{{Key: "_id", Value: p.user}}).Raw()
		if err != nil && !isNone(err) {
			return err
		}
		if isNone(err) || p.k < number(raw.Lookup("head")) {
			ids = append(ids, chunkID(p.user, p.k))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = s.journals.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	return err
}
