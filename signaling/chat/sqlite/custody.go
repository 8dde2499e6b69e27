package sqlite

import (
	"container/heap"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// chunk is how many rows one change of custody deletes: few enough for messages
// not to wait behind it.
const chunk = 500

// Export implements chat.Custody. It merges the user's conversations, of each of
// which it holds one message.
func (s *Store) Export(ctx context.Context, user string, each func(*chat.Message) error) error {
	var open byAge
	err := s.query(ctx, `SELECT conv FROM pairs WHERE a = ?1 OR b = ?1`, func(rows *sql.Rows) error {
		t := new(talk)
		open = append(open, t)
		return rows.Scan(&t.conv)
	}, user)
	for i := 0; err == nil && i < len(open); i++ {
		err = s.readOn(ctx, open[i])
	}
	heap.Init(&open)
	for err == nil && len(open) > 0 && open[0].next != nil {
		if err := each(open[0].next); err != nil {
			return err
		}
		err = s.readOn(ctx, open[0])
		heap.Fix(&open, 0)
	}
	return err
}

// talk is a conversation that is being exported.
type talk struct {
	conv, n int64
	next    *chat.Message // nil: no more
}

// byAge is a heap: the conversation whose next message is the oldest is first.
type byAge []*talk

func (h byAge) Len() int      { return len(h) }
func (h byAge) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h byAge) Push(any)      {}
func (h byAge) Pop() any      { return nil }
func (h byAge) Less(i, j int) bool {
	return h[i].next != nil && (h[j].next == nil || h[i].n < h[j].n)
}

var nextMessage = `SELECT ` + columns + ` FROM messages m JOIN pairs p ON p.conv = m.conv WHERE m.conv = ? AND m.n > ? ORDER BY m.n LIMIT 1`

func (s *Store) readOn(ctx context.Context, t *talk) error {
	t.next = nil
	return s.query(ctx, nextMessage, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(r.dest()...)
		if err == nil {
			t.n = r.n
			t.next, err = r.message(s.tag)
		}
		return err
	}, t.conv, t.n)
}

// Erase implements chat.Custody.
func (s *Store) Erase(ctx context.Context, user string) error {
	for more := true; more; {
		err := s.do(ctx, func(b *batch) (err error) {
			more, err = b.eraseSome(user)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseSome deletes one chunk of what is the user's.
func (b *batch) eraseSome(user string) (more bool, err error) {
	var conv int64
	var peer string
	err = b.row(`SELECT conv, iif(a = ?1, b, a) FROM pairs WHERE a = ?1 OR b = ?1 LIMIT 1`, []any{user}, &conv, &peer)
	switch {
	case err == nil:
		return true, b.eraseTalk(conv, user, peer)
	case err != sql.ErrNoRows: //nolint:errorlint // Scan returns it as it is
		return false, err
	}
	for _, text := range []string{
		`DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE caller = ?1 OR callee = ?1 LIMIT ?2)`,
		`DELETE FROM live_calls WHERE id IN (SELECT id FROM live_calls WHERE caller = ?1 OR callee = ?1 LIMIT ?2)`,
		`DELETE FROM gone WHERE user = ?1 AND seq IN (SELECT seq FROM gone WHERE user = ?1 LIMIT ?2)`,
		`DELETE FROM seen WHERE user = ?1 AND seq IN (SELECT seq FROM seen WHERE user = ?1 LIMIT ?2)`,
		`DELETE FROM blocks WHERE user = ?1 AND other IN (SELECT other FROM blocks WHERE user = ?1 LIMIT ?2)`,
		`DELETE FROM looked WHERE user = ?1 AND ?2`,
		`DELETE FROM subscriptions WHERE user = ?1 AND ?2`,
	} {
		n, err := b.exec(text, user, chunk)
		if err != nil {
			return false, err
		}
		more = more || n == chunk
	}
	return more, nil
}

// eraseTalk deletes a chunk of a conversation, and the pair once it is empty.
// The other one's devices hear of every message.
func (b *batch) eraseTalk(conv int64, user, peer string) error {
	b.next() // also if nobody hears of it
	gone, err := b.list(`SELECT `+storedColumns+` FROM messages m WHERE m.conv = ? ORDER BY m.n LIMIT ?`, conv, chunk)
	if err != nil {
		return err
	}
	for _, r := range gone {
		if err := b.erase(r); err != nil {
			return err
		}
		if peer == user {
			continue
		}
		if err := b.bury(b.w.tag.id(r.n, r.created), peer); err != nil {
			return err
		}
	}
	if len(gone) == chunk {
		return nil
	}
	if _, err := b.exec(`DELETE FROM seen WHERE user = ?2 AND (author, reader) IN (VALUES (?1, ?2), (?2, ?1))`, user, peer); err != nil {
		return err
	}
	return b.part(namesOf(user, peer), conv)
}

// list reads rows.
func (b *batch) list(text string, args ...any) (list []*row, err error) {
	err = b.rows(text, args, func(rows *sql.Rows) error {
		r := new(row)
		list = append(list, r)
		return rows.Scan(r.dest()...)
	})
	return list, err
}

// erase deletes one message, and says so to nobody.
func (b *batch) erase(r *row) error {
	if _, err := b.exec(`DELETE FROM messages WHERE n = ?`, r.n); err != nil {
		return err
	}
	return b.uncount(r)
}

// Expire implements chat.Custody.
func (s *Store) Expire(ctx context.Context, before time.Time) (n int, err error) {
	err = s.do(ctx, func(b *batch) error {
		n, err = b.expire(before.UnixMilli())
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// oldest lists the first messages from one shift of the clock, ?1, to the next, up
// to the first that stays.
var oldest = `SELECT ` + storedColumns + ` FROM messages m WHERE m.n >= ?1 AND m.n < coalesce((SELECT min(n) FROM shifts WHERE n > ?1), ?2) ORDER BY m.n LIMIT ?3`

func (b *batch) oldest(before int64) (list []*row, err error) {
	var shifts []int64
	err = b.rows(`SELECT n FROM shifts ORDER BY n`, nil, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		shifts = append(shifts, n)
		return err
	})
	for _, from := range shifts {
		if err != nil || len(list) == chunk {
			break
		}
		var some []*row
		some, err = b.list(oldest, from, end, chunk-len(list))
		if stays := slices.IndexFunc(some, func(r *row) bool { return r.created >= before }); stays >= 0 {
			some = some[:stays]
		}
		list = append(list, some...)
	}
	return list, err
}

func (b *batch) expire(before int64) (int, error) {
	messages, err := b.oldest(before)
	if err != nil {
		return 0, err
	}
	convs := map[names]int64{}
	for _, r := range messages {
		b.next()
		if err := b.erase(r); err != nil {
			return 0, err
		}
		convs[namesOf(r.sender, r.receiver)] = r.conv
	}
	for who, conv := range convs {
		if err := b.part(who, conv); err != nil {
			return 0, err
		}
	}
	calls, err := b.exec(`DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ended < ? ORDER BY ended LIMIT ?)`, before, chunk)
	if err != nil {
		return 0, err
	}
	for _, text := range []string{
		`DELETE FROM gone WHERE (user, seq) IN (SELECT user, seq FROM gone WHERE at < ? ORDER BY at LIMIT ?)`,
		`DELETE FROM seen WHERE (user, author, reader) IN (SELECT user, author, reader FROM seen WHERE until < ? ORDER BY until LIMIT ?)`,
	} {
		if _, err := b.exec(text, before, 4*chunk); err != nil {
			return 0, err
		}
	}
	return len(messages) + int(calls), nil
}
