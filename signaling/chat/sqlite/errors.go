package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// Errors of a file, each wrapped in chat.ErrUnavailable.
var (
	ErrClosed   = errors.New("the store is closed")
	ErrFull     = errors.New("no space is left for the file")
	ErrReadOnly = errors.New("the file can not be written")
	ErrCorrupt  = errors.New("the file is damaged, or no database")
	ErrLocked   = errors.New("another process holds the file")
)

// wrap gives an error of the database the names of this package. Errors of the
// contract and of contexts stay as they are.
func wrap(err error) error {
	var coded *sqlite.Error
	switch {
	case err == nil, errors.Is(err, chat.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrConnDone):
		return unavailable(ErrClosed)
	case !errors.As(err, &coded):
		return fmt.Errorf("chat/sqlite: %w", err)
	}
	switch coded.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return unavailable(ErrLocked, err)
	case sqlite3.SQLITE_FULL:
		return unavailable(ErrFull, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return unavailable(ErrReadOnly, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return unavailable(ErrCorrupt, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
		return unavailable(err)
	}
	return fmt.Errorf("chat/sqlite: %w", err)
}

func unavailable(errs ...error) error {
	if len(errs) == 1 {
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, errs[0])
	}
	return fmt.Errorf("%w: %w (%w)", chat.ErrUnavailable, errs[0], errs[1])
}
