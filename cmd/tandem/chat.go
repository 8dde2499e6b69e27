package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/mongo"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
)

const (
	// dataDir is where files go if nobody says otherwise: below the folder that
	// the server was started in, where its .env is too.
	dataDir  = "data"
	dataFile = "tandem.db"
)

// checkChat holds M5: a file belongs to one node, so it never goes together with
// Redis, and nobody names two places for messages.
func (c Config) checkChat() error {
	if c.Chat.HistoryLimit < 1 || c.Chat.HistoryLimit > 10_000 {
		return errors.New("--history-limit must be from 1 to 10000")
	}
	if c.Chat.Retention < 0 {
		return errors.New("--retention can not be negative; 0 keeps messages for ever")
	}
	switch {
	case c.Chat.NoChat, c.Chat.DataDir == "":
		return nil
	case c.Clustered():
		return errors.New("--data-dir and REDIS_URL do not go together: with Redis this node is one of many, " +
			"and users on the others would not find messages that are in a file of this one. " +
			"Leave out --data-dir, or leave out REDIS_URL to run one node")
	case c.Servers.MongoURI != "" && !c.wakes(): // webhooks wait in a file all the same
		return errors.New("--data-dir and MONGO_DB_URI name two places for messages: leave one out")
	}
	return nil
}

// noChat says why messages are not kept; "" if they are.
func (c Config) noChat() string {
	switch {
	case c.Chat.NoChat:
		return "not kept (--no-chat)"
	case c.Clustered() && c.Servers.MongoURI == "":
		return "NOT KEPT: a file of one node is of no use to many; MONGO_DB_URI names a store that nodes share, " +
			"and without REDIS_URL messages are kept in a file"
	}
	return ""
}

// chatFile is the absolute path of the file that messages are in.
func (c Config) chatFile() (string, error) { return fileIn(c.Chat.DataDir) }

func fileIn(dir string) (string, error) {
	if dir == "" {
		dir = dataDir
	}
	path, err := filepath.Abs(filepath.Join(dir, dataFile))
	if err != nil {
		return "", fmt.Errorf("--data-dir %q: %w", dir, err)
	}
	return path, nil
}

// openChat opens the store of messages and makes what it needs; nil: messages
// are not kept.
func (c Config) openChat(d deps) (*meteredStore, error) {
	if c.noChat() != "" {
		return nil, nil //nolint:nilnil // nothing to open, and nothing wrong
	}
	if c.Servers.MongoURI != "" {
		return c.openMongo(d)
	}
	path, err := c.chatFile()
	if err != nil {
		return nil, err
	}
	const hint = "name another directory with --data-dir, or keep no messages with --no-chat"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("no directory for messages: %w (%s)", err, hint)
	}
	store, err := sqlite.Open(d.ctx, sqlite.DefaultConfig(path))
	if err != nil {
		return nil, fmt.Errorf("no store for messages: %w (%s)", err, hint)
	}
	return metered(store, "sqlite", d)
}

// openMongo opens the store that nodes share. A server that is away is no reason
// not to start: calls go on without it.
func (c Config) openMongo(d deps) (*meteredStore, error) {
	store, err := mongo.Open(d.ctx, c.mongo(d.log))
	if err != nil {
		return nil, fmt.Errorf("no store for messages: %w (MONGO_DB_URI names it; --no-chat keeps no messages)", err)
	}
	return metered(store, "mongodb", d)
}

func (c Config) mongo(log *slog.Logger) mongo.Config {
	cfg := mongo.DefaultConfig(c.Servers.MongoURI.Reveal())
	cfg.Logger = log
	return cfg
}

func metered(store chat.Store, kind string, d deps) (*meteredStore, error) {
	m, err := newMeteredStore(store, kind, d.registry, d.log)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return m, nil
}

// messages is the store of messages, or nil.
func (b *board) messages() chat.Store {
	if b.chat == nil {
		return nil
	}
	return b.chat
}

// profiles is where what others may know of users is, or nil.
func (b *board) profiles() chat.Profiles {
	if b.chat == nil {
		return nil
	}
	p, _ := b.chat.Store.(chat.Profiles)
	return p
}

// liveCalls is where what would be left of live calls is kept, or nil.
func (b *board) liveCalls() chat.LiveCalls {
	if b.chat == nil {
		return nil
	}
	l, _ := b.chat.Store.(chat.LiveCalls)
	return l
}

// expireChat deletes messages that are older than --retention, until ctx ends.
func (b *board) expireChat(ctx context.Context, d deps) {
	if b.chat == nil || d.cfg.Chat.Retention == 0 {
		return
	}
	job := retention{store: b.chat, keep: d.cfg.Chat.Retention, now: time.Now, told: func(n int, err error) {
		d.log.Info("old messages and calls were deleted", "n", n)
		if err != nil {
			d.log.Warn("old messages could not be deleted; they will be later", "error", err)
		}
	}}
	b.done.Go(func() { job.run(ctx) })
}

// retention deletes what is older than a site wants to keep (M8).
type retention struct {
	store chat.Custody
	keep  time.Duration
	now   func() time.Time
	told  func(n int, err error) // of each pass that did something
}

// run works until ctx ends: at once, and then so often that nothing outlives its
// time by more than a tenth of it, or an hour.
func (r retention) run(ctx context.Context) {
	tick := time.NewTicker(min(max(r.keep/10, 100*time.Millisecond), time.Hour))
	defer tick.Stop()
	for {
		if n, err := r.pass(ctx); (n > 0 || err != nil) && ctx.Err() == nil {
			r.told(n, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pass deletes what is due, a bounded number at a time, so that messages that are
// being sent get their turn in between.
func (r retention) pass(ctx context.Context) (n int, err error) {
	before := r.now().Add(-r.keep)
	for {
		some, err := r.store.Expire(ctx, before)
		n += some
		if err != nil || some == 0 {
			return n, err
		}
	}
}
