package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// meteredStore is a store that is watched: how long it takes, what fails, and
// what is wrong with it just now. The log hears when it breaks and when it is
// well again, not of every request meanwhile.
type meteredStore struct {
	chat.Store
	kind    string  // in a word
	looks   watcher // a store that says itself, to the log too, what is wrong with it; or nil
	log     *slog.Logger
	stored  prometheus.Counter
	failed  *prometheus.CounterVec
	seconds *prometheus.HistogramVec

	mu      sync.Mutex
	trouble [2]error // by reading and writing: a full disk can still be read
}

// watcher is a store that is asked now and then by itself.
type watcher interface{ Trouble() error }

const (
	reading = iota
	writing
)

func newMeteredStore(s chat.Store, kind string, reg prometheus.Registerer, log *slog.Logger) (*meteredStore, error) {
	m := &meteredStore{
		Store: s, kind: kind, log: log,
		stored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_chat_stored_total", Help: "Messages stored; one that was sent twice counts once.",
		}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_chat_failures_total", Help: "What the store of messages could not do, by operation.",
		}, []string{"operation"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tandem_chat_seconds", Help: "How long the store of messages took, by operation.",
			Buckets: []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"operation"}),
	}
	m.looks, _ = s.(watcher)
	for _, c := range []prometheus.Collector{m.stored, m.failed, m.seconds} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("metrics of messages: %w", err)
		}
	}
	return m, nil
}

// state is the store in a word, or what is wrong with it.
func (m *meteredStore) state() (text string, well bool) {
	if m.looks != nil {
		if err := m.looks.Trouble(); err != nil {
			return err.Error(), false
		}
		return m.kind, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, err := range []error{m.trouble[writing], m.trouble[reading]} {
		if err != nil {
			return err.Error(), false
		}
	}
	return m.kind, true
}

// done notes how an operation went.
func (m *meteredStore) done(operation string, kind int, began time.Time, err error) {
	m.seconds.WithLabelValues(operation).Observe(time.Since(began).Seconds())
	broken := storeBroke(err)
	if broken {
		m.failed.WithLabelValues(operation).Inc()
	} else if err != nil {
		return // says nothing of the store
	}
	if m.looks != nil {
		return
	}
	m.mu.Lock()
	before := m.trouble[kind]
	m.trouble[kind] = err
	m.mu.Unlock()
	switch {
	case broken && before == nil:
		m.log.Error("messages can not be kept or read", "operation", operation, "error", err)
	case !broken && before != nil:
		m.log.Info("messages can be kept and read again", "operation", operation)
	}
}

// storeBroke reports whether an error is the store's fault: not the caller's,
// who asked for what is not there or went away.
func storeBroke(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if errors.Is(err, chat.ErrUnavailable) {
		return true
	}
	_, known := wire.ProblemOf(err)
	return !known
}

// Add implements chat.Messages.
func (m *meteredStore) Add(ctx context.Context, msg chat.Message) (stored *chat.Message, created bool, err error) {
	began := time.Now()
	stored, created, err = m.Store.Add(ctx, msg)
	m.done("add", writing, began, err)
	if created && err == nil {
		m.stored.Inc()
	}
	return stored, created, err
}

// AddMany implements chat.Messages.
func (m *meteredStore) AddMany(ctx context.Context, list []chat.Message) []chat.Added {
	began := time.Now()
	added := m.Store.AddMany(ctx, list)
	var err error
	for i := range added {
		if added[i].Created {
			m.stored.Inc()
		}
		err = cmp.Or(err, added[i].Err)
	}
	m.done("add_many", writing, began, err)
	return added
}

// History implements chat.Messages.
func (m *meteredStore) History(ctx context.Context, user, peer, before string, limit int) ([]*chat.Message, error) {
	began := time.Now()
	list, err := m.Store.History(ctx, user, peer, before, limit)
	m.done("history", reading, began, err)
	return list, err
}

// Mark implements chat.Messages.
func (m *meteredStore) Mark(ctx context.Context, reader, id string, to chat.Status) (*chat.Message, bool, error) {
	began := time.Now()
	msg, rose, err := m.Store.Mark(ctx, reader, id, to)
	m.done("mark", writing, began, err)
	return msg, rose, err
}

// MarkDelivered implements chat.Messages.
func (m *meteredStore) MarkDelivered(ctx context.Context, reader string, ids []string) ([]*chat.Message, error) {
	began := time.Now()
	rose, err := m.Store.MarkDelivered(ctx, reader, ids)
	m.done("mark_delivered", writing, began, err)
	return rose, err
}

// MarkAll implements chat.Messages.
func (m *meteredStore) MarkAll(ctx context.Context, reader, author string) (int, error) {
	began := time.Now()
	n, err := m.Store.MarkAll(ctx, reader, author)
	m.done("mark_all", writing, began, err)
	return n, err
}

// Update implements chat.Messages.
func (m *meteredStore) Update(ctx context.Context, id string, change func(*chat.Message) (bool, error)) (*chat.Message, bool, error) {
	began := time.Now()
	msg, changed, err := m.Store.Update(ctx, id, change)
	m.done("update", writing, began, err)
	return msg, changed, err
}

// Remove implements chat.Messages.
func (m *meteredStore) Remove(ctx context.Context, id string, allow func(*chat.Message) error) (*chat.Message, error) {
	began := time.Now()
	msg, err := m.Store.Remove(ctx, id, allow)
	m.done("remove", writing, began, err)
	return msg, err
}

// Conversations implements chat.Messages.
func (m *meteredStore) Conversations(ctx context.Context, user, cursor string, limit int) ([]chat.Conversation, string, error) {
	began := time.Now()
	list, next, err := m.Store.Conversations(ctx, user, cursor, limit)
	m.done("conversations", reading, began, err)
	return list, next, err
}

// Changes implements chat.Journal.
func (m *meteredStore) Changes(ctx context.Context, user, since string, limit int) (chat.Changes, error) {
	began := time.Now()
	c, err := m.Store.Changes(ctx, user, since, limit)
	m.done("changes", reading, began, err)
	return c, err
}

// LogCall implements chat.CallLog.
func (m *meteredStore) LogCall(ctx context.Context, r call.Record) error {
	began := time.Now()
	err := m.Store.LogCall(ctx, r)
	m.done("log_call", writing, began, err)
	return err
}

// Calls implements chat.CallLog.
func (m *meteredStore) Calls(ctx context.Context, user, cursor string, limit int) ([]chat.LoggedCall, string, error) {
	began := time.Now()
	list, next, err := m.Store.Calls(ctx, user, cursor, limit)
	m.done("calls", reading, began, err)
	return list, next, err
}
