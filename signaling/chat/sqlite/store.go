package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

var _ chat.Store = (*Store)(nil)

// Store keeps messages in one file. It is safe for concurrent use.
type Store struct {
	path string
	tag  tag

	writer  *writer
	write   *sql.DB // one connection: the writer's
	move    *sql.DB // one connection: the checkpointer's
	read    *sql.DB
	queries sync.Map // text of a query -> *sql.Stmt of read
	named   named

	// mu is held for reading while something is asked of the store, and for
	// writing by Close.
	mu     sync.RWMutex
	closed bool
}

// Open opens the file, which it makes if there is none, and brings its tables
// up to date.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	path, err := prepareFile(cfg.Path)
	if err != nil {
		return nil, err
	}
	for wait := time.Now().Add(cfg.BusyTimeout); ; {
		s := &Store{path: path}
		err := s.open(ctx, cfg)
		if err == nil {
			return s, nil
		}
		err = errors.Join(wrap(err), s.release())
		// Of processes that open a new file at once, all but one are refused
		// without the busy timeout.
		if !errors.Is(err, ErrLocked) || time.Now().After(wait) {
			return nil, fmt.Errorf("chat/sqlite: opening %s: %w", path, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *Store) open(ctx context.Context, cfg Config) (err error) {
	busy := "busy_timeout(" + strconv.FormatInt(cfg.BusyTimeout.Milliseconds(), 10) + ")"
	pragmas := []string{
		busy, "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-32768)", "secure_delete(FAST)",
		// Only if the checkpointer fails.
		"wal_autocheckpoint(100000)", "journal_size_limit(67108864)",
	}
	if cfg.MaxPages > 0 {
		pragmas = append(pragmas, "max_page_count("+strconv.Itoa(cfg.MaxPages)+")")
	}
	if s.write, err = sql.Open("sqlite", source(s.path, "immediate", pragmas...)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := checkOwner(ctx, s.write); err != nil {
		return err
	}
	if err := migrate(ctx, s.write); err != nil {
		return err
	}
	if s.move, err = sql.Open("sqlite", source(s.path, "deferred", busy, "synchronous(FULL)", "cache_size(-64)")); err != nil {
		return err
	}
	s.move.SetMaxOpenConns(1)
	s.read, err = sql.Open("sqlite", source(s.path, "deferred", busy, "query_only(1)", "cache_size(-4096)"))
	if err != nil {
		return err
	}
	s.read.SetMaxOpenConns(cfg.Readers)
	s.read.SetMaxIdleConns(cfg.Readers)
	var tag []byte
	if err := s.read.QueryRowContext(ctx, `SELECT tag FROM meta`).Scan(&tag); err != nil {
		return err
	}
	copy(s.tag[:], tag)
	// A query of a snapshot must not need a second connection to be prepared on.
	for _, text := range []string{listNews, listAdded, listChanged, listGone, listSeen, listRows} {
		if _, err := s.prepared(ctx, text); err != nil {
			return err
		}
	}
	if err := s.readNamed(ctx); err != nil {
		return err
	}
	s.writer, err = newWriter(ctx, s.write, s.move, s.tag, cfg.Queue)
	return err
}

// prepareFile makes the file, for its owner alone, and says plainly what is
// wrong with its place.
func prepareFile(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("chat/sqlite: %w", err)
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("chat/sqlite: there is no directory %s: %w", filepath.Dir(abs), err)
	case errors.Is(err, os.ErrPermission):
		return "", fmt.Errorf("chat/sqlite: opening %s: %w", abs, unavailable(ErrReadOnly, err))
	case err != nil:
		return "", fmt.Errorf("chat/sqlite: opening %s: %w", abs, err)
	}
	return abs, f.Close()
}

func source(path, lock string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas, "_txlock": {lock}}.Encode()}
	return u.String()
}

// Close waits for the changes that were taken on and for reads, and gives the
// file back.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	return wrap(s.release())
}

func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	s.queries.Range(func(_, stmt any) bool {
		errs = append(errs, stmt.(*sql.Stmt).Close())
		return true
	})
	for _, db := range []*sql.DB{s.read, s.move, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// enter begins something that Close waits for; leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return unavailable(ErrClosed)
	}
	return nil
}

func (s *Store) leave() { s.mu.RUnlock() }

// do has the writer run f in its next transaction. f may run again, after a
// rollback; it must write nothing if it returns an error of its own.
func (s *Store) do(ctx context.Context, f func(*batch) error) error { return s.doMany(ctx, 1, f) }

// doMany is do for that many changes.
func (s *Store) doMany(ctx context.Context, changes int, f func(*batch) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return wrap(s.writer.do(ctx, changes, f))
}

// query runs a query on a connection for reading and calls each for every row.
func (s *Store) query(ctx context.Context, text string, each func(*sql.Rows) error, args ...any) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return wrap(view{s: s}.query(ctx, text, each, args...))
}

// snapshot lets f read what one moment had.
func (s *Store) snapshot(ctx context.Context, f func(view) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return wrap(err)
	}
	if err := f(view{s: s, tx: tx}); err != nil {
		return wrap(errors.Join(err, tx.Rollback()))
	}
	return wrap(tx.Commit())
}

// view is where queries are read from: any connection, or one in a transaction.
type view struct {
	s  *Store
	tx *sql.Tx
}

func (v view) query(ctx context.Context, text string, each func(*sql.Rows) error, args ...any) error {
	stmt, err := v.s.prepared(ctx, text)
	if err != nil {
		return err
	}
	if v.tx != nil {
		stmt = v.tx.StmtContext(ctx, stmt)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, each)
}

func eachRow(rows *sql.Rows, each func(*sql.Rows) error) error {
	for rows.Next() {
		if err := each(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	if err := rows.Err(); err != nil {
		return errors.Join(err, rows.Close())
	}
	return rows.Close()
}

func (s *Store) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := s.queries.Load(text); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := s.read.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.queries.LoadOrStore(text, stmt); loaded {
		return other.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}
