package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Get implements chat.Messages.
func (s *Store) Get(ctx context.Context, id string) (m *chat.Message, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		d, err := s.find(ctx, id)
		if err == nil {
			m = d.m
		}
		return err
	})
	return m, err
}

// between matches what is between two people, whoever wrote it and with whatever
// program; visible, if user is not "", leaves out what they have hidden.
func between(a, b string, more ...bson.E) bson.D {
	way := func(from, to string) bson.D {
		return append(bson.D{{Key: "senderId", Value: either(from)}, {Key: "receiverId", Value: either(to)}}, more...)
	}
	if a == b {
		return way(a, b)
	}
	return bson.D{{Key: "$or", Value: bson.A{way(a, b), way(b, a)}}}
}

// visible leaves out what is being deleted and what the user has hidden.
func visible(user string) []bson.E {
	return []bson.E{notGone, {Key: "tandem.hidden", Value: bson.D{{Key: "$ne", Value: value(user)}}}}
}

var newestFirst = bson.D{{Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}}

// History implements chat.Messages.
func (s *Store) History(ctx context.Context, user, peer, before string, limit int) (list []*chat.Message, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		list = []*chat.Message{}
		more := visible(user)
		if before != "" {
			from, err := s.place(ctx, user, peer, before)
			if err != nil {
				return err
			}
			more = append(more, from...)
		}
		err := s.each(ctx, s.messages, between(user, peer, more...), options.Find().SetSort(newestFirst).SetLimit(int64(limit)), func(raw bson.Raw) error {
			d, err := read(raw)
			if err == nil {
				list = append(list, d.m)
			}
			return err
		})
		slices.Reverse(list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// place matches what is older than a message of the two. A message that has no
// time of its own stands where MongoDB sorts it: before all others.
func (s *Store) place(ctx context.Context, user, peer, id string) ([]bson.E, error) {
	raw, err := s.messages.FindOne(ctx, bson.D{{Key: "_id", Value: value(id)}}).Raw()
	if isNone(err) {
		return nil, chat.ErrBadCursor
	}
	if err != nil {
		return nil, err
	}
	d, err := read(raw)
	if err != nil {
		return nil, err
	}
	if d.gone || !d.m.Party(user) || d.m.Peer(user) != peer {
		return nil, chat.ErrBadCursor
	}
	at := raw.Lookup("createdAt")
	if at.Type != bson.TypeDateTime {
		return []bson.E{{Key: "createdAt", Value: nil}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: d.id}}}}, nil
	}
	return []bson.E{
		{Key: "createdAt", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gt", Value: at}}}}}, // where the index begins
		{Key: "$or", Value: bson.A{
			bson.D{{Key: "createdAt", Value: bson.D{{Key: "$ne", Value: at}}}}, bson.D{{Key: "_id", Value: bson.D{{Key: "$lt", Value: d.id}}}},
		}},
	}, nil
}

// each runs a query and calls f for every document.
func (s *Store) each(ctx context.Context, c *driver.Collection, filter bson.D, opts *options.FindOptionsBuilder, f func(bson.Raw) error) (err error) {
	rows, err := c.Find(ctx, filter, opts)
	if err != nil {
		return err
	}
	for rows.Next(ctx) {
		if err := f(rows.Current); err != nil {
			_ = rows.Close(ctx) // the first error counts
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close(ctx)
}
