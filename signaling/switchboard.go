package signaling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Parts are what a switchboard is made of besides its Config.
type Parts struct {
	// Wheel carries the timers of sessions.
	Wheel *wheel.Wheel
	// Verify checks a token for auth:refresh.
	Verify func(ctx context.Context, token string) (*auth.Identity, error)
	// CallLog gets the record of every call that ended, once each (C14). It
	// must not block. Nil: only the log line.
	CallLog func(call.Record)
	// Chat keeps messages and the records of calls; nil: nobody does. Profiles
	// finds what the receiver of a message is told of an author whose token says
	// nothing; nil: nothing.
	Chat     chat.Store
	Profiles chat.Profiles
	// LiveCalls keeps what would be left of the live calls of a node that is alone;
	// nil: nobody does.
	LiveCalls chat.LiveCalls
	// Permits says who may call and message whom; nil: everybody (C15).
	Permits Permits
	// Notifiers hear of what happens (M9, C5): webhooks, push.
	Notifiers []Notifier
	// Wakes says whether somebody who is offline can be woken, so that a call may
	// ring meanwhile (C5); nil: nobody can.
	Wakes   func(ctx context.Context, user string) (bool, error)
	Metrics *Metrics
}

// Switchboard routes events between the sessions of this node.
type Switchboard struct {
	cfg      Config
	log      *slog.Logger
	store    presence.Store
	wheel    *wheel.Wheel
	verify   func(ctx context.Context, token string) (*auth.Identity, error)
	callLog  func(call.Record)
	chat     chat.Store // nil: messages are not kept
	profiles chat.Profiles
	permits  Permits
	metrics  *Metrics
	news     []*newsQueue
	newsCtx  context.Context // ends with Close
	wakes    func(ctx context.Context, user string) (bool, error)

	hub       *hub
	online    online
	callLocks [256]sync.Mutex // by call id: steps of a call take turns
	draining  atomic.Bool
	leaving   atomic.Bool // sessions end because the node does

	watchMu sync.Mutex
	watched watchers

	rateMu sync.Mutex
	rates  map[string]*rate.Limiter // calls per minute by user

	// What follows is for nodes that share calls with others.
	shared  bool
	self    atomic.Pointer[presence.Peer]
	renewed chan error    // what has come of the last renewal of the lease
	joined  chan struct{} // closed when store is there: inboxes are read before
	inTurn  *turn         // owned by the goroutine that reads the inbox
	book    *book
	owed    owed
	moving  moving
	asking  asking
	far     farTyping

	blocks   blocklists
	unlogged logQueue // records of calls
	liveLog  liveLog
	cut      []string        // users who were connected when this node began to leave
	statuses [128]statusLane // by author and reader of messages
	retold   retold

	stop   context.CancelFunc
	tasks  sync.Mutex // guards done.Go against closed
	closed bool
	done   sync.WaitGroup
}

// New makes a switchboard and starts its timers; Close ends them. The store is
// made by join, which gets the handler that it has to use.
func New(cfg Config, p Parts, join func(presence.Handler) (presence.Store, error)) (*Switchboard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if p.Wheel == nil || join == nil {
		return nil, errors.New("signaling: a wheel and a store are required")
	}
	sw := &Switchboard{
		cfg: cfg, log: cfg.Logger, wheel: p.Wheel, verify: p.Verify, callLog: p.CallLog, metrics: p.Metrics, chat: p.Chat, profiles: p.Profiles, permits: p.Permits, wakes: p.Wakes,
		hub: newHub(), watched: watchers{}, rates: map[string]*rate.Limiter{},
		joined: make(chan struct{}), renewed: make(chan error, 1), book: newBook(),
	}
	if sw.metrics == nil {
		sw.metrics = NewMetrics(nil)
	}
	if sw.verify == nil {
		sw.verify = func(context.Context, string) (*auth.Identity, error) {
			return nil, wire.Errorf(wire.CodeNotConfigured, "")
		}
	}
	sw.online.sw = sw
	ctx, stop := context.WithCancel(context.Background())
	sw.stop, sw.newsCtx = stop, ctx
	for _, n := range p.Notifiers {
		idler, _ := n.(Idler)
		sw.news = append(sw.news, &newsQueue{sw: sw, to: n, idler: idler})
	}
	store, err := join(sw)
	if err != nil {
		stop()
		return nil, err
	}
	sw.store, sw.shared = store, store.Shared()
	sw.nameSelf()
	if sw.shared {
		sw.answerWhereIs()
		sw.answerBackends()
	}
	sw.startLiveLog(p.LiveCalls)
	close(sw.joined)
	sw.done.Go(func() { sw.beat(ctx) })
	sw.done.Go(func() { sw.run(ctx) })
	return sw, nil
}

// beat renews the node's lease, whatever else there is to do, and lets run hear of it.
func (sw *Switchboard) beat(ctx context.Context) {
	tick := time.NewTicker(sw.cfg.Renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := sw.store.Renew(ctx)
		select {
		case earlier := <-sw.renewed: // the latest counts
			sw.log.Debug("nobody had time for a renewal of the lease", "error", earlier)
		default:
		}
		sw.renewed <- err
	}
}

