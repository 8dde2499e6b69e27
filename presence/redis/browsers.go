package redis

import (
	"context"
	"fmt"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/push"
)

var takePushScript = newScript("push_take")

// Browsers are the subscriptions for pushes of a cluster, for who is no node of it
// and looks after what is kept of people (M8).
type Browsers struct {
	rdb  goredis.UniversalClient
	keys keys
}

// OpenBrowsers connects; of the configuration URL, Prefix, Timeout and Logger count.
func OpenBrowsers(cfg Config) (*Browsers, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	rdb, err := Connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Browsers{rdb, keys{cfg.Prefix}}, nil
}

// List has the user's subscriptions, those that were registered last first.
func (b *Browsers) List(ctx context.Context, user string) ([]push.Subscription, error) {
	all, err := b.rdb.HGetAll(ctx, b.keys.push(user)).Result()
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return subscriptionsIn(all), nil
}

// Erase forgets them, and whose their endpoints were, also of those that come
// meanwhile.
func (b *Browsers) Erase(ctx context.Context, user string) error {
	list, err := b.List(ctx, user)
	if err != nil {
		return err
	}
	if err := b.disown(ctx, user, list); err != nil { // before: who is cut off begins again
		return err
	}
	flat, err := b.rdb.Eval(ctx, takePushScript.source, []string{b.keys.push(user)}).StringSlice()
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	all := map[string]string{}
	for pair := range slices.Chunk(flat, 2) {
		all[pair[0]] = pair[1]
	}
	return b.disown(ctx, user, subscriptionsIn(all))
}

// disown forgets that endpoints are a user's, where they still are.
func (b *Browsers) disown(ctx context.Context, user string, list []push.Subscription) error {
	for _, sub := range list {
		owner := Subscriptions{&Store{keys: b.keys}}.ownerKey(sub.Endpoint)
		if err := b.rdb.Eval(ctx, replaceScript.source, []string{owner}, user, "").Err(); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
	}
	return nil
}

// Close ends the connections.
func (b *Browsers) Close() error { return b.rdb.Close() }
