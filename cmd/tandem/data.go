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

	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/mongo"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// dataCommand is tandem data: what a site owes the people whose data it keeps
// (M8). It works beside a server that runs on the same file.
type dataCommand struct {
	Export dataExport `cmd:"" help:"Print everything that is kept of one user, as JSON lines: messages, calls, blocked users, browsers that get pushes."`
	Erase  dataErase  `cmd:"" help:"Delete everything that is kept of one user; their messages go from the other side too. It can not be undone."`
}

// dataFlags say whose data, and where it is.
type dataFlags struct {
	User     string `required:"" env:"-" help:"Id of the user."`
	DataDir  string `placeholder:"DIR" help:"Where the server keeps messages, if that is a file. Default: ./data."`
	MongoURI Secret `name:"mongo-uri" aliases:"mongo-db-uri" env:"MONGO_DB_URI" placeholder:"URL" help:"MongoDB that the server keeps messages in. If there is a file in --data-dir, that is meant all the same."`

	RedisURL    Secret `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis that many nodes share: browsers that get pushes are kept there, and messages in MongoDB or not at all. --data-dir names a file all the same."`
	RedisPrefix string `default:"tandem:" help:"Prefix of its keys."`
}

// kept is where the user's data is; what is nil keeps none.
type kept struct {
	chat     chat.Store
	browsers browsers
}

// browsers are those that get pushes.
type browsers interface {
	List(ctx context.Context, user string) ([]push.Subscription, error)
}

// open opens the file, which must be there, or what nodes share.
func (f dataFlags) open(ctx context.Context) (k kept, err error) {
	if !wire.ValidUserID(f.User) {
		return k, fmt.Errorf("%q can not be the id of a user", f.User)
	}
	switch {
	case f.DataDir != "" && (f.MongoURI == "" || f.hasFile()):
		k.chat, err = f.openFile(ctx)
	case f.MongoURI != "":
		k.chat, err = f.openMongo(ctx)
	case f.RedisURL == "":
		k.chat, err = f.openFile(ctx)
	}
	if err != nil {
		return k, err
	}
	if f.RedisURL != "" {
		b, err := redis.OpenBrowsers(redis.Config{URL: f.RedisURL.Reveal(), Prefix: f.RedisPrefix, Timeout: 5 * time.Second})
		if err != nil {
			return k, errors.Join(err, k.close())
		}
		k.browsers = b
	} else if file, ok := k.chat.(*sqlite.Store); ok {
		k.browsers = file.Subscriptions()
	}
	return k, nil
}

func (k kept) close() (err error) {
	if k.chat != nil {
		err = k.chat.Close()
	}
	if b, ok := k.browsers.(io.Closer); ok {
		err = errors.Join(err, b.Close())
	}
	return err
}

// hasFile reports whether there are messages in the directory: webhooks may wait
// in it where messages are elsewhere.
func (f dataFlags) hasFile() bool {
	path, err := fileIn(f.DataDir)
	if err == nil {
		_, err = os.Stat(path)
	}
	return err == nil
}

func (f dataFlags) openFile(ctx context.Context) (chat.Store, error) {
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
	Message json.RawMessage  `json:"message,omitempty"`
	Call    *exportedCall    `json:"call,omitempty"`
	Blocked string           `json:"blocked,omitempty"`
	Browser *exportedBrowser `json:"browser,omitempty"`
}

type exportedCall struct {
	call.Record
	DurationMs int64 `json:"durationMs"`
	Missed     bool  `json:"missed"`
}

// exportedBrowser has no keys: who is given them can write to it.
type exportedBrowser struct {
	Device   string    `json:"device"`
	Endpoint string    `json:"endpoint"`
	Since    time.Time `json:"since"`
}

// Run writes the lines: messages from the oldest on, calls from the latest.
func (e *dataExport) Run(ctx context.Context, stdout, _ io.Writer) (err error) {
	k, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	out := bufio.NewWriter(stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if k.chat != nil {
		if err := e.exportChat(ctx, k.chat, lines); err != nil {
			return err
		}
	}
	if k.browsers != nil {
		list, err := k.browsers.List(ctx, e.User)
		if err != nil {
			return fmt.Errorf("exporting browsers: %w", err)
		}
		for _, sub := range list {
			if err := lines.Encode(exported{Browser: &exportedBrowser{sub.Device, sub.Endpoint, sub.Since.UTC()}}); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

func (e *dataExport) exportChat(ctx context.Context, store chat.Store, lines *json.Encoder) error {
	err := store.Export(ctx, e.User, func(m *chat.Message) error { return lines.Encode(exported{Message: chat.AppendJSON(nil, m)}) })
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
	return nil
}

type dataErase struct {
	dataFlags `embed:""`
}

// Run deletes, and says how much there was.
func (e *dataErase) Run(ctx context.Context, stdout, _ io.Writer) (err error) {
	k, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	began, messages, browsers := time.Now(), 0, 0
	if k.browsers != nil {
		list, err := k.browsers.List(ctx, e.User)
		if err != nil {
			return fmt.Errorf("counting browsers: %w", err)
		}
		browsers = len(list)
	}
	if k.chat != nil {
		if err := k.chat.Export(ctx, e.User, func(*chat.Message) error { messages++; return nil }); err != nil {
			return fmt.Errorf("counting messages: %w", err)
		}
		if err := k.chat.Erase(ctx, e.User); err != nil { // in a file the browsers, too
			return fmt.Errorf("erasing: %w", err)
		}
	}
	if b, ok := k.browsers.(*redis.Browsers); ok {
		if err := b.Erase(ctx, e.User); err != nil {
			return fmt.Errorf("erasing browsers: %w", err)
		}
	}
	_, err = fmt.Fprintf(stdout, "%s is erased: %d messages, their calls and blocked users, %d browsers, in %v\n", e.User, messages, browsers, time.Since(began).Round(time.Millisecond))
	return err
}
