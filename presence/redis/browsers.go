package redis

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/push"
)

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

// Erase forgets them, and whose their endpoints were.
func (b *Browsers) Erase(ctx context.Context, user string) error {
	list, err := b.List(ctx, user)
	if err != nil {
		return err
	}
	for _, sub := range list {
		owner := Subscriptions{&Store{keys: b.keys}}.ownerKey(sub.Endpoint)
		switch whose, err := b.rdb.Get(ctx, owner).Result(); {
		case errors.Is(err, goredis.Nil), err == nil && whose != user:
		case err != nil:
			return fmt.Errorf("redis: %w", err)
		default:
			if err := b.rdb.Del(ctx, owner).Err(); err != nil {
				return fmt.Errorf("redis: %w", err)
			}
		}
	}
	if err := b.rdb.Del(ctx, b.keys.push(user)).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// Close ends the connections.
func (b *Browsers) Close() error { return b.rdb.Close() }
