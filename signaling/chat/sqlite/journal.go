package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// A journal is what changed in each of the user's conversations, and the word of
// what is gone or all seen: ordered lists, which Changes merges.
//
// A cursor holds two places. It has read on to the second; up to the first it
// had read to the end. A message whose content is newer than the first may have
// moved on, by a mere status, before it was read: it is told whole.

// listChanged gives where the sequence stands, and the conversations of user ?1
// in which something changed after place ?2, with the first such place. The
// first row, without a conversation, is always there.
const listChanged = `SELECT NULL, seq FROM meta
	UNION ALL SELECT * FROM (SELECT conv, (SELECT m.seq FROM messages m WHERE m.conv = p.conv AND m.seq > ?2 ORDER BY m.seq LIMIT 1) AS first
		FROM pairs p WHERE a = ?1) WHERE first IS NOT NULL
	UNION ALL SELECT * FROM (SELECT conv, (SELECT m.seq FROM messages m WHERE m.conv = p.conv AND m.seq > ?2 ORDER BY m.seq LIMIT 1) AS first
		FROM pairs p WHERE b = ?1 AND a <> ?1) WHERE first IS NOT NULL`

const (
	listConv = `SELECT m.seq, ` + columns + ` FROM messages m
		WHERE m.conv = ?2 AND m.seq BETWEEN ?3 AND ?4 AND ` + visible + ` ORDER BY m.seq LIMIT ?5`
	listGone = `SELECT seq, id FROM gone WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?`
	listSeen = `SELECT seq, author, reader, until FROM seen WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?`
)

// entry is one change: a row, or an id that is gone, or a receipt.
type entry struct {
	seq     int64
	row     *row
	gone    []byte
	receipt chat.Receipt
}

// Changes implements chat.Journal.
func (s *Store) Changes(ctx context.Context, user, since string, limit int) (chat.Changes, error) {
	at := []int64{0, 0}
	if since != "" {
		var rest string
		var err error
		if at, rest, err = s.parseCursor(since, journalCursor, 2); err != nil || rest != "" || at[0] > at[1] {
			return chat.Changes{}, chat.ErrBadCursor
		}
	}
	list, err := s.entries(ctx, user, at[1], limit+1)
	if err != nil {
		return chat.Changes{}, err
	}
	var c chat.Changes
	if c.More = len(list) > limit; c.More {
		list = list[:limit]
	}
	known, place := at[0], at[1]
	for _, e := range list {
		place = e.seq
		if err := e.tell(&c, known); err != nil {
			return chat.Changes{}, err
		}
	}
	if !c.More {
		known = place
	}
	c.Cursor = s.cursor(journalCursor, "", known, place)
	return c, nil
}

// tell adds the entry to what a reader is told who knows all up to known.
func (e *entry) tell(c *chat.Changes, known int64) error {
	switch {
	case e.gone != nil:
		c.Deleted = append(c.Deleted, hex.EncodeToString(e.gone))
	case e.row == nil:
		c.Receipts = append(c.Receipts, e.receipt)
	case e.row.content <= known:
		c.Receipts = append(c.Receipts, chat.Receipt{
			MessageID: hex.EncodeToString(e.row.id), Author: e.row.sender, Reader: e.row.receiver, Status: chat.Status(e.row.status - statusBase),
		})
	default:
		m, err := e.row.message()
		c.Messages = append(c.Messages, m)
		return err
	}
	return nil
}

// entries lists the first changes of a user after a place, as one moment had
// them: a message that moved on between two queries would be lost, or taken for
// one that is known.
func (s *Store) entries(ctx context.Context, user string, after int64, limit int) (list []entry, err error) {
	err = s.snapshot(ctx, func(v view) error {
		list, err = v.entries(ctx, user, after, limit)
		return err
	})
	return list, err
}

func (v view) entries(ctx context.Context, user string, after int64, limit int) ([]entry, error) {
	var head int64
	var convs []begin
	err := v.query(ctx, listChanged, func(rows *sql.Rows) error {
		var conv sql.NullInt64
		var seq int64
		err := rows.Scan(&conv, &seq)
		if conv.Valid {
			convs = append(convs, begin{conv.Int64, seq})
		} else {
			head = seq
		}
		return err
	}, user, after)
	if err != nil {
		return nil, err
	}
	if after > head { // of a file that was put back to what it was earlier
		return nil, chat.ErrBadCursor
	}
	list, err := v.words(ctx, user, after, limit)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(convs, func(a, b begin) int { return cmp.Compare(a.seq, b.seq) })
	for _, from := range convs {
		if len(list) == limit && list[limit-1].seq < from.seq {
			break // all that follow begin later still
		}
		until := head
		if len(list) == limit {
			until = list[limit-1].seq
		}
		err := v.query(ctx, listConv, func(rows *sql.Rows) error {
			e := entry{row: new(row)}
			err := rows.Scan(append([]any{&e.seq}, e.row.dest()...)...)
			list = append(list, e)
			return err
		}, user, from.conv, from.seq, until, limit)
		if err != nil {
			return nil, err
		}
		list = first(list, limit)
	}
	return list, nil
}

// begin is a conversation and its first place after a cursor.
type begin struct{ conv, seq int64 }

// first sorts entries and keeps the first of them.
func first(list []entry, limit int) []entry {
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	return list[:min(len(list), limit)]
}

// words lists what is gone and what was seen at once.
func (v view) words(ctx context.Context, user string, after int64, limit int) ([]entry, error) {
	var list []entry
	err := v.query(ctx, listGone, func(rows *sql.Rows) error {
		var e entry
		err := rows.Scan(&e.seq, &e.gone)
		list = append(list, e)
		return err
	}, user, after, limit)
	if err != nil {
		return nil, err
	}
	err = v.query(ctx, listSeen, func(rows *sql.Rows) error {
		e := entry{receipt: chat.Receipt{Status: chat.Seen}}
		var until int64
		err := rows.Scan(&e.seq, &e.receipt.Author, &e.receipt.Reader, &until)
		e.receipt.Until = clock(until)
		list = append(list, e)
		return err
	}, user, after, limit)
	return first(list, limit), err
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
