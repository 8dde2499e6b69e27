// Package sqlite is the outbox of webhooks of a node that is alone: a file in the
// data directory, which belongs to one process.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

var _ webhook.Outbox = (*Outbox)(nil)

//go:embed schema.sql
var schema string

// schemaVersion is the one that the file has to have.
const schemaVersion = 1

// Errors of a file.
var (
	// ErrVersion: a newer release has made the file.
	ErrVersion = errors.New("webhook/sqlite: the file belongs to a newer release")
	// ErrForeign: the file is something else.
	ErrForeign = errors.New("webhook/sqlite: the file is no outbox of webhooks")
)

// Config of an Outbox. Zero values take the defaults named.
type Config struct {
	Path string
	// Max is how many events may wait for one endpoint (100,000).
	Max int
	// BusyTimeout is how long another process may hold the file (5 s).
	BusyTimeout time.Duration

	Now func() time.Time
}

// Outbox keeps events in one file. It is safe for concurrent use.
type Outbox struct {
	cfg Config
	db  *sql.DB // one connection

	mu     sync.RWMutex // held for writing by Close
	closed bool
}

// Open opens the file, which it makes if there is none. What was claimed when its
// last owner ended is due again.
func Open(ctx context.Context, cfg Config) (*Outbox, error) {
	if cfg.Max == 0 {
		cfg.Max = 100_000
	}
	if cfg.BusyTimeout == 0 {
		cfg.BusyTimeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("webhook/sqlite: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("webhook/sqlite: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("webhook/sqlite: %w", err)
	}
	pragmas := []string{
		"busy_timeout(" + strconv.FormatInt(cfg.BusyTimeout.Milliseconds(), 10) + ")",
		// Before WAL: then no other process can open it, and claims are this one's.
		"locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(FAST)",
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("webhook/sqlite: %w", err)
	}
	db.SetMaxOpenConns(1)
	b := &Outbox{cfg: cfg, db: db}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("webhook/sqlite: opening %s: %w", path, err), db.Close())
	}
	return b, nil
}

func (b *Outbox) prepare(ctx context.Context) error {
	return b.do(ctx, func(tx *sql.Tx) error {
		var version, tables int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
			return err
		}
		switch {
		case version > schemaVersion:
			return ErrVersion
		case version == 0 && tables > 0:
			return ErrForeign
		case version == 0:
			if _, err := tx.ExecContext(ctx, schema+"PRAGMA user_version = "+strconv.Itoa(schemaVersion)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE entries SET claimed = 0, due = ? WHERE claimed = 1`, b.now())
		return err
	})
}

func (b *Outbox) now() int64 { return b.cfg.Now().UnixMilli() }

// do runs f in a transaction.
func (b *Outbox) do(ctx context.Context, f func(*sql.Tx) error) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return webhook.ErrClosed
	}
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close gives the file back.
func (b *Outbox) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.db.Close()
}
