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
// what is gone or all seen: ordered lists, which Changes merges. A conversation
// has two: its messages in the order in which they were added, of which those
// that have changed since are left out, and these by their last changes.
//
// A cursor holds two places. It has read on to the second; up to the first it
// had read to the end. A message whose content is newer than the first may have
// moved on, by a mere status, before it was read: it is told whole.

// listNews gives where the sequence stands, and the conversations of user ?1 in
// which there is something after place ?2, with the first place of each list. The
// first row, without a conversation, is always there.
var listNews = `SELECT NULL, seq, NULL FROM meta
	UNION ALL ` + news(`p.a = ?1`) + `
	UNION ALL ` + news(`p.b = ?1 AND p.a <> ?1`)

func news(of string) string {
	return `SELECT * FROM (SELECT p.conv,
			(SELECT m.n FROM messages m INDEXED BY messages_conv WHERE m.conv = p.conv AND m.n > ?2 ORDER BY m.n LIMIT 1) AS added,
			(SELECT m.seq FROM messages m INDEXED BY messages_changed WHERE m.conv = p.conv AND m.seq > ?2 AND m.seq <> m.n ORDER BY m.seq LIMIT 1) AS changed
		FROM pairs p WHERE ` + of + `) WHERE added IS NOT NULL OR changed IS NOT NULL`
}

const (
	listAdded = `SELECT m.n, m.n, m.seq = m.n AND ` + visible + ` FROM messages m INDEXED BY messages_conv
		WHERE m.conv = ?2 AND m.n > ?3 ORDER BY m.n LIMIT ?4`
	listChanged = `SELECT m.seq, m.n, ` + visible + ` FROM messages m INDEXED BY messages_changed
		WHERE m.conv = ?2 AND m.seq > ?3 AND m.seq <> m.n ORDER BY m.seq LIMIT ?4`
	listGone = `SELECT seq, id FROM gone WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?`
	listSeen = `SELECT seq, author, reader, until FROM seen WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?`
)

// listRows reads the messages whose places are in a JSON array.
var listRows = `SELECT ` + columns + ` FROM json_each(?) j CROSS JOIN messages m ON m.n = j.value JOIN pairs p ON p.conv = m.conv`

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
		if at, rest, err = chat.Cursors(s.tag).Parse(since, chat.JournalCursor, 2); err != nil || rest != "" || at[0] > at[1] || at[0] < 0 {
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
		if err := e.tell(&c, s.tag, known); err != nil {
			return chat.Changes{}, err
		}
	}
	if !c.More {
		known = place
	}
	c.Cursor = chat.Cursors(s.tag).Pack(chat.JournalCursor, "", known, place)
	return c, nil
}

// tell adds the entry to what a reader is told who knows all up to known.
func (e *entry) tell(c *chat.Changes, t tag, known int64) error {
	switch {
	case e.gone != nil:
		c.Deleted = append(c.Deleted, hex.EncodeToString(e.gone))
	case e.row == nil:
		c.Receipts = append(c.Receipts, e.receipt)
	case e.row.content <= known:
		c.Receipts = append(c.Receipts, chat.Receipt{
			MessageID: t.name(e.row.n, e.row.created), Author: e.row.sender, Reader: e.row.receiver, Status: chat.Status(e.row.status - statusBase),
		})
	default:
		m, err := e.row.message(t)
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
	var lists byNext
	err := v.query(ctx, listNews, func(rows *sql.Rows) error {
		var conv, added, changed sql.NullInt64
		err := rows.Scan(&conv, &added, &changed)
		if !conv.Valid {
			head = added.Int64
			return err
		}
		if added.Valid {
			lists = append(lists, &strand{conv: conv.Int64, text: listAdded, next: added.Int64})
		}
		if changed.Valid {
			lists = append(lists, &strand{conv: conv.Int64, text: listChanged, next: changed.Int64})
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
	found, err := v.merge(ctx, user, lists, list, limit)
	if err != nil {
		return nil, err
	}
	return first(append(list, found...), limit), nil
}

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
	return chat.Cursors(s.tag).Pack(chat.JournalCursor, "", n, n), err
}

func (s *Store) head(ctx context.Context) (n int64, err error) {
	err = s.query(ctx, `SELECT seq FROM meta`, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return n, err
}
