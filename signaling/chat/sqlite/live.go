package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// KeepLive implements chat.LiveCalls.
func (s *Store) KeepLive(ctx context.Context, at time.Time, put []call.Record, drop []string) error {
	return s.do(ctx, func(b *batch) error {
		for _, id := range drop {
			if _, err := b.exec(`DELETE FROM live_calls WHERE id = ?`, id); err != nil {
				return err
			}
		}
		for i := range put {
			r := &put[i]
			if _, err := b.exec(`INSERT OR REPLACE INTO live_calls (id, caller, callee, reason, video, started, answered, caller_device, callee_device)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				r.ID, r.Caller, r.Callee, string(r.Reason), r.Video, stamp(r.Started), stamp(r.Answered), r.CallerDevice, r.CalleeDevice); err != nil {
				return err
			}
		}
		_, err := b.exec(`UPDATE live_seen SET at = ?`, stamp(at))
		return err
	})
}

// logInterrupted makes records of what is left of live calls: they ended when they
// were last seen. One whose record is there ended as that says.
const logInterrupted = `INSERT INTO calls (id, caller, callee, reason, video, started, answered, ended, duration,
		caller_device, callee_device, next, missed)
	SELECT id, caller, callee, reason, video, started, answered, max(at, started, answered),
		iif(answered > 0, max(at - answered, 0), 0), caller_device, callee_device, '', answered = 0 AND reason = ?1
	FROM live_calls, live_seen WHERE true ON CONFLICT DO NOTHING
	RETURNING id, caller, callee, reason, video, started, answered, ended, duration, caller_device, callee_device`

// Interrupted implements chat.LiveCalls.
func (s *Store) Interrupted(ctx context.Context) (list []call.Record, err error) {
	err = s.do(ctx, func(b *batch) error {
		list = nil
		err := b.rows(logInterrupted, []any{string(call.Lost)}, func(rows *sql.Rows) error {
			var r call.Record
			var started, answered, ended, duration int64
			if err := rows.Scan(&r.ID, &r.Caller, &r.Callee, &r.Reason, &r.Video, &started, &answered, &ended, &duration, &r.CallerDevice, &r.CalleeDevice); err != nil {
				return err
			}
			r.Started, r.Answered, r.Ended = unstamp(started), unstamp(answered), unstamp(ended)
			r.Duration = time.Duration(duration) * time.Millisecond
			list = append(list, r)
			return nil
		})
		if err != nil {
			return err
		}
		_, err = b.exec(`DELETE FROM live_calls`)
		return err
	})
	return list, err
}
