package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/tandem-rtc/tandem/signaling/push"
)

var _ push.Store = Subscriptions{}

// Subscriptions are the browsers that get pushes, in the same file.
type Subscriptions struct{ s *Store }

// Subscriptions is the file as a push.Store, as long as it is open.
func (s *Store) Subscriptions() Subscriptions { return Subscriptions{s} }

// Put implements push.Store.
func (p Subscriptions) Put(ctx context.Context, user string, sub push.Subscription) error {
	return p.s.do(ctx, func(b *batch) error {
		if _, err := b.exec(`DELETE FROM subscriptions WHERE endpoint = ?1 OR (user = ?2 AND device = ?3)`, sub.Endpoint, user, sub.Device); err != nil {
			return err
		}
		_, err := b.exec(`INSERT INTO subscriptions (user, device, endpoint, p256dh, auth, n, since)
			SELECT ?1, ?2, ?3, ?4, ?5, coalesce(max(n), 0) + 1, ?6 FROM subscriptions WHERE user = ?1`,
			user, sub.Device, sub.Endpoint, sub.Keys.P256dh, sub.Keys.Auth, b.now)
		if err != nil {
			return err
		}
		_, err = b.exec(`DELETE FROM subscriptions WHERE user = ?1 AND n < (SELECT n FROM subscriptions WHERE user = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2)`,
			user, push.MaxPerUser-1)
		return err
	})
}

// Any implements push.Store.
func (p Subscriptions) Any(ctx context.Context) (there bool, err error) {
	err = p.s.query(ctx, `SELECT EXISTS (SELECT 1 FROM subscriptions)`, func(rows *sql.Rows) error { return rows.Scan(&there) })
	return there, err
}

// List implements push.Store.
func (p Subscriptions) List(ctx context.Context, user string) (list []push.Subscription, err error) {
	err = p.s.query(ctx, `SELECT device, endpoint, p256dh, auth, since FROM subscriptions WHERE user = ? ORDER BY n DESC`, func(rows *sql.Rows) error {
		var s push.Subscription
		var since int64
		if err := rows.Scan(&s.Device, &s.Endpoint, &s.Keys.P256dh, &s.Keys.Auth, &since); err != nil {
			return err
		}
		s.Since = time.UnixMilli(since)
		list = append(list, s)
		return nil
	}, user)
	return list, err
}

// Remove implements push.Store.
func (p Subscriptions) Remove(ctx context.Context, user, endpoint string) (removed bool, err error) {
	err = p.s.do(ctx, func(b *batch) error {
		n, err := b.exec(`DELETE FROM subscriptions WHERE user = ? AND endpoint = ?`, user, endpoint)
		removed = n > 0
		return err
	})
	return removed, err
}

// Forget drops those that nobody has registered since then.
func (p Subscriptions) Forget(ctx context.Context, before time.Time) error {
	return p.s.do(ctx, func(b *batch) error {
		_, err := b.exec(`DELETE FROM subscriptions WHERE since < ?`, before.UnixMilli())
		return err
	})
}