// run does what is due by time; how the lease stands comes first, if there is always
// something.
func (sw *Switchboard) run(ctx context.Context) {
	tick, list := time.NewTicker(sw.cfg.Tick), time.NewTicker(sw.cfg.PresenceInterval)
	defer tick.Stop()
	defer list.Stop()
	for {
		select {
		case err := <-sw.renewed:
			sw.afterRenewal(ctx, err)
			sw.forgetRates()
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			sw.due(ctx)
			if err := sw.store.Sweep(ctx); err != nil {
				sw.log.Warn("presence could not be swept", "error", err)
			}
		case err := <-sw.renewed:
			sw.afterRenewal(ctx, err)
			sw.forgetRates()
		case <-list.C:
			sw.online.broadcast(ctx)
		}
	}
}

// afterRenewal joins again if the lease was lost, and does what had to wait for the
// store.
func (sw *Switchboard) afterRenewal(ctx context.Context, err error) {
	sw.logAgain()
	sw.keepLive()
	sw.readBlocksAgain(time.Now())
	sw.tidyMoving(time.Now())
	if errors.Is(err, presence.ErrLeaseLost) {
		err = sw.store.Renew(ctx) // it may have been said before it joined again
	}
	switch {
	case errors.Is(err, presence.ErrLeaseLost):
		sw.rejoin(ctx)
	case errors.Is(err, presence.ErrUnavailable):
		return // the store has said so
	case err != nil:
		sw.log.Error("the node's lease could not be renewed", "error", err)
		return
	}
	if sw.shared {
		sw.pay(ctx)
		now := sw.now()
		sw.book.tidy(now, sw.hasPart)
	}
}

// now is the cluster's time.
func (sw *Switchboard) now() time.Time { return sw.store.Now() }

// Leave says that the sessions which end from now on end because this node
// does: nobody did anything, so nobody is told, and no call ends of it. Dialects
// are closed after it.
func (sw *Switchboard) Leave() {
	sw.draining.Store(true)
	if sw.leaving.Swap(true) {
		return
	}
	sw.hub.all(func(s *Session) { sw.cut = append(sw.cut, s.user) })
}

// Close ends the timers and the membership. Sessions are closed by their
// dialects before.
func (sw *Switchboard) Close() {
	sw.stop()
	sw.closeAsking()
	sw.tasks.Lock()
	sw.closed = true
	sw.tasks.Unlock()
	sw.done.Wait()
	sw.logLast(sw.cut)
	for _, q := range sw.news {
		q.close()
	}
	if err := sw.store.Leave(context.Background()); err != nil {
		sw.log.Warn("the node could not leave presence", "error", err)
	}
}

// Drain makes the switchboard refuse new sessions and tells extended clients to
// go elsewhere within the time given.
func (sw *Switchboard) Drain(within time.Duration) {
	sw.draining.Store(true)
	o := newObject(nil)
	o.int("reconnectWithinMs", within.Milliseconds())
	ev := eventOf(wire.ServerDrain, o.end())
	t := sw.newTurn()
	defer t.end()
	sw.hub.all(func(s *Session) {
		if s.extended {
			s.send(t, ev)
		}
	})
}

// Sessions counts the sessions of this node.
func (sw *Switchboard) Sessions() int {
	n := 0
	sw.hub.all(func(*Session) { n++ })
	return n
}

// OnlineUsers lists online users for the HTTP API: at most limit, from a cursor
// on; next is "" after the last page.
func (sw *Switchboard) OnlineUsers(ctx context.Context, cursor string, limit int) (users []string, next string, err error) {
	p, err := sw.store.Online(ctx, cursor, limit)
	if errors.Is(err, presence.ErrUnavailable) { // whoever asks may know that, and ask again
		err = fmt.Errorf("%w: %w", wire.Errorf(wire.CodeUnavailable, ""), err)
	}
	return p.Users, p.Next, err
}

// LiveCalls counts the calls that have not ended.
func (sw *Switchboard) LiveCalls(ctx context.Context) (int, error) { return sw.store.LiveCalls(ctx) }

// ended takes the record of a call (C14).
func (sw *Switchboard) ended(r call.Record) {
	sw.metrics.callEnded(r)
	sw.log.Debug("call ended", "call", r.ID, "caller", r.Caller, "callee", r.Callee, "reason", string(r.Reason), "duration", r.Duration)
	if sw.callLog != nil {
		sw.callLog(r)
	}
	if sw.chat != nil && !sw.shared {
		sw.logAlone(r)
	}
}

// mayCall counts a call against its caller's rate.
func (sw *Switchboard) mayCall(t *turn, user string) bool {
	sw.rateMu.Lock()
	defer sw.rateMu.Unlock()
	l := sw.rates[user]
	if l == nil {
		n := sw.cfg.CallsPerMinute
		l = rate.NewLimiter(rate.Limit(float64(n)/60), n)
		sw.rates[user] = l
	}
	return l.AllowN(t.now, 1)
}

// forgetRates drops the limiters that are full again: they say nothing.
func (sw *Switchboard) forgetRates() {
	sw.rateMu.Lock()
	defer sw.rateMu.Unlock()
	now := sw.now()
	for user, l := range sw.rates {
		if l.TokensAt(now) >= float64(sw.cfg.CallsPerMinute) {
			delete(sw.rates, user)
		}
	}
}
