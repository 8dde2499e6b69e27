package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

// Put adds entries that are new.
func (b *Outbox) Put(ctx context.Context, endpoint string, list []webhook.Entry) (st webhook.Stored, err error) {
	err = b.do(ctx, func(tx *sql.Tx) error {
		st = webhook.Stored{}
		off, _, err := state(ctx, tx, endpoint)
		if err != nil || off {
			st.Off = off
			return err
		}
		now := b.now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM seen WHERE at < ?`, now-webhook.Memory.Milliseconds()); err != nil {
			return err
		}
		for i := range list {
			fresh, err := add(ctx, tx, endpoint, &list[i], now)
			if err != nil {
				return err
			}
			if fresh {
				st.Added++
			}
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE endpoint = ?`, endpoint).Scan(&n); err != nil {
			return err
		}
		if n > b.cfg.Max {
			st.Dropped, err = dropOldest(ctx, tx, endpoint, n-b.cfg.Max, now+1, now)
		}
		return err
	})
	return st, err
}

func add(ctx context.Context, tx *sql.Tx, endpoint string, e *webhook.Entry, now int64) (fresh bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO seen (endpoint, id, at) VALUES (?, ?, ?)`, endpoint, e.ID, now)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO entries (endpoint, id, lane, type, body, created, due, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
		NOT EXISTS (SELECT 1 FROM entries WHERE endpoint = ?1 AND lane = ?3))`,
		endpoint, e.ID, e.Lane, e.Type, append([]byte{}, e.Body...), e.Created.UnixMilli(), now)
	return err == nil, err
}

// Claim takes what is due.
func (b *Outbox) Claim(ctx context.Context, endpoint string, n int, lease time.Duration) (list []webhook.Delivery, err error) {
	err = b.do(ctx, func(tx *sql.Tx) error {
		list = nil
		now := b.now()
		off, rest, err := state(ctx, tx, endpoint)
		if err != nil || off || rest > now {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT seq, id, lane, type, body, created, tries + 1 FROM entries
			WHERE endpoint = ? AND head = 1 AND due <= ? ORDER BY due, seq LIMIT ?`, endpoint, now, n)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err says it
		for rows.Next() {
			var d webhook.Delivery
			var created int64
			if err := rows.Scan(&d.Seq, &d.ID, &d.Lane, &d.Type, &d.Body, &created, &d.Attempt); err != nil {
				return err
			}
			d.Created = time.UnixMilli(created)
			list = append(list, d)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for i := range list {
			if _, err := tx.ExecContext(ctx, `UPDATE entries SET due = ?, claimed = 1, tries = tries + 1 WHERE seq = ?`, now+lease.Milliseconds(), list[i].Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// Settle says what became of claimed entries.
func (b *Outbox) Settle(ctx context.Context, endpoint string, list []webhook.Result, rest time.Duration) error {
	return b.do(ctx, func(tx *sql.Tx) error {
		now := b.now()
		for _, r := range list {
			var err error
			if r.Again < 0 {
				err = remove(ctx, tx, endpoint, r.Seq, now)
			} else {
				_, err = tx.ExecContext(ctx, `UPDATE entries SET due = ?, claimed = 0 WHERE seq = ? AND endpoint = ?`, now+r.Again.Milliseconds(), r.Seq, endpoint)
			}
			if err != nil {
				return err
			}
		}
		if rest <= 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO endpoints (endpoint, rest) VALUES (?, ?) ON CONFLICT DO UPDATE SET rest = excluded.rest`, endpoint, now+rest.Milliseconds())
		return err
	})
}

// remove takes an entry out and lets the next one of its lane come.
func remove(ctx context.Context, tx *sql.Tx, endpoint string, seq, now int64) error {
	var lane string
	err := tx.QueryRowContext(ctx, `DELETE FROM entries WHERE seq = ? AND endpoint = ? RETURNING lane`, seq, endpoint).Scan(&lane)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE entries SET head = 1, due = ?3 WHERE head = 0 AND
		seq = (SELECT min(seq) FROM entries WHERE endpoint = ?1 AND lane = ?2)`, endpoint, lane, now)
	return err
}

// dropOldest removes up to n of the oldest entries that were created before then.
func dropOldest(ctx context.Context, tx *sql.Tx, endpoint string, n int, before, now int64) (dropped int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, created FROM entries WHERE endpoint = ? ORDER BY seq LIMIT ?`, endpoint, n)
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	var list []int64
	for rows.Next() {
		var seq, created int64
		if err := rows.Scan(&seq, &created); err != nil {
			return 0, err
		}
		if created >= before {
			break
		}
		list = append(list, seq)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, seq := range list {
		if err := remove(ctx, tx, endpoint, seq, now); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// sweepBatch is how many entries one transaction drops.
const sweepBatch = 1000

// Sweep drops what is too old, also of endpoints that nobody names any more.
func (b *Outbox) Sweep(ctx context.Context, endpoint string, age time.Duration) (dropped, waiting int, err error) {
	for {
		n := 0
		err = b.do(ctx, func(tx *sql.Tx) (err error) {
			now := b.now()
			if n, err = dropOldest(ctx, tx, endpoint, sweepBatch, now-age.Milliseconds(), now); err != nil {
				return err
			}
			if _, err = tx.ExecContext(ctx, `DELETE FROM entries WHERE endpoint <> ? AND created < ?`, endpoint, now-2*age.Milliseconds()); err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE endpoint = ?`, endpoint).Scan(&waiting)
		})
		dropped += n
		if err != nil || n < sweepBatch {
			return dropped, waiting, err
		}
	}
}

// Switch turns an endpoint off or on.
func (b *Outbox) Switch(ctx context.Context, endpoint string, on bool) error {
	return b.do(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO endpoints (endpoint, off) VALUES (?, ?) ON CONFLICT DO UPDATE SET off = excluded.off`, endpoint, !on); err != nil || on {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM entries WHERE endpoint = ?`, endpoint)
		return err
	})
}

func state(ctx context.Context, tx *sql.Tx, endpoint string) (off bool, rest int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT off, rest FROM endpoints WHERE endpoint = ?`, endpoint).Scan(&off, &rest)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return off, rest, err
}
