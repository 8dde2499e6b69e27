package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

// Kinds that stores use among themselves. What follows the kind in a payload is
// described where it is made.
const (
	kindForget  = presence.KindStore + iota // forget a user's routes
	kindWatched                             // the state of a user that the receiver watches
	kindConfirm                             // I have all letters before this one
	kindWant                                // send from this one on again
	kindWhere                               // this was my last one: confirm, or want
)

const (
	// busTick is how often outlets are looked after: those that were refused
	// try again, those that wait for a confirmation ask for it.
	busTick = 200 * time.Millisecond
	// askAfter is how long a letter may be unconfirmed before its sender asks.
	askAfter = 2 * time.Second
	// confirmAfter and confirmBytes bound how long and how much a receiver
	// leaves unconfirmed.
	confirmAfter = 200 * time.Millisecond
	confirmBytes = 64 << 10
	// inboxKeep is how long an inbox stays that nobody reads.
	inboxKeep = 5 * time.Minute
)

// bus is how this node and others reach each other (P3). What goes out is in
// bus_send.go, one outlet for each node; what comes in is in bus_read.go, read by
// one goroutine, and by one more for each trunk (trunk.go); how letters are numbered, confirmed and asked for again is in
// bus_confirm.go.
type bus struct {
	cfg     Config
	keys    keys
	pipe    *pipe
	health  *health
	handler presence.Handler // nil: nobody listens
	self    func() presence.Peer
	table   map[presence.Kind]func(from presence.Peer, payload []byte) // the store's own kinds

	// Of the store: see Store.hears; nodes are all that live, this one included;
	// tick is called every busTick while Redis is there.
	hears func(presence.Peer) bool
	nodes func() []presence.Node
	tick  func()
	came  func() // a node has laid a trunk to this one

	origin uint64 // of this run
	gens   atomic.Uint64

	mu      sync.Mutex // for changing outlets
	outlets atomic.Pointer[map[presence.Peer]*outlet]
	closed  atomic.Bool

	flights  int // batches on their way, guarded by flightMu
	flightMu sync.Mutex
	landed   sync.Cond // flights is 0

	inbox    *inbox
	knocks   knocks
	trunks   group // out
	arrivals group // trunks of others

	dones  line // answers to those who sent
	deaths line // what dead nodes did not confirm

	stop   context.CancelFunc
	reader goredis.UniversalClient
	tasks  sync.WaitGroup

	stats busStats
}

// busStats counts what happened.
type busStats struct {
	batches, letters, again, refused, received, repeated, gaps, skipped atomic.Uint64

	trunks atomic.Int64
}

// BusStats is what the bus has done since the start.
type BusStats struct {
	Batches  uint64 // entries written to other nodes' inboxes
	Letters  uint64 // payloads in them
	Again    uint64 // payloads sent again
	Refused  uint64 // payloads not sent: away, full or dead
	Received uint64 // payloads from other nodes
	Repeated uint64 // payloads that came again and were dropped
	Gaps     uint64 // times that something was missing
	Skipped  uint64 // entries of another version or malformed
}

// BusStats returns the counters of the bus.
func (s *Store) BusStats() BusStats {
	t := &s.bus.stats
	return BusStats{
		t.batches.Load(), t.letters.Load(), t.again.Load(), t.refused.Load(),
		t.received.Load(), t.repeated.Load(), t.gaps.Load(), t.skipped.Load(),
	}
}

// Send queues a payload for another node (presence.Bus). done runs on a
// goroutine of the bus, one at a time.
func (s *Store) Send(to presence.Peer, kind presence.Kind, lane presence.Lane, payload []byte, done func(error)) error {
	return s.bus.send(to, kind, lane, payload, done)
}

