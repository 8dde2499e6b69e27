package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

var (
	_ chat.Store    = (*Store)(nil)
	_ chat.Profiles = (*Store)(nil)
)

// Store keeps messages in MongoDB. It is safe for concurrent use.
type Store struct {
	cfg    Config
	log    *slog.Logger
	client *driver.Client

	// Collections that other programs have, too.
	messages, conversations, users *driver.Collection
	// Tandem's own.
	meta, talks, journals, heads, calls, blocks *driver.Collection

	// Known once prepared is true.
	prepared  atomic.Bool
	preparing chan struct{} // holds one: whose turn it is
	tag       chat.Cursors  // of this database's cursors
	lean      bool          // the server can leave out fields of what findAndModify returns

	clock    clock
	profiles profileCache
	cache    cache
	marks    *marker

	life   context.Context // ends when background work has to
	end    context.CancelFunc
	behind sync.WaitGroup

	// mu is held for reading while something is asked of the store, and for
	// writing by Close.
	mu     sync.RWMutex
	closed bool

	trouble atomic.Pointer[error] // what was wrong when it was last asked
}

// Open connects, and makes the collections and indexes that are not there. If the
// server is away, the store is there all the same: it says so to whoever asks it
// for something, and is of use when the server is back.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	durable := true
	opts := options.Client().ApplyURI(cfg.URI).SetAppName("tandem").
		SetServerSelectionTimeout(cfg.SelectTimeout).SetConnectTimeout(cfg.SelectTimeout).SetTimeout(cfg.Timeout).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &durable})
	client, err := driver.Connect(opts)
	if err != nil {
		return nil, fmt.Errorf("chat/mongo: %w", cfg.withoutSecrets(err))
	}
	db := client.Database(cfg.database())
	s := &Store{
		cfg: cfg, log: cfg.Logger, client: client, preparing: make(chan struct{}, 1),
		messages: db.Collection("messages"), conversations: db.Collection("conversations"), users: db.Collection("users"),
		meta: db.Collection("tandem_meta"), talks: db.Collection("tandem_talks"), journals: db.Collection("tandem_journals"),
		heads: db.Collection("tandem_users"), calls: db.Collection("tandem_calls"), blocks: db.Collection("tandem_blocks"),
	}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := wrap(ctx, s.ready(ctx)); errors.Is(err, chat.ErrUnavailable) {
		s.note(err)
	} else if err != nil {
		s.end()
		return nil, errors.Join(fmt.Errorf("opening the store: %w", err), client.Disconnect(context.WithoutCancel(ctx)))
	}
	s.marks = newMarker(s)
	s.behind.Go(s.marks.run)
	s.behind.Go(s.mendAlways)
	return s, nil
}

// ready sees to it that the store is prepared: one tries, the others wait for it.
func (s *Store) ready(ctx context.Context) error {
	if s.prepared.Load() {
		return nil
	}
	select {
	case s.preparing <- struct{}{}:
		defer func() { <-s.preparing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.prepared.Load() {
		return nil
	}
	err := s.prepare(ctx)
	s.prepared.Store(err == nil)
	return err
}

// Trouble is what was wrong with the server when it was last asked for something,
// which is every few seconds at least; nil: nothing.
func (s *Store) Trouble() error {
	if err := s.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// note remembers how the server is; the log hears when that changes.
func (s *Store) note(err error) {
	switch {
	case err == nil:
		if s.trouble.Swap(nil) != nil {
			s.log.Info("messages can be kept and read again")
		}
	case errors.Is(err, chat.ErrUnavailable):
		if s.trouble.Swap(&err) == nil {
			s.log.Error("messages can not be kept or read", "error", err)
		}
	}
}

// prepare makes what has to be there.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.makeIndexes(ctx); err != nil {
		return err
	}
	var tag chat.Cursors
	_, _ = rand.Read(tag[:]) // never fails
	one := bson.D{{Key: "_id", Value: "database"}}
	raw, err := s.findAndUpdate(ctx, s.meta, one, bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "tag", Value: bson.Binary{Data: tag[:]}}}}}, "", true)
	if err != nil {
		return err
	}
	_, data, ok := raw.Lookup("tag").BinaryOK()
	if !ok || len(data) != len(s.tag) {
		return errors.New("the collection tandem_meta is another program's")
	}
	copy(s.tag[:], data)
	// FerretDB and others that speak MongoDB's protocol may not know it.
	err = s.meta.FindOneAndUpdate(ctx, one, bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "x", Value: 1}}}},
		options.FindOneAndUpdate().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	s.lean = err == nil
	return nil
}

// findAndUpdate updates the one document that a filter names, or makes it, and
// returns it as it is then; with field, that field and _id may be all of it.
func (s *Store) findAndUpdate(ctx context.Context, c *driver.Collection, filter, update bson.D, field string, upsert bool) (bson.Raw, error) {
	opts := options.FindOneAndUpdate().SetReturnDocument(options.After).SetUpsert(upsert)
	if field != "" && s.lean {
		opts.SetProjection(bson.D{{Key: field, Value: 1}})
	}
	for try := 0; ; try++ {
		raw, err := c.FindOneAndUpdate(ctx, filter, update, opts).Raw()
		// Of two who make the same document, one is told so and finds it then.
		if isDuplicate(err) && upsert && try < 3 {
			continue
		}
		return raw, err
	}
}

// Close waits for what is under way, and gives the connections back.
func (s *Store) Close() error {
	s.end() // or what works behind would be waited for
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.marks.stop()
	s.behind.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Timeout)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("chat/mongo: %w", err)
	}
	return nil
}

// enter begins something that Close waits for; leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, ErrClosed)
	}
	return nil
}

func (s *Store) leave() { s.mu.RUnlock() }

// do runs f, which may take the store's time.
func (s *Store) do(ctx context.Context, f func(context.Context) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err := s.ready(limited)
	if err == nil {
		err = f(limited)
	}
	err = wrap(ctx, err)
	s.note(err)
	return err
}

// onward is a context for what has to be finished once it was begun, even if
// the caller has gone.
func (s *Store) onward(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Timeout)
}

// clock gives times that do not go back.
type clock struct {
	mu   sync.Mutex
	last int64 // milliseconds
}

func (c *clock) now() time.Time { return c.after(0) }

// after is now, but later than a time in milliseconds. A clock that is far ahead
// of ours is not followed for ever.
func (c *clock) after(ms int64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().UnixMilli()
	if ahead := c.last - now; ahead > 0 && ahead < time.Hour.Milliseconds() {
		now = c.last
	}
	c.last = max(now, ms)
	return time.UnixMilli(c.last).UTC()
}
