package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Kinds of entries of a journal.
const (
	entryMessage = iota
	entryGone
	entrySeen
)

// listChanges gives the entries of user ?1 after place ?2, in order, at most ?3:
// four ranges of indexes, merged.
const listChanges = `SELECT j.kind, j.seq, j.id, j.author, j.reader, j.until, ` + columns + ` FROM (
		SELECT 0 AS kind, sent AS seq, n, NULL AS id, NULL AS author, NULL AS reader, NULL AS until
			FROM messages WHERE sender = ?1 AND sent > ?2
		UNION ALL
		SELECT 0, received, n, NULL, NULL, NULL, NULL FROM messages WHERE receiver = ?1 AND received > ?2 AND sender <> ?1
		UNION ALL
		SELECT 1, seq, NULL, id, NULL, NULL, NULL FROM gone WHERE user = ?1 AND seq > ?2
		UNION ALL
		SELECT 2, seq, NULL, NULL, author, reader, until FROM seen WHERE user = ?1 AND seq > ?2
		ORDER BY seq LIMIT ?3
	) j LEFT JOIN messages m ON m.n = j.n ORDER BY j.seq`

// skip scans a column that is not wanted.
type skip struct{}

func (skip) Scan(any) error { return nil }

var skipMessage = slices.Repeat([]any{skip{}}, len(new(row).dest()))

// tell adds the entry that rows stands at, and gives its place. known is up to
// where the reader knows all.
func tell(c *chat.Changes, rows *sql.Rows, user string, known int64) (place int64, err error) {
	var kind, until sql.NullInt64
	var id []byte
	var author, reader sql.NullString
	head := []any{&kind, &place, &id, &author, &reader, &until}
	if err := rows.Scan(append(head, skipMessage...)...); err != nil {
		return 0, err
	}
	switch kind.Int64 {
	case entryGone:
		c.Deleted = append(c.Deleted, hex.EncodeToString(id))
		return place, nil
	case entrySeen:
		c.Receipts = append(c.Receipts, chat.Receipt{Author: author.String, Reader: reader.String, Status: chat.Seen, Until: clock(until.Int64)})
		return place, nil
	}
	var r row
	if err := rows.Scan(append([]any{skip{}, skip{}, skip{}, skip{}, skip{}, skip{}}, r.dest()...)...); err != nil {
		return 0, err
	}
	m, err := r.message()
	switch {
	case err != nil:
		return 0, err
	case m.HiddenFrom(user):
		c.Deleted = append(c.Deleted, m.ID)
	case r.content > known:
		c.Messages = append(c.Messages, m)
	default:
		c.Receipts = append(c.Receipts, chat.Receipt{MessageID: m.ID, Author: m.Sender, Reader: m.Receiver, Status: m.Status})
	}
	return place, nil
}

// Changes implements chat.Journal.
//
// A cursor holds two places. It has read on to the second; up to the first it
// had read to the end. A message whose content is newer than the first may have
// moved on, by a mere status, before it was read: it is told whole.
func (s *Store) Changes(ctx context.Context, user, since string, limit int) (chat.Changes, error) {
	at := []int64{0, 0}
	if since != "" {
		var rest string
		var err error
		if at, rest, err = s.parseCursor(since, journalCursor, 2); err != nil {
			return chat.Changes{}, err
		}
		if rest != "" || at[0] > at[1] {
			return chat.Changes{}, chat.ErrBadCursor
		}
	}
	known, place := at[0], at[1]
	var c chat.Changes
	count := 0
	err := s.query(ctx, listChanges, func(rows *sql.Rows) error {
		if count++; count > limit {
			c.More = true
			return nil
		}
		p, err := tell(&c, rows, user, known)
		place = p
		return err
	}, user, place, limit+1)
	if err != nil {
		return chat.Changes{}, err
	}
	if count == 0 && place > 0 { // is it of this file as it is, not of one that was restored since?
		head, err := s.head(ctx)
		if err != nil {
			return chat.Changes{}, err
		}
		if place > head {
			return chat.Changes{}, chat.ErrBadCursor
		}
	}
	if !c.More {
		known = place
	}
	c.Cursor = s.cursor(journalCursor, "", known, place)
	return c, nil
}

// Head implements chat.Journal.
func (s *Store) Head(ctx context.Context, _ string) (string, error) {
	n, err := s.head(ctx)
	return s.cursor(journalCursor, "", n, n), err
}

func (s *Store) head(ctx context.Context) (n int64, err error) {
	err = s.query(ctx, `SELECT seq FROM meta`, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return n, err
}
