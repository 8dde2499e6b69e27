package mongo

import (
	"context"
	"encoding/json"
	"sync"
	"time"

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
	if p, ok := s.profiles.get(user, time.Now()); ok {
		return p, nil
	}
	defer func() {
		if err == nil {
			s.profiles.put(user, profile, time.Now())
		}
	}()
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

// profileTime is how long a profile is taken for current: each message needs that
// of its author.
const profileTime = time.Minute

// profileCache remembers profiles, also that there is none.
type profileCache struct {
	mu   sync.Mutex
	list map[string]cachedProfile
}

type cachedProfile struct {
	profile json.RawMessage
	until   time.Time
}

func (c *profileCache) get(user string, now time.Time) (json.RawMessage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.list[user]
	return p.profile, ok && now.Before(p.until)
}

func (c *profileCache) put(user string, profile json.RawMessage, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil || len(c.list) >= maxCached/10 {
		c.list = map[string]cachedProfile{}
	}
	c.list[user] = cachedProfile{profile, now.Add(profileTime)}
}
