package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// fileOwner marks the file as ours ("Tndm"), so that another program's database
// is not taken for an empty one.
const fileOwner = 0x546e646d

// checkOwner refuses another program's file, and marks a new one.
func checkOwner(ctx context.Context, db *sql.DB) error {
	var owner, tables int
	err := db.QueryRowContext(ctx, `SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id`).Scan(&owner, &tables)
	switch {
	case err != nil:
		return err
	case owner == fileOwner:
		return nil
	case owner != 0 || tables > 0:
		return errors.New("the file is another program's database")
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", fileOwner))
	return err
}

// migrate brings the tables up to date. Two processes may open a new file at
// once: each migration is one transaction, so the one that comes second fails
// and finds it done.
func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		if _, err = p.Up(ctx); err == nil || try == 5 {
			return err
		}
		if err := pause(ctx, time.Duration(try+1)*20*time.Millisecond); err != nil {
			return err
		}
	}
}
