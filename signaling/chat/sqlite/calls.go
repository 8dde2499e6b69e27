package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// LogCall implements chat.CallLog.
func (s *Store) LogCall(ctx context.Context, r call.Record) error {
	return s.do(ctx, func(b *batch) error {
		_, err := b.exec(`INSERT INTO calls (id, caller, callee, reason, video, started, answered, ended, duration,
				caller_device, callee_device, next, missed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.ID, r.Caller, r.Callee, string(r.Reason), r.Video, stamp(r.Started), stamp(r.Answered), stamp(r.Ended), r.Duration.Milliseconds(),
			r.CallerDevice, r.CalleeDevice, r.Next, r.Missed())
		return err
	})
}

// stamp is a time in milliseconds; 0 for none.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func unstamp(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return clock(ms)
}

// listCalls merges the calls that user ?1 made and got, those that ended last
// first, from before a call on that is named by when it ended, ?2, and its id.
const listCalls = `SELECT id, caller, callee, reason, video, started, answered, ended, duration, caller_device, callee_device, next,
		missed AND callee = ?1, missed AND callee = ?1 AND ended > coalesce((SELECT until FROM looked WHERE user = ?1), -1)
	FROM (
		SELECT * FROM calls WHERE caller = ?1 AND (ended, id) < (?2, ?3)
		UNION ALL
		SELECT * FROM calls WHERE callee = ?1 AND caller <> ?1 AND (ended, id) < (?2, ?3)
		ORDER BY ended DESC, id DESC LIMIT ?4
	) ORDER BY ended DESC, id DESC`

// Calls implements chat.CallLog.
func (s *Store) Calls(ctx context.Context, user, cursor string, limit int) ([]chat.LoggedCall, string, error) {
	before, id := []int64{end}, ""
	if cursor != "" {
		var err error
		if before, id, err = chat.Cursors(s.tag).Parse(cursor, chat.CallCursor, 1); err != nil {
			return nil, "", err
		}
	}
	list, more := []chat.LoggedCall{}, false
	err := s.query(ctx, listCalls, func(rows *sql.Rows) error {
		if more = len(list) == limit; more {
			return nil
		}
		var c chat.LoggedCall
		var started, answered, ended, duration int64
		err := rows.Scan(&c.ID, &c.Caller, &c.Callee, &c.Reason, &c.Video, &started, &answered, &ended, &duration,
			&c.CallerDevice, &c.CalleeDevice, &c.Next, &c.Missed, &c.New)
		c.Started, c.Answered, c.Ended = unstamp(started), unstamp(answered), unstamp(ended)
		c.Duration = time.Duration(duration) * time.Millisecond
		list = append(list, c)
		return err
	}, user, before[0], id, limit+1)
	if err != nil || !more {
		return list, "", err
	}
	last := list[len(list)-1]
	return list, chat.Cursors(s.tag).Pack(chat.CallCursor, last.ID, stamp(last.Ended)), nil
}

const countMissed = `SELECT count(*) FROM calls WHERE callee = ?1 AND missed
	AND ended > coalesce((SELECT until FROM looked WHERE user = ?1), -1)`

// MissedCalls implements chat.CallLog.
func (s *Store) MissedCalls(ctx context.Context, user string) (n int, err error) {
	err = s.query(ctx, countMissed, func(rows *sql.Rows) error { return rows.Scan(&n) }, user)
	return n, err
}

// SeeCalls implements chat.CallLog.
func (s *Store) SeeCalls(ctx context.Context, user string, until time.Time) error {
	return s.do(ctx, func(b *batch) error {
		_, err := b.exec(`INSERT INTO looked (user, until) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET until = max(until, excluded.until)`, user, stamp(until))
		return err
	})
}
