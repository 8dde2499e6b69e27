package mongo

import (
	"context"
	"encoding/json"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// profileFields are all that is ever read of a document of users, next to _id.
var profileFields = []string{"username", "fullName", "profilePic", "gender"}

// Profile implements chat.Profiles: what others may know of a user, of the
// collection that accounts are in. The server is asked for these fields alone,
// and these alone are taken from its answer; nil: there is no such user.
func (s *Store) Profile(ctx context.Context, user string) (profile json.RawMessage, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		want := bson.D{{Key: "_id", Value: 1}}
		for _, f := range profileFields {
			want = append(want, bson.E{Key: f, Value: 1})
		}
		raw, err := s.users.FindOne(ctx, bson.D{{Key: "_id", Value: value(user)}}, options.FindOne().SetProjection(want)).Raw()
		if isNone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		profile = rawjson.AppendString([]byte(`{"_id":`), user)
		for _, f := range profileFields {
			if v := text(raw.Lookup(f)); v != "" {
				profile = append(append(append(profile, `,"`...), f...), `":`...)
				profile = rawjson.AppendString(profile, v)
			}
		}
		profile = append(profile, '}')
		return nil
	})
	return profile, err
}
