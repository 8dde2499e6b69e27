package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// named remembers who is in a block at all, on either side: few are, and everybody
// who connects is looked up. Somebody who is in none any more may be in it. Only
// this process adds blocks to the file.
type named struct {
	mu    sync.RWMutex
	users map[string]struct{}
	all   bool // they are too many to be remembered: anybody may be
}

// maxNamed bounds it.
const maxNamed = 1_000_000

func (n *named) add(users ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, u := range users {
		if len(n.users) >= maxNamed {
			n.users, n.all = nil, true
		}
		if n.all {
			return
		}
		n.users[u] = struct{}{}
	}
}

func (n *named) may(user string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	_, ok := n.users[user]
	return ok || n.all
}

func (s *Store) readNamed(ctx context.Context) error {
	s.named.users = map[string]struct{}{}
	return s.query(ctx, `SELECT user FROM blocks UNION SELECT other FROM blocks LIMIT ?`, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		s.named.add(id)
		return err
	}, maxNamed+1)
}

// Block implements chat.Blocks.
func (s *Store) Block(ctx context.Context, user, other string) error {
	s.named.add(user, other)
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
	if !s.named.may(user) {
		if err := s.enter(ctx); err != nil {
			return nil, err
		}
		s.leave()
		return list, nil
	}
	err := s.query(ctx, statement, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		list = append(list, id)
		return err
	}, user)
	return list, err
}
