package redis

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling/push"
)

var _ push.Store = Subscriptions{}

// Subscriptions are the browsers that get pushes. Unlike all else here no node can
// tell Redis of them again: pages do, whenever they are opened.
type Subscriptions struct{ s *Store }

// Subscriptions is the store as a push.Store.
func (s *Store) Subscriptions() Subscriptions { return Subscriptions{s} }

// Put implements push.Store. Who owns an endpoint is written first and looked at
// again in the end: of two users at once, one has it then.
func (p Subscriptions) Put(ctx context.Context, user string, sub push.Subscription) error {
	keep := push.Keep.Milliseconds()
	owner := p.ownerKey(sub.Endpoint)
	was := goredis.NewStringCmd(ctx, "set", owner, user, "px", keep, "get")
	if err := p.do(command("set", p.s.keys.anyPush(), 1, "px", keep), was); err != nil {
		return err
	}
	if old := was.Val(); old != "" && old != user {
		if _, err := p.drop(ctx, old, sub.Endpoint); err != nil {
			return err
		}
	}
	sub.Since = p.s.Now()
	text, err := json.Marshal(sub)
	if err != nil {
		return fmt.Errorf("redis: encoding a subscription: %w", err)
	}
	before, err := p.List(ctx, user)
	if err != nil {
		return err
	}
	key := p.s.keys.push(user)
	if err := p.do(command("hset", key, sub.Device, text), command("pexpire", key, keep)); err != nil {
		return err
	}
	// What it takes the place of, what is too much, and what is too old.
	var fields []string
	left := 1
	for _, o := range before {
		switch {
		case o.Device == sub.Device:
			if o.Endpoint != sub.Endpoint {
				err = errors.Join(err, p.disown(user, o.Endpoint))
			}
		case o.Endpoint == sub.Endpoint:
			fields = append(fields, o.Device)
		case left >= push.MaxPerUser || sub.Since.Sub(o.Since) > push.Keep:
			fields = append(fields, o.Device)
			err = errors.Join(err, p.disown(user, o.Endpoint))
		default:
			left++
		}
	}
	now := goredis.NewStringCmd(ctx, "get", owner)
	if err := errors.Join(err, p.do(now)); err != nil {
		return err
	}
	if now.Val() != user { // somebody else was faster
		fields = append(fields, sub.Device)
	}
	return p.hdel(user, fields)
}

// List implements push.Store.
func (p Subscriptions) List(ctx context.Context, user string) ([]push.Subscription, error) {
	all := goredis.NewMapStringStringCmd(ctx, "hgetall", p.s.keys.push(user))
	if err := p.do(all); err != nil {
		return nil, err
	}
	return subscriptionsIn(all.Val()), nil
}

// subscriptionsIn reads a user's hash; those that were registered last are first.
func subscriptionsIn(all map[string]string) (list []push.Subscription) {
	for device, text := range all {
		var sub push.Subscription
		if json.Unmarshal([]byte(text), &sub) != nil {
			continue // of a later release
		}
		sub.Device = device
		list = append(list, sub)
	}
	slices.SortFunc(list, func(a, b push.Subscription) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Device, b.Device))
	})
	return list
}

// Remove implements push.Store.
func (p Subscriptions) Remove(ctx context.Context, user, endpoint string) (bool, error) {
	removed, err := p.drop(ctx, user, endpoint)
	if err != nil || !removed {
		return false, err
	}
	return true, p.disown(user, endpoint)
}

// Any implements push.Store.
func (p Subscriptions) Any(ctx context.Context) (bool, error) {
	there := goredis.NewIntCmd(ctx, "exists", p.s.keys.anyPush())
	err := p.do(there)
	return there.Val() > 0, err
}

// drop takes an endpoint from a user.
func (p Subscriptions) drop(ctx context.Context, user, endpoint string) (bool, error) {
	list, err := p.List(ctx, user)
	if err != nil {
		return false, err
	}
	var fields []string
	for _, sub := range list {
		if sub.Endpoint == endpoint {
			fields = append(fields, sub.Device)
		}
	}
	return len(fields) > 0, p.hdel(user, fields)
}

// disown forgets whose an endpoint is, if it is that user's.
func (p Subscriptions) disown(user, endpoint string) error {
	return p.do(replaceScript.cmd([]string{p.ownerKey(endpoint)}, user, ""))
}

func (p Subscriptions) hdel(user string, fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	args := []any{"hdel", p.s.keys.push(user)}
	for _, f := range fields {
		args = append(args, f)
	}
	return p.do(command(args...))
}

// do sends commands; that a key is not there is no error.
func (p Subscriptions) do(cmds ...goredis.Cmder) error {
	if err := p.s.pipe.do(cmds...); err != nil {
		return err
	}
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return fmt.Errorf("redis: %s: %w", c.Name(), err)
		}
	}
	return nil
}

func (p Subscriptions) ownerKey(endpoint string) string {
	sum := sha256.Sum256([]byte(endpoint))
	return p.s.keys.pushOwner(base64.RawURLEncoding.EncodeToString(sum[:18]))
}
