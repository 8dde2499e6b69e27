package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// courier delivers to one endpoint.
type courier struct {
	s      *Sender
	to     *Endpoint
	id     string
	signs  []*standard.Webhook
	client *http.Client
	log    *slog.Logger

	wake    chan struct{} // something new is in the outbox
	results chan outcome

	// Owned by run.
	flying  int
	fails   int // in a row
	pending []outcome
}

// outcome is what came of one attempt.
type outcome struct {
	d      Delivery
	again  time.Duration // negative: through
	rest   time.Duration // asked for by the endpoint
	failed bool
	gone   bool // it does not want anything any more
	broken bool // it was this node that broke it off
}

func newCourier(s *Sender, to *Endpoint) (*courier, error) {
	c := &courier{
		s: s, to: to, id: to.ID(), client: newClient(s.cfg), log: s.cfg.Logger.With("endpoint", to.Name()),
		wake: make(chan struct{}, 1), results: make(chan outcome, s.cfg.Concurrency),
	}
	for _, secret := range to.Secrets {
		key, err := Key(secret)
		if err != nil {
			return nil, err
		}
		w, err := standard.NewWebhookRaw(key)
		if err != nil {
			return nil, err
		}
		c.signs = append(c.signs, w)
	}
	return c, nil
}

// put keeps what this endpoint wants.
func (c *courier) put(ctx context.Context, all []Entry) error {
	list := slices.Clone(all)
	list = slices.DeleteFunc(list, func(e Entry) bool { return !c.to.Wants(e.Type) })
	if len(list) == 0 {
		return nil
	}
	st, err := c.s.box.Put(ctx, c.id, list)
	if err != nil {
		return err
	}
	if st.Off { // another node may have been told so
		c.s.metrics.off.WithLabelValues(c.label()).Set(1)
		c.s.metrics.dropped.WithLabelValues(c.label(), "off").Add(float64(len(list)))
	}
	if st.Dropped > 0 {
		c.s.metrics.dropped.WithLabelValues(c.label(), "full").Add(float64(st.Dropped))
		c.log.Error("too many webhooks wait: the oldest were dropped", "n", st.Dropped)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

func (c *courier) label() string { return c.to.Name() + "/" + c.id }

// run delivers until ctx ends, and waits for what is on its way.
func (c *courier) run(ctx context.Context) {
	fly, cancel := context.WithCancel(context.Background())
	defer cancel()
	var flights sync.WaitGroup
	poll, sweep := time.NewTicker(c.s.cfg.Poll), time.NewTicker(c.s.cfg.Sweep)
	defer poll.Stop()
	defer sweep.Stop()
	c.sweep(ctx)
	for ctx.Err() == nil {
		c.settle(ctx)
		for _, d := range c.claim(ctx) {
			if c.tooOld(&d, 0) {
				c.giveUp(&d)
				c.pending = append(c.pending, outcome{d: d, again: -1, broken: true})
				continue
			}
			c.flying++
			flights.Go(func() { c.results <- c.attempt(fly, d) })
		}
		if len(c.pending) > 0 && c.settle(ctx) {
			continue // what was behind them is due now
		}
		select {
		case <-ctx.Done():
		case o := <-c.results:
			c.took(o)
		case <-c.wake:
		case <-poll.C:
		case <-sweep.C:
			c.sweep(ctx)
		}
	}
	grace := time.AfterFunc(c.s.cfg.Grace, cancel)
	defer grace.Stop()
	for c.flying > 0 {
		c.took(<-c.results)
	}
	flights.Wait()
	last, end := context.WithTimeout(context.Background(), c.s.cfg.Grace)
	defer end()
	c.settle(last)
}

// claim takes what is due and can be delivered now. An endpoint that fails again
// and again gets one event at a time.
func (c *courier) claim(ctx context.Context) []Delivery {
	n := c.s.cfg.Concurrency - c.flying
	if c.fails >= c.s.cfg.Failures {
		n = 1 - c.flying
	}
	if n <= 0 || len(c.pending) > 0 { // what is not settled could be claimed again
		return nil
	}
	list, err := c.s.box.Claim(ctx, c.id, n, c.lease())
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("webhooks that are due are not to be had", "error", err)
		}
		return nil
	}
	return list
}

