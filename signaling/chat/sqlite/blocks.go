package sqlite

import (
	"context"
	"database/sql"
)

// Block implements chat.Blocks.
func (s *Store) Block(ctx context.Context, user, other string) error {
	return s.do(ctx, func(b *batch) error {
		_, err := b.exec(`INSERT INTO blocks (user, other) VALUES (?, ?) ON CONFLICT DO NOTHING`, user, other)
		return err
	})
}

// Unblock implements chat.Blocks.
func (s *Store) Unblock(ctx context.Context, user, other string) error {
	return s.do(ctx, func(b *batch) error {
		_, err := b.exec(`DELETE FROM blocks WHERE user = ? AND other = ?`, user, other)
		return err
	})
}

// Blocked implements chat.Blocks.
func (s *Store) Blocked(ctx context.Context, user string) ([]string, error) {
	list := []string{}
	err := s.query(ctx, `SELECT other FROM blocks WHERE user = ? ORDER BY other`, func(rows *sql.Rows) error {
		var other string
		err := rows.Scan(&other)
		list = append(list, other)
		return err
	}, user)
	return list, err
}
