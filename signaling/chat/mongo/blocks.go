package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Block implements chat.Blocks.
func (s *Store) Block(ctx context.Context, user, other string) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.blocks.InsertOne(ctx, bson.D{
			{Key: "_id", Value: joined(user, other)}, {Key: "user", Value: value(user)}, {Key: "other", Value: value(other)}, {Key: "createdAt", Value: s.clock.now()},
		})
		if isDuplicate(err) {
			return nil
		}
		return err
	})
}

// Unblock implements chat.Blocks.
func (s *Store) Unblock(ctx context.Context, user, other string) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.blocks.DeleteOne(ctx, bson.D{{Key: "_id", Value: joined(user, other)}})
		return err
	})
}

// Blocked implements chat.Blocks.
func (s *Store) Blocked(ctx context.Context, user string) ([]string, error) {
	return s.blocksOf(ctx, "user", user, "other")
}

// BlockedBy implements chat.Blocks.
func (s *Store) BlockedBy(ctx context.Context, user string) ([]string, error) {
	return s.blocksOf(ctx, "other", user, "user")
}

func (s *Store) blocksOf(ctx context.Context, side, user, want string) (list []string, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		list = []string{}
		return s.each(ctx, s.blocks, bson.D{{Key: side, Value: value(user)}}, options.Find(), func(raw bson.Raw) error {
			list = append(list, text(raw.Lookup(want)))
			return nil
		})
	})
	slices.Sort(list)
	return list, err
}
