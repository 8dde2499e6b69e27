package push

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// lane is the way to one push service. What is for one browser goes one after the
// other, so that the end of a call does not overtake its ring; browsers take
// turns. All of it is guarded by the service's mu.
type lane struct {
	s       *Service
	origin  string
	targets map[string]*target // by endpoint: those with something to be sent
	urgent  []*target
	ready   []*target
	waiting int // jobs
	workers int
	noted   time.Time // when a refusal was logged last
}

// target is one browser with what it is to get.
type target struct {
	user  string
	sub   Subscription
	jobs  []*job // urgent ones first
	state targetState
	timer *time.Timer // while it waits for its next try
}

type targetState int

const (
	idle    targetState = iota // made just now
	queued                     // in urgent or ready
	sending                    // a worker has it
	resting                    // until its timer
)

// perTarget is how many pushes may wait for one browser.
const perTarget = 16

// enqueue gives a browser something to be sent.
func (s *Service) enqueue(e event, sub Subscription) {
	origin := originOf(sub.Endpoint)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	l := s.lanes[origin]
	if l == nil {
		if len(s.lanes) >= s.cfg.Lanes {
			s.metrics.dropped.WithLabelValues(e.job.kind, "too_many").Inc()
			return
		}
		l = &lane{s: s, origin: origin, targets: map[string]*target{}}
		s.lanes[origin] = l
	}
	l.addLocked(e, sub)
	l.tidyLocked()
}

func originOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil { // it was checked
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

func (l *lane) addLocked(e event, sub Subscription) {
	t := l.targets[sub.Endpoint]
	if t == nil {
		t = &target{user: e.user}
		l.targets[sub.Endpoint] = t
	}
	j := e.job
	flying := 0
	if t.state == sending {
		flying = 1 // the first one is on its way
	}
	if t.user != e.user { // the browser is another's now
		l.waiting -= len(t.jobs) - flying
		t.jobs = t.jobs[:flying]
	}
	t.user, t.sub = e.user, sub
	for i, old := range t.jobs {
		if i < flying || old.topic != j.topic {
			continue
		}
		l.s.metrics.sent.WithLabelValues(old.kind, "replaced").Inc()
		if e.closes && old.tries == 0 { // there is nothing to take back
			l.removeLocked(t, i)
			l.settleLocked(t)
			return
		}
		j.tries = min(old.tries, 1) // the push service has been asked to wait, or not
		t.jobs[i] = &j
		return
	}
	room := l.s.cfg.LanePushes
	if !j.urgent {
		room /= 2
	}
	if l.waiting >= room || len(t.jobs) >= perTarget {
		l.s.metrics.dropped.WithLabelValues(j.kind, "too_many").Inc()
		l.settleLocked(t)
		return
	}
	at := len(t.jobs)
	if i := slices.IndexFunc(t.jobs[flying:], func(o *job) bool { return !o.urgent }); j.urgent && i >= 0 {
		at = flying + i
	}
	t.jobs = slices.Insert(t.jobs, at, &j)
	l.waiting++
	l.settleLocked(t)
}

func (l *lane) removeLocked(t *target, i int) {
	t.jobs = slices.Delete(t.jobs, i, i+1)
	l.waiting--
}

// settleLocked puts a browser where it belongs: into a queue, or nowhere when
// there is nothing left for it.
func (l *lane) settleLocked(t *target) {
	switch {
	case t.state == sending:
		return
	case len(t.jobs) == 0:
		if t.state == resting {
			t.timer.Stop()
		}
		if t.state == queued {
			l.urgent = without(l.urgent, t)
			l.ready = without(l.ready, t)
		}
		delete(l.targets, t.sub.Endpoint)
		return
	case t.state == resting:
		return
	case t.state == queued:
		if !t.jobs[0].urgent || slices.Contains(l.urgent, t) {
			return
		}
		l.ready = without(l.ready, t)
	}
	t.state = queued
	if t.jobs[0].urgent {
		l.urgent = append(l.urgent, t)
	} else {
		l.ready = append(l.ready, t)
	}
	if l.workers < l.s.cfg.LaneWorkers && !l.s.closed {
		l.workers++
		l.s.tasks.Go(l.work)
	}
}

func without(list []*target, t *target) []*target {
	if i := slices.Index(list, t); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// tidyLocked forgets a lane that nothing is for.
func (l *lane) tidyLocked() {
	if len(l.targets) == 0 && l.workers == 0 && l.s.lanes[l.origin] == l {
		delete(l.s.lanes, l.origin)
	}
}

// stopLocked ends the timers.
func (l *lane) stopLocked() {
	for _, t := range l.targets {
		if t.timer != nil {
			t.timer.Stop()
		}
	}
}

// work sends while there is something.
func (l *lane) work() {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed {
		t := l.takeLocked()
		if t == nil {
			break
		}
		t.state = sending
		j, user, sub := t.jobs[0], t.user, t.sub
		s.mu.Unlock()
		res := s.send(j, sub)
		if res.outcome == gone {
			s.forget(user, sub.Endpoint)
		}
		s.mu.Lock()
		l.doneLocked(t, j, res)
	}
	l.workers--
	l.tidyLocked()
}

func (l *lane) takeLocked() *target {
	for _, q := range []*[]*target{&l.urgent, &l.ready} {
		if len(*q) > 0 {
			t := (*q)[0]
			*q = slices.Delete(*q, 0, 1)
			return t
		}
	}
	return nil
}

// doneLocked takes what became of the first push of a browser.
func (l *lane) doneLocked(t *target, j *job, res result) {
	s := l.s
	t.state = idle
	switch {
	case res.outcome == gone:
		l.waiting -= len(t.jobs)
		t.jobs = nil
	case res.outcome == failed && j.tries+1 < s.cfg.Tries:
		j.tries++
		wait := s.retryAfter(j.tries, res.after)
		if s.cfg.Now().Add(wait).Before(j.until) {
			l.restLocked(t, j, wait)
			return
		}
		l.removeLocked(t, 0)
	default:
		l.removeLocked(t, 0)
	}
	if res.outcome == refused || res.outcome == failed {
		l.noteLocked(res)
	}
	s.metrics.sent.WithLabelValues(j.kind, string(res.outcome)).Inc()
	if res.outcome == accepted {
		s.metrics.seconds.Observe(s.cfg.Now().Sub(j.began).Seconds())
	}
	l.settleLocked(t)
}

// restLocked tries again later, unless something newer of the same topic has come:
// that one takes its place then, and its time.
func (l *lane) restLocked(t *target, j *job, wait time.Duration) {
	if i := slices.IndexFunc(t.jobs[1:], func(o *job) bool { return o.topic == j.topic }); i >= 0 {
		l.removeLocked(t, 0)
		l.s.metrics.sent.WithLabelValues(j.kind, "replaced").Inc()
	}
	t.state = resting
	t.timer = time.AfterFunc(wait, func() {
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		if l.s.closed || t.state != resting || l.targets[t.sub.Endpoint] != t {
			return
		}
		t.state = idle
		l.settleLocked(t)
	})
}

// noteLocked logs a refusal, of each push service once a minute.
func (l *lane) noteLocked(res result) {
	now := l.s.cfg.Now()
	if now.Sub(l.noted) < time.Minute {
		return
	}
	l.noted = now
	l.s.cfg.Logger.Warn("a push service does not take pushes", "service", l.origin, "status", res.status, "error", res.err)
}

// waiting counts what is to be sent.
func (s *Service) waiting() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.lanes {
		n += l.waiting
	}
	return float64(n)
}
