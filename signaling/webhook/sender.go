package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling"
)

var _ signaling.Notifier = (*Sender)(nil)

// Sender keeps news in an outbox and delivers them to endpoints.
type Sender struct {
	cfg      Config
	box      Outbox
	metrics  *metrics
	couriers []*courier

	stop context.CancelFunc
	done sync.WaitGroup // couriers
}

// New makes a sender and begins to deliver what is in the outbox, which belongs to
// it from then on. Endpoints that were off are on again. Close ends it. A nil
// registry counts unseen.
func New(ctx context.Context, cfg Config, box Outbox, reg prometheus.Registerer) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	s := &Sender{cfg: cfg, box: box, metrics: m, stop: stop}
	for i := range cfg.Endpoints {
		c, err := newCourier(s, &cfg.Endpoints[i])
		if err != nil {
			stop()
			return nil, err
		}
		if err := box.Switch(ctx, c.id, true); err != nil {
			stop()
			return nil, fmt.Errorf("webhook: %w", err)
		}
		s.couriers = append(s.couriers, c)
	}
	for _, c := range s.couriers {
		s.done.Go(func() { c.run(run) })
	}
	return s, nil
}

// Name is "webhook".
func (s *Sender) Name() string { return "webhook" }

// Notify puts news into the outbox.
func (s *Sender) Notify(ctx context.Context, list []signaling.News) error {
	var all []Entry
	now := s.cfg.Now()
	for i := range list {
		some, err := entries(&list[i], now)
		if err != nil { // the same would fail again
			s.cfg.Logger.Error("an event can not be written", "type", string(list[i].Type), "error", err)
			continue
		}
		all = append(all, some...)
	}
	var errs []error
	for _, c := range s.couriers {
		errs = append(errs, c.put(ctx, all))
	}
	return errors.Join(errs...)
}

// Close ends deliveries, after the grace at the latest, and closes the outbox.
// What is not delivered stays there.
func (s *Sender) Close() error {
	s.stop()
	s.done.Wait()
	for _, c := range s.couriers {
		c.client.CloseIdleConnections()
	}
	return s.box.Close()
}
