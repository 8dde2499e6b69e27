package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

// maxBatch is how many changes share a transaction, as a rule: enough for fsync to
// cost nothing, few enough for none of them to wait long.
const maxBatch = 512

// writer is the one goroutine that changes the file, and its connection.
type writer struct {
	jobs chan *job
	done chan struct{} // closed when the goroutine has ended

	stop sync.Once

	checkpoints *checkpointer

	// Owned by the goroutine.
	conn    *sql.Conn
	tag     tag
	known   known
	stmts   map[string]*sql.Stmt
	batch   []*job
	size    int // of the batch, in changes
	changes int // since the last checkpoint
}

// job is a change that waits for its turn.
type job struct {
	run   func(*batch) error
	size  int // in changes
	state atomic.Int32
	err   error
	done  chan struct{}
}

// States of a job: whoever takes it out of waiting decides.
const (
	waiting int32 = iota
	taken
	withdrawn
)

func newWriter(ctx context.Context, db, other *sql.DB, tag tag, queue int) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		jobs: make(chan *job, queue), done: make(chan struct{}),
		conn: conn, tag: tag, stmts: map[string]*sql.Stmt{}, checkpoints: newCheckpointer(other),
	}
	w.known.forget()
	go w.loop()
	return w, nil
}

// do returns when f is committed, or has failed, or was withdrawn because the
// context ended before its turn. It must not be called once close was.
func (w *writer) do(ctx context.Context, changes int, f func(*batch) error) error {
	j := &job{run: f, size: changes, done: make(chan struct{})}
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		<-j.done
	}
	return j.err
}

// close ends the goroutine after all that was asked for is done.
func (w *writer) close() error {
	w.stop.Do(func() { close(w.jobs) })
	<-w.done
	w.checkpoints.close()
	var errs []error
	for _, stmt := range w.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

func (w *writer) loop() {
	defer close(w.done)
	for j := range w.jobs {
		w.take(j)
		w.gather()
		w.changes += w.size
		w.commit()
		if w.changes >= checkpointEvery {
			w.changes = 0
			w.checkpoints.due()
		}
		if w.checkpoints.finish.CompareAndSwap(true, false) {
			_ = w.exec(checkpoint) // tried again after the next one
		}
	}
}

// gather adds what else is waiting.
func (w *writer) gather() {
	for w.size < maxBatch {
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return
			}
			w.take(j)
		default:
			return
		}
	}
}

func (w *writer) take(j *job) {
	if j.state.CompareAndSwap(waiting, taken) {
		w.batch, w.size = append(w.batch, j), w.size+j.size
	}
}

// commit runs the batch as one transaction and answers. If the database refuses
// one of its jobs, each is tried alone.
func (w *writer) commit() {
	if err := w.transact(w.batch); err != nil {
		w.changes = checkpointEvery // if the disk is full, the log may give some of it back
		alone := len(w.batch) > 1 && !errors.Is(err, errBegin)
		for i, j := range w.batch {
			if !alone {
				j.err = err
			} else if err := w.transact(w.batch[i : i+1]); err != nil {
				j.err = err
			}
		}
	}
	for i, j := range w.batch {
		close(j.done)
		w.batch[i] = nil
	}
	w.batch, w.size = w.batch[:0], 0
}

// errBegin: the database takes no transaction now; trying each change alone
// would only take longer.
var errBegin = errors.New("no transaction could begin")

// transact runs jobs in one transaction. A job's own error is left in it and
// harms no other; an error of the database takes back all and is returned.
func (w *writer) transact(jobs []*job) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("%w: %w", errBegin, err)
	}
	b := &batch{w: w}
	err := w.run(b, jobs)
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil {
		_ = w.exec("ROLLBACK") // there may be none left: the database has done it
		w.known.forget()
		return err
	}
	w.known.seq = b.seq
	return nil
}

func (w *writer) run(b *batch, jobs []*job) error {
	if err := b.begin(); err != nil {
		return err
	}
	for _, j := range jobs {
		j.err = j.run(b)
		var broken *sqlite.Error
		if errors.As(j.err, &broken) {
			return j.err
		}
	}
	return b.end()
}

func (w *writer) exec(text string, args ...any) error {
	stmt, err := w.stmt(text)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(context.Background(), args...)
	return err
}

func (w *writer) stmt(text string) (*sql.Stmt, error) {
	if stmt := w.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	w.stmts[text] = stmt
	return stmt, nil
}

// batch is a transaction that is being filled. Only the writer's goroutine uses
// it.
type batch struct {
	w         *writer
	seq, was  int64
	now, last int64 // milliseconds
	shift     bool  // the clock was put back
}

// begin reads where the sequence stands: another process may have moved it. The
// clock does not go back, unless it was far wrong before.
func (b *batch) begin() error {
	if err := b.row(`SELECT seq, now FROM meta`, nil, &b.was, &b.last); err != nil {
		return err
	}
	if k := &b.w.known; k.seq != b.was || len(k.pairs) > maxPairs {
		k.forget()
	}
	b.seq, b.now = b.was, time.Now().UnixMilli()
	ahead := b.last - b.now
	if ahead > 0 && ahead < farWrong.Milliseconds() {
		b.now = b.last
	}
	b.shift = ahead > 0 && b.now < b.last
	return nil
}

// farWrong is how far ahead of the time a clock was wrong, not a little fast.
const farWrong = 24 * time.Hour

func (b *batch) end() error {
	if b.seq == b.was {
		return nil
	}
	if err := b.flush(); err != nil {
		return err
	}
	if b.shift {
		if err := b.w.exec(`INSERT OR IGNORE INTO shifts VALUES (?)`, b.was+1); err != nil {
			return err
		}
	}
	return b.w.exec(`UPDATE meta SET seq = ?, now = ?`, b.seq, b.now)
}

// next takes a number of the sequence.
func (b *batch) next() int64 {
	b.seq++
	return b.seq
}

// exec runs a statement and says how many rows it changed.
func (b *batch) exec(text string, args ...any) (int64, error) {
	stmt, err := b.w.stmt(text)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row reads one row; sql.ErrNoRows if there is none.
func (b *batch) row(text string, args []any, dest ...any) error {
	stmt, err := b.w.stmt(text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(context.Background(), args...).Scan(dest...)
}

// rows calls each for every row.
func (b *batch) rows(text string, args []any, each func(*sql.Rows) error) error {
	stmt, err := b.w.stmt(text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	return eachRow(rows, each)
}
