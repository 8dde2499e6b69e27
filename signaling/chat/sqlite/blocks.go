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

const (
	listBlocked   = `SELECT other FROM blocks WHERE user = ? ORDER BY other`
	listBlockedBy = `SELECT user FROM blocks WHERE other = ? ORDER BY user`
)

// Blocked implements chat.Blocks.
func (s *Store) Blocked(ctx context.Context, user string) ([]string, error) {
	return s.users(ctx, listBlocked, user)
}

// BlockedBy implements chat.Blocks.
func (s *Store) BlockedBy(ctx context.Context, user string) ([]string, error) {
	return s.users(ctx, listBlockedBy, user)
}

func (s *Store) users(ctx context.Context, statement, user string) ([]string, error) {
	list := []string{}
	err := s.query(ctx, statement, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		list = append(list, id)
		return err
	}, user)
	return list, err
}