// startBus begins to read this node's inbox. It is called once, when the lease
// is taken. The functions of the table get payloads of kinds from KindStore on;
// they run on the reader's goroutine, as Handler.Receive does.
func (s *Store) startBus(table map[presence.Kind]func(from presence.Peer, payload []byte)) error {
	b := newBus(s.cfg, s.keys, s.pipe, s.health, s.handler, func() presence.Peer { return s.Self().Peer })
	b.table, b.tick = table, s.tellHanded
	b.hears, b.nodes, b.came = s.hears, s.Nodes, s.trunkCame
	if err := b.start(); err != nil {
		return err
	}
	s.bus = b
	return nil
}

// stopBus hands over what is queued and ends all goroutines of the bus. The pipe
// has to be open.
func (s *Store) stopBus() { s.bus.close() }

// dropInbox forgets the inbox of a node that is buried.
func (s *Store) dropInbox(of presence.Peer) {
	s.pipe.post(nil, goredis.NewIntCmd(context.Background(), "unlink", s.keys.inbox(of.Name, of.Epoch)))
}

func newBus(cfg Config, k keys, p *pipe, h *health, handler presence.Handler, self func() presence.Peer) *bus {
	b := &bus{cfg: cfg, keys: k, pipe: p, health: h, handler: handler, self: self}
	b.landed.L = &b.flightMu
	b.knocks.lease, b.knocks.log = cfg.Lease, cfg.Logger
	b.hears = func(p presence.Peer) bool { return p == self() }
	b.nodes = func() []presence.Node { return nil }
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	b.origin = binary.BigEndian.Uint64(seed[:])
	b.outlets.Store(&map[presence.Peer]*outlet{})
	return b
}

