package permit

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Action is what somebody wants to do.
type Action string

// The actions.
const (
	Call    Action = "call"
	Message Action = "message"
)

// Question is "may From do this to To?", both user ids.
type Question struct {
	Action   Action
	From, To string
}

// Answer to a Question. Code and Message are for a client that may not: the code
// is one of Codes, the message "" for the code's own.
type Answer struct {
	Allow   bool
	Code    wire.Code
	Message string
	// Failed: nobody has answered. Allow is what the site wants then.
	Failed bool
}

// ErrClosed: the asker was closed.
var ErrClosed = errors.New("permit: closed")

// Asker asks one endpoint. Its methods may be called from any goroutine.
type Asker struct {
	cfg     Config
	log     *slog.Logger
	key     []byte
	client  *http.Client
	metrics *metrics

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	// room has a place for each question that may be at the endpoint at once.
	room chan struct{}

	mu      sync.Mutex
	known   *answers
	flights map[Question]*flight
	breaker breaker
	closed  bool
	done    sync.WaitGroup // flights
}

// flight is a question on its way; answer is set when done is closed.
type flight struct {
	done   chan struct{}
	answer Answer
}

// New makes an asker; Close ends it. A nil registry counts unseen.
func New(cfg Config, reg prometheus.Registerer) (*Asker, error) {
	key, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Asker{
		cfg: cfg, log: cfg.Logger, key: key, client: newClient(cfg), metrics: m, ctx: ctx, stop: stop,
		room: make(chan struct{}, cfg.Concurrency), known: newAnswers(cfg.Remember), flights: map[Question]*flight{},
		breaker: breaker{limit: cfg.Failures, rest: cfg.Rest},
	}, nil
}

// Known returns the answer to a question if there is one without asking: it was
// answered lately, or the endpoint is left alone just now.
func (a *Asker) Known(q Question) (Answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.knownLocked(q)
}

func (a *Asker) knownLocked(q Question) (Answer, bool) {
	now := a.cfg.Now()
	if ans, ok := a.known.get(q, now); ok {
		a.metrics.known.Inc()
		return ans, true
	}
	if a.closed || (a.flights[q] == nil && !a.breaker.ready(now)) {
		a.metrics.count(q, "left_alone")
		return a.failed(), true
	}
	return Answer{}, false
}

// Ask returns the answer to a question. It fails only if ctx ends: an endpoint
// that does not answer within Config.Timeout is an Answer that has Failed. Who
// asks the same at the same time waits for the same answer.
func (a *Asker) Ask(ctx context.Context, q Question) (Answer, error) {
	a.mu.Lock()
	if ans, ok := a.knownLocked(q); ok {
		a.mu.Unlock()
		return ans, nil
	}
	f := a.flights[q]
	if f == nil {
		if len(a.flights) >= a.cfg.Waiting {
			a.mu.Unlock()
			a.metrics.count(q, "too_many")
			return a.failed(), nil
		}
		f = &flight{done: make(chan struct{})}
		a.flights[q] = f
		probe := a.breaker.asks()
		a.done.Go(func() { a.fly(q, f, probe) })
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// fly asks the endpoint and lets everybody who waits know.
func (a *Asker) fly(q Question, f *flight, probe bool) {
	ctx, cancel := context.WithTimeout(a.ctx, a.cfg.Timeout)
	defer cancel()
	began := time.Now()
	ans, err := a.inRoom(ctx, q)
	a.metrics.seconds.Observe(time.Since(began).Seconds())
	if err != nil {
		ans = a.failed()
	}
	a.mu.Lock()
	now := a.cfg.Now()
	delete(a.flights, q)
	was := a.breaker.tripped()
	switch {
	case err == nil:
		ttl := a.cfg.TTL
		if !ans.Allow {
			ttl = a.cfg.DenyTTL
		}
		a.known.put(q, ans, now.Add(ttl), ttl)
		a.breaker.worked()
	case a.ctx.Err() == nil: // not for our own sake
		a.breaker.failed(now, probe)
	}
	is := a.breaker.tripped()
	a.mu.Unlock()
	a.tell(q, ans, err, was, is)
	f.answer = ans
	close(f.done)
}

// inRoom waits for a place at the endpoint: one that is slow is not given
// everything at once.
func (a *Asker) inRoom(ctx context.Context, q Question) (Answer, error) {
	select {
	case a.room <- struct{}{}:
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	defer func() { <-a.room }()
	return a.post(ctx, q)
}

// tell logs when the endpoint breaks and when it is well again, not of every
// question meanwhile.
func (a *Asker) tell(q Question, ans Answer, err error, was, is bool) {
	switch {
	case err != nil:
		a.metrics.count(q, "failed")
	case ans.Allow:
		a.metrics.count(q, "allow")
	default:
		a.metrics.count(q, "deny")
	}
	switch {
	case is && !was:
		a.metrics.resting.Set(1)
		a.log.Error("who may call or message whom can not be asked", "fail_open", a.cfg.FailOpen, "error", err)
	case was && !is:
		a.metrics.resting.Set(0)
		a.log.Info("who may call or message whom can be asked again")
	case err != nil:
		a.log.Warn("the answer to who may call or message whom did not come", "action", string(q.Action), "error", err)
	}
}

// failed is the answer where there is none.
func (a *Asker) failed() Answer {
	return Answer{Allow: a.cfg.FailOpen, Code: wire.CodeUnavailable, Failed: true}
}

// Close ends what is being asked and waits for it; every answer after it is one
// that failed.
func (a *Asker) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	a.done.Wait()
	a.client.CloseIdleConnections()
}
