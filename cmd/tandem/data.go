package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/mongo"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// dataCommand is tandem data: what a site owes the people whose data it keeps
// (M8). It works beside a server that runs on the same file.
type dataCommand struct {
	Export dataExport `cmd:"" help:"Print everything that is kept of one user, as JSON lines: messages, calls, blocked users."`
	Erase  dataErase  `cmd:"" help:"Delete everything that is kept of one user; their messages go from the other side too. It can not be undone."`
}

// dataFlags say whose data, and where it is.
type dataFlags struct {
	User     string `required:"" env:"-" help:"Id of the user."`
	DataDir  string `placeholder:"DIR" help:"Where the server keeps messages, if that is a file. Default: ./data."`
	MongoURI Secret `name:"mongo-uri" aliases:"mongo-db-uri" env:"MONGO_DB_URI" placeholder:"URL" help:"MongoDB that the server keeps messages in. --data-dir names a file all the same."`
}

// open opens the file, which must be there, or the database.
func (f dataFlags) open(ctx context.Context) (chat.Store, error) {
	if !wire.ValidUserID(f.User) {
		return nil, fmt.Errorf("%q can not be the id of a user", f.User)
	}
	if f.MongoURI != "" && f.DataDir == "" {
		return f.openMongo(ctx)
	}
	path, err := fileIn(f.DataDir)
	if err != nil {
		return nil, err
	}
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s: name the directory that the server keeps messages in with --data-dir", path)
	case err != nil:
		return nil, err
	}
	return sqlite.Open(ctx, sqlite.DefaultConfig(path))
}

// openMongo opens a database that is there to be reached.
func (f dataFlags) openMongo(ctx context.Context) (chat.Store, error) {
	store, err := mongo.Open(ctx, mongo.DefaultConfig(f.MongoURI.Reveal()))
	if err != nil {
		return nil, err
	}
	if err := store.Trouble(); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

type dataExport struct {
	dataFlags `embed:""`
}

// exported is one line of an export: one of its members is there.
type exported struct {
	Message json.RawMessage `json:"message,omitempty"`
	Call    *exportedCall   `json:"call,omitempty"`
	Blocked string          `json:"blocked,omitempty"`
}

type exportedCall struct {
	call.Record
	DurationMs int64 `json:"durationMs"`
	Missed     bool  `json:"missed"`
}

// Run writes the lines: messages from the oldest on, calls from the latest.
func (e *dataExport) Run(ctx context.Context, stdout, _ io.Writer) (err error) {
	store, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out := bufio.NewWriter(stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err = store.Export(ctx, e.User, func(m *chat.Message) error { return lines.Encode(exported{Message: chat.AppendJSON(nil, m)}) })
	if err != nil {
		return fmt.Errorf("exporting messages: %w", err)
	}
	for cursor, more := "", true; more; more = cursor != "" {
		var list []chat.LoggedCall
		if list, cursor, err = store.Calls(ctx, e.User, cursor, 500); err != nil {
			return fmt.Errorf("exporting calls: %w", err)
		}
		for _, c := range signaling.ShownCalls(e.User, list) {
			if err := lines.Encode(exported{Call: &exportedCall{c.Record, c.Duration.Milliseconds(), c.Missed}}); err != nil {
				return err
			}
		}
	}
	blocked, err := store.Blocked(ctx, e.User)
	if err != nil {
		return fmt.Errorf("exporting blocked users: %w", err)
	}
	for _, other := range blocked {
		if err := lines.Encode(exported{Blocked: other}); err != nil {
			return err
		}
	}
	return out.Flush()
}

type dataErase struct {
	dataFlags `embed:""`
}

// Run deletes, and says how much there was.
func (e *dataErase) Run(ctx context.Context, stdout, _ io.Writer) (err error) {
	store, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	began, n := time.Now(), 0
	if err := store.Export(ctx, e.User, func(*chat.Message) error { n++; return nil }); err != nil {
		return fmt.Errorf("counting messages: %w", err)
	}
	if err := store.Erase(ctx, e.User); err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "%s is erased: %d messages, their calls and blocked users, in %v\n", e.User, n, time.Since(began).Round(time.Millisecond))
	return err
}