func (b *bus) start() error {
	cfg := b.cfg
	cfg.Timeout += readBlock // what blocks may take longer to answer
	rdb, err := Connect(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.reader, b.stop = rdb, cancel
	b.inbox = newInbox(b, rdb)
	b.tasks.Go(func() { b.inbox.run(ctx) })
	b.tasks.Go(func() { b.tend(ctx) })
	return nil
}

func (b *bus) close() {
	b.hush()
	if b.closed.Swap(true) {
		return
	}
	b.flightMu.Lock()
	for b.flights > 0 {
		b.landed.Wait()
	}
	b.flightMu.Unlock()
	b.trunks.end()
	for _, o := range *b.outlets.Load() {
		o.leave()
	}
	b.dones.wait()
	b.deaths.wait()
}

// hush ends the reading of the inbox. What was read is handled and confirmed, and
// the rest goes back to who sent it: nothing is read by a node that can not pass
// it on any more.
func (b *bus) hush() {
	b.stop()
	_ = b.reader.Close() // ends a read that blocks
	b.arrivals.end()
	b.tasks.Wait()
	b.inbox.confirmAll()
}

// tend looks after the outlets.
func (b *bus) tend(ctx context.Context) {
	tick := time.NewTicker(busTick)
	defer tick.Stop()
	trips := b.health.trips.Load()
	if b.cfg.Dial != nil {
		b.lay(time.Now())
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.health.isDown() {
			continue
		}
		if n := b.health.trips.Load(); n != trips {
			trips = n
			b.resend()
		}
		now := time.Now()
		for _, o := range *b.outlets.Load() {
			o.tend(now)
		}
		if b.cfg.Dial != nil {
			b.lay(now)
		}
		b.inbox.confirmDue(now)
		if b.tick != nil {
			b.tick()
		}
	}
}

// resend makes sure, after Redis was away, that what was sent before arrives.
func (b *bus) resend() {
	for _, o := range *b.outlets.Load() {
		o.ask()
	}
}

// nodeGone says that nobody reads the inbox of the peer any more, since it left
// or died. What it has not confirmed goes to Handler.Undelivered.
func (b *bus) nodeGone(peer presence.Peer, left bool) {
	if o := b.remove(peer, nil); o != nil {
		o.bury(left)
	}
}

// rejoined says that this node has taken a new epoch, and so another inbox: it
// ends the read of the old one.
func (b *bus) rejoined(old presence.Peer) {
	b.inbox.renewed()
	key := b.keys.inbox(old.Name, old.Epoch)
	b.pipe.post(nil,
		goredis.NewStringCmd(context.Background(), "xadd", key, "*", "w", "1"),
		// The reader may have left it, and unlinked it, by itself before.
		goredis.NewBoolCmd(context.Background(), "pexpire", key, 5000))
}

func (b *bus) outlet(to presence.Peer) *outlet {
	if o := (*b.outlets.Load())[to]; o != nil {
		return o
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *b.outlets.Load()
	if o := old[to]; o != nil {
		return o
	}
	o := newOutlet(b, to)
	m := maps.Clone(old)
	m[to] = o
	b.outlets.Store(&m)
	return o
}

// remove takes an outlet away, if it is this one (nil: whichever).
func (b *bus) remove(to presence.Peer, this *outlet) *outlet {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *b.outlets.Load()
	o := old[to]
	if o == nil || this != nil && o != this {
		return nil
	}
	m := maps.Clone(old)
	delete(m, to)
	b.outlets.Store(&m)
	return o
}

// byGen finds the outlet whose letters a receiver counts. Its epoch may be
// another one by now.
func (b *bus) byGen(name string, gen uint64) *outlet {
	for peer, o := range *b.outlets.Load() {
		if peer.Name == name && o.counts(gen) {
			return o
		}
	}
	return nil
}

func (b *bus) flightBegins() {
	b.flightMu.Lock()
	b.flights++
	b.flightMu.Unlock()
}

func (b *bus) flightEnds() {
	b.flightMu.Lock()
	if b.flights--; b.flights == 0 {
		b.landed.Broadcast()
	}
	b.flightMu.Unlock()
}

// undelivered gives letters back to the handler, in their order. Those of the
// store's own are about what the node had, and void without it.
func (b *bus) undelivered(to presence.Peer, list []letter, left bool) {
	sent := len(list)
	list = slices.DeleteFunc(list, func(l letter) bool { return l.kind >= presence.KindStore })
	level, what := slog.LevelWarn, "a node died before it had all that was sent to it"
	if left || len(list) == 0 {
		level, what = slog.LevelDebug, "a node was gone before it confirmed all that was sent to it"
	}
	b.cfg.Logger.Log(context.Background(), level, what, "node", to.Name, "epoch", to.Epoch, "payloads", sent, "returned", len(list))
	if b.handler == nil || len(list) == 0 {
		return
	}
	b.deaths.add(func() {
		for _, l := range list {
			guard(b.cfg.Logger, func() { b.handler.Undelivered(to, l.kind, l.payload) })
		}
	})
}

// guard keeps a panic of somebody else's function from ending the goroutine.
func guard(log *slog.Logger, f func()) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(log, p)
		}
	}()
	f()
}

// line runs what is given to it one after the other, on a goroutine that is
// there while there is something to run.
type line struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	tasks   sync.WaitGroup
}

func (l *line) add(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
	if !l.running {
		l.running = true
		l.tasks.Go(l.run)
	}
}

func (l *line) run() {
	for {
		l.mu.Lock()
		list := l.queue
		l.queue = nil
		l.running = len(list) > 0
		l.mu.Unlock()
		if len(list) == 0 {
			return
		}
		for _, f := range list {
			f()
		}
	}
}

// wait waits for what was given until now.
func (l *line) wait() { l.tasks.Wait() }

// errAway, errFull and errDead say why a payload was not taken.
var (
	errAway = presence.ErrUnavailable
	errFull = fmt.Errorf("%w: the inbox is full", presence.ErrUnavailable)
	errDead = fmt.Errorf("%w: the node has no lease", presence.ErrUnavailable)
	errKept = fmt.Errorf("%w: too much waits for the node's confirmation", presence.ErrUnavailable)
)