// took takes the outcome of one attempt, and those that came with it.
func (c *courier) took(o outcome) {
	for {
		c.flying--
		c.pending = append(c.pending, o)
		switch {
		case o.broken:
		case o.failed:
			if c.fails++; c.fails == c.s.cfg.Failures {
				c.log.Error("an endpoint of webhooks does not take them: it is left alone, for a while")
			}
		default:
			if c.fails >= c.s.cfg.Failures {
				c.log.Info("an endpoint of webhooks is back")
			}
			c.fails = 0
		}
		select {
		case o = <-c.results:
		default:
			return
		}
	}
}

// settle tells the outbox what became of events, and reports whether it knows now.
func (c *courier) settle(ctx context.Context) bool {
	if len(c.pending) == 0 {
		return true
	}
	var rest time.Duration
	gone := false
	list := make([]Result, len(c.pending))
	for i, o := range c.pending {
		list[i] = Result{Seq: o.d.Seq, Again: o.again}
		rest, gone = max(rest, o.rest), gone || o.gone
	}
	if more := c.fails - c.s.cfg.Failures; more >= 0 {
		rest = max(rest, jitter(min(c.s.cfg.MinBackoff<<min(more, 20), c.s.cfg.MaxRest)))
	}
	err := c.s.box.Settle(ctx, c.id, list, rest)
	if err == nil && gone {
		err = c.switchOff(ctx)
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			c.log.Warn("what became of webhooks could not be noted: they may be sent again", "n", len(list), "error", err)
		}
		return false
	}
	c.pending = c.pending[:0]
	return true
}

// tooOld reports whether an event is not worth an attempt any more after that time.
func (c *courier) tooOld(d *Delivery, after time.Duration) bool {
	return c.s.cfg.Now().Add(after).Sub(d.Created) > c.s.cfg.Window
}

func (c *courier) giveUp(d *Delivery) {
	c.s.metrics.dropped.WithLabelValues(c.label(), "expired").Inc()
	c.log.Error("a webhook was given up: it could not be delivered in time", "id", d.ID, "type", d.Type, "attempts", d.Attempt)
}

// sweepAge is how old an event is that waits behind others for too long: one that
// is on its way is given up by who tries it, before.
func (c *courier) sweepAge() time.Duration { return c.s.cfg.Window + c.lease() }

// lease is for how long events are claimed: nobody else gets them while an attempt
// lasts.
func (c *courier) lease() time.Duration { return c.s.cfg.Timeout + 5*time.Second }

// switchOff is for an endpoint that has answered 410 Gone.
func (c *courier) switchOff(ctx context.Context) error {
	_, left, err := c.s.box.Sweep(ctx, c.id, c.sweepAge())
	if err != nil {
		return err
	}
	if err := c.s.box.Switch(ctx, c.id, false); err != nil {
		return err
	}
	c.s.metrics.dropped.WithLabelValues(c.label(), "off").Add(float64(left))
	c.s.metrics.off.WithLabelValues(c.label()).Set(1)
	c.log.Error("an endpoint of webhooks has answered 410 Gone: it gets nothing any more, until a server starts again with it", "dropped", left)
	return nil
}

// sweep drops what is too old.
func (c *courier) sweep(ctx context.Context) {
	dropped, waiting, err := c.s.box.Sweep(ctx, c.id, c.sweepAge())
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("the outbox could not be swept", "error", err)
		}
		return
	}
	c.s.metrics.waiting.WithLabelValues(c.label()).Set(float64(waiting))
	if dropped > 0 {
		c.s.metrics.dropped.WithLabelValues(c.label(), "expired").Add(float64(dropped))
		c.log.Error("webhooks were given up: they could not be delivered in time", "n", dropped)
	}
}

// backoff is how long after that attempt the next one comes.
func (c *courier) backoff(attempt int) time.Duration {
	d := c.s.cfg.MinBackoff << min(max(attempt-1, 0), 40)
	if d <= 0 || d > c.s.cfg.MaxBackoff {
		d = c.s.cfg.MaxBackoff
	}
	return jitter(d)
}

// jitter takes up to half of a time away.
func jitter(d time.Duration) time.Duration {
	if d < 2 {
		return d
	}
	return d - rand.N(d/2)
}
