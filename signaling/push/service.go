package push

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrClosed: the service was closed.
var ErrClosed = errors.New("push: closed")

// desks is how many goroutines look up subscriptions. All that is about one user
// goes to one of them, so that it stays in its order.
const desks = 4

// Service pushes. All its methods but Subscribe, Unsubscribe and Subscribed return
// at once.
type Service struct {
	cfg     Config
	store   Store
	hosts   hosts
	client  *http.Client
	metrics *metrics

	seed   maphash.Seed
	events [desks]chan event
	idle   atomic.Bool   // nobody has a subscription
	puts   atomic.Uint64 // subscriptions that were made here

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	lanes  map[string]*lane // by origin of the push service
}

// event is something to tell all browsers of a user.
type event struct {
	user   string
	job    job
	closes bool // nothing has to be sent where the ring was not, either
}

// New starts a service; Close ends it. reg may be nil.
func New(cfg Config, store Store, reg prometheus.Registerer) (*Service, error) {
	cfg = cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	h, err := parseHosts(cfg.Hosts)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, store: store, hosts: h, client: h.client(cfg.LaneWorkers, cfg.Timeout),
		seed: maphash.MakeSeed(), lanes: map[string]*lane{},
	}
	if s.metrics, err = newMetrics(reg, s.waiting); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for i := range s.events {
		s.events[i] = make(chan event, max(cfg.Events/desks, 1))
		s.tasks.Go(func() { s.work(s.events[i]) })
	}
	s.tasks.Go(s.watch)
	return s, nil
}

// Idle reports whether nobody has a subscription, as far as is known: then nothing
// need be told. The first one that is made on another node is seen a moment later.
func (s *Service) Idle() bool { return s.idle.Load() }

// watch finds out whether anybody has one.
func (s *Service) watch() {
	tick := time.NewTicker(s.cfg.AnyEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(s.ctx, s.cfg.LookupTime)
		before := s.puts.Load()
		anybody, err := s.store.Any(ctx)
		cancel()
		if s.idle.Store(err == nil && !anybody); s.puts.Load() != before {
			s.idle.Store(false)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close ends all goroutines; what was not sent is not.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.lanes {
		l.stopLocked()
	}
	s.mu.Unlock()
	s.cancel()
	s.tasks.Wait()
	s.client.CloseIdleConnections()
}

// PublicKey is what browsers subscribe with (applicationServerKey).
func (s *Service) PublicKey() string { return s.cfg.Key.Public }

// Subscribe registers a browser of the user. The error wraps ErrSubscription or
// ErrHost if the client is to blame.
func (s *Service) Subscribe(ctx context.Context, user string, sub Subscription) (Subscription, error) {
	if err := sub.normalize(); err != nil {
		return sub, fmt.Errorf("%w: %w", ErrSubscription, err)
	}
	if err := s.hosts.check(sub.Endpoint); err != nil {
		return sub, err
	}
	err := s.store.Put(ctx, user, sub)
	s.puts.Add(1)
	s.idle.Store(false)
	if err != nil {
		return sub, fmt.Errorf("push: keeping a subscription: %w", err)
	}
	return sub, nil
}

// Unsubscribe forgets a browser of the user, by endpoint or device; found reports
// whether there was one.
func (s *Service) Unsubscribe(ctx context.Context, user, endpoint, device string) (found bool, err error) {
	list, err := s.store.List(ctx, user)
	if err != nil {
		return false, fmt.Errorf("push: reading subscriptions: %w", err)
	}
	for _, sub := range list {
		if (endpoint == "" || sub.Endpoint != endpoint) && (device == "" || sub.Device != device) {
			continue
		}
		removed, err := s.store.Remove(ctx, user, sub.Endpoint)
		if err != nil {
			return found, fmt.Errorf("push: forgetting a subscription: %w", err)
		}
		found = found || removed
	}
	return found, nil
}

// Subscribed reports whether pushes can reach the user at all: then a call may
// ring for somebody who is offline (C5).
func (s *Service) Subscribed(ctx context.Context, user string) (bool, error) {
	list, err := s.store.List(ctx, user)
	if err != nil {
		return false, fmt.Errorf("push: reading subscriptions: %w", err)
	}
	return len(list) > 0, nil
}

// Ringing wakes the browsers of a user for whom a call rings.
func (s *Service) Ringing(r Ring) { s.post(event{user: r.User, job: r.job(s.cfg.Now())}) }

// RingOver takes that back everywhere.
func (s *Service) RingOver(o Over) {
	s.post(event{user: o.User, job: o.job(s.cfg.Now()), closes: o.closes()})
}

// Messaged tells the browsers of a user who is not there of a message. Of several
// from one author the last one is told.
func (s *Service) Messaged(m Message) {
	s.post(event{user: m.User, job: m.job(s.cfg.Now(), s.cfg.MessageTTL)})
}

func (s *Service) post(e event) {
	select {
	case s.events[maphash.String(s.seed, e.user)%desks] <- e:
	default:
		s.metrics.dropped.WithLabelValues(e.job.kind, "too_many").Inc()
	}
}

// work looks up who is to be told.
func (s *Service) work(events <-chan event) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case e := <-events:
			s.spread(e)
		}
	}
}

func (s *Service) spread(e event) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.LookupTime)
	defer cancel()
	list, err := s.store.List(ctx, e.user)
	if err != nil {
		if s.ctx.Err() == nil {
			s.cfg.Logger.Warn("subscriptions for pushes are not to be had", "user", e.user, "error", err)
			s.metrics.dropped.WithLabelValues(e.job.kind, "no_store").Inc()
		}
		return
	}
	for _, sub := range list {
		if err := s.hosts.check(sub.Endpoint); err != nil { // it was, when it was registered
			s.metrics.dropped.WithLabelValues(e.job.kind, "not_allowed").Inc()
			continue
		}
		s.enqueue(e, sub)
	}
}

// forget drops a subscription that its push service does not know any more.
func (s *Service) forget(user, endpoint string) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.LookupTime)
	defer cancel()
	switch removed, err := s.store.Remove(ctx, user, endpoint); {
	case err != nil:
		s.cfg.Logger.Warn("a subscription that is gone could not be forgotten", "user", user, "error", err)
	case removed:
		s.metrics.removed.Inc()
	}
}

// retryAfter is how long to wait before the next try of what has failed so often.
func (s *Service) retryAfter(tries int, asked time.Duration) time.Duration {
	return max(min(s.cfg.Backoff<<(tries-1), s.cfg.MaxBackoff), asked)
}
